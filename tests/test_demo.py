"""What a newcomer finds after the first start."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command

from redreport import clock
from redreport.accounts.models import User
from redreport.local.demo import load_people_and_schedule
from redreport.local.demo_accounts import DEMO_ACCOUNTS, STAFF_EMAIL
from redreport.outbox.models import OutgoingMail
from sessions_live.models import Host, LiveSession, Seat

pytestmark = pytest.mark.django_db


@pytest.fixture
def caught(settings: Any, tmp_path: Any) -> None:
    settings.LOCAL_MAIL_DIR = str(tmp_path)


def load() -> bool:
    return load_people_and_schedule(password="only for this test", now=clock.now())


def test_the_schedule_has_six_coming_and_three_past_sessions(caught: None) -> None:
    assert load()
    now = clock.now()
    coming = [live_session for live_session in LiveSession.objects.all() if live_session.is_on_sale(now)]
    assert len(coming) == 6
    assert LiveSession.objects.filter(state=LiveSession.State.ENDED).count() == 3
    assert Host.objects.count() == 2
    minutes_to_the_first = (coming[0].starts_at - now).total_seconds() / 60
    assert 18 < minutes_to_the_first <= 20
    assert min(s.capacity - s.seats.filter(state__in=Seat.ACTIVE).count() for s in coming) == 2


def test_past_sessions_were_attended_but_not_by_everybody(caught: None) -> None:
    load()
    past = Seat.objects.filter(live_session__state=LiveSession.State.ENDED)
    assert set(past.values_list("state", flat=True)) == {Seat.State.ATTENDED, Seat.State.NO_SHOW}


def test_nobody_is_mailed_today_about_the_past(caught: None) -> None:
    load()
    queued = OutgoingMail.objects.filter(state=OutgoingMail.State.QUEUED)
    assert queued.exists()
    past = Seat.objects.filter(live_session__state=LiveSession.State.ENDED).values_list("pk", flat=True)
    assert {mail.context["seat_id"] for mail in queued} & set(past) == set()


def test_loading_it_again_changes_nothing(caught: None) -> None:
    load()
    before = (LiveSession.objects.count(), Seat.objects.count(), User.objects.count(), OutgoingMail.objects.count())
    assert not load()
    assert (LiveSession.objects.count(), Seat.objects.count(), User.objects.count(), OutgoingMail.objects.count()) == before


def test_where_mails_really_go_out_no_seat_is_given() -> None:
    load()
    assert LiveSession.objects.count() == 9
    assert Seat.objects.count() == 0
    assert OutgoingMail.objects.count() == 0


def test_its_accounts_sign_in_with_the_password_of_this_copy(caught: None) -> None:
    load()
    assert all(User.objects.get(email=email).check_password("only for this test") for _, email in DEMO_ACCOUNTS)
    assert User.objects.get(email=STAFF_EMAIL).is_superuser


def test_without_a_password_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEMO_PASSWORD", raising=False)
    with pytest.raises(CommandError, match="DEMO_PASSWORD"):
        call_command("load_demo")
