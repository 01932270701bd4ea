"""What a newcomer finds after the first start."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command

from redreport import clock
from redreport.accounts.models import User
from redreport.local.demo import load_people_and_schedule
from redreport.local.demo_accounts import DEMO_ACCOUNTS, HOST_EMAIL, STAFF_EMAIL
from redreport.local.demo_purchases import buy_seat_with_a_card_in_doubt, compare_with_simulator
from redreport.outbox.models import OutgoingMail
from sessions_live.models import Host, LiveSession, Seat, WaitlistEntry
from subscriptions.models import Case, Order, Reconciliation, SeatCoverage
from tests.fixtures_shop import Shop

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
    left = [s.capacity - s.seats.filter(state__in=Seat.ACTIVE).count() for s in coming]
    assert sorted(left)[:2] == [0, 2]


def test_desk_has_somebody_who_waits_and_a_seat_that_was_paid_past_stripe(caught: None) -> None:
    load()
    waiting = WaitlistEntry.objects.in_turn().values_list("attendee_name", "state", "live_session__title")
    title = "Outbound investment: the second draft"
    assert list(waiting) == [("Ruth Adeyemi", "waiting", title), ("Paolo Conti", "waiting", title)]
    offline = SeatCoverage.objects.get(kind=SeatCoverage.Kind.OFFLINE)
    assert (offline.amount_minor, offline.currency, offline.note) == (25_000, "usd", "INV-2041, bank transfer")


def test_host_of_the_demo_is_staff_for_the_sessions_they_host_alone(caught: None) -> None:
    load()
    host = User.objects.get(email=HOST_EMAIL)
    assert (host.is_staff, host.is_superuser, [group.name for group in host.groups.all()]) == (True, False, ["host"])
    assert LiveSession.objects.filter(hosts__user=host).count() == 6


def test_seat_bought_with_a_card_in_doubt_is_paid_once_and_its_case_opens(caught: None, shop: Shop) -> None:
    load()
    assert buy_seat_with_a_card_in_doubt(now=clock.now())
    assert not buy_seat_with_a_card_in_doubt(now=clock.now())
    shop.hear_all()
    case = Case.objects.get()
    assert (case.kind, case.state) == (Case.Kind.FRAUD_WARNING, Case.State.OPENED)
    assert case.payment
    assert case.payment.order
    assert case.payment.order.state == Order.State.PAID


def test_books_are_compared_with_the_simulator_once_and_nothing_differs(caught: None, shop: Shop) -> None:
    load()
    buy_seat_with_a_card_in_doubt(now=clock.now())
    assert compare_with_simulator(now=clock.now())
    assert not compare_with_simulator(now=clock.now())
    run = Reconciliation.objects.get()
    assert (run.finished_at is None, run.found) == (False, 0)


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
