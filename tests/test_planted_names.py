"""Names that were typed to do harm, wherever staff read them; what the files make of them is in `tests/test_exports.py`."""

from html import escape

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from redreport import audit, clock
from redreport.accounts.models import User
from redreport.outbox import kinds
from redreport.outbox.models import OutgoingMail
from redreport.text import NAME_LENGTH
from sessions_live.models import LiveSession, Seat
from tests.factories import make_guest_seat, make_live_session, make_staff, make_user
from tests.outbox_helpers import rendered_mail
from tests.test_exports import unsafe_parts

pytestmark = pytest.mark.django_db

FORMULA, SCRIPT, LONGEST = "=cmd()", "<script>alert(1)</script>", "N" * NAME_LENGTH
planted = pytest.mark.parametrize("name", [FORMULA, SCRIPT, LONGEST], ids=["formula", "script", "longest"])


@pytest.fixture
def desk() -> Client:
    client = Client()
    client.force_login(make_staff())
    return client


def seat_of(name: str) -> Seat:
    """A seat in a session, both named so."""
    live_session = make_live_session()
    LiveSession.objects.filter(pk=live_session.pk).update(title=name)
    return make_guest_seat(live_session, make_user(name, firm=name))


@planted
def test_name_stands_as_plain_text_on_roster_paper_story_lists_and_audit_trail(desk: Client, name: str) -> None:
    seat = seat_of(name)
    audit.record(actor=make_user(name), verb="noted", target=seat, reason=name, now=clock.now())
    session = f"/admin/desk/sessions/{seat.live_session_id}"
    for address in (
        f"{session}/roster/",
        f"{session}/roster/print/?emails=1",
        f"{session}/check-in/",
        f"/admin/desk/seats/{seat.pk}/",
        "/admin/desk/rosterseat/",
        "/admin/audit/auditentry/?q=" + str(seat.pk),
        "/admin/",
    ):
        page = desk.get(address)
        assert page.status_code == 200, address
        text = page.content.decode()
        assert SCRIPT not in text, address
        assert escape(name) in text, address
        assert unsafe_parts(page) == [], address


@planted
def test_name_is_plain_text_in_both_parts_of_the_mail(name: str) -> None:
    seat_of(name)
    mail = rendered_mail("seat_confirmed")
    assert name in mail.text
    assert escape(name) in mail.html
    assert SCRIPT not in mail.html
    [owed] = OutgoingMail.objects.filter(kind="seat_confirmed")
    assert kinds.find(owed.kind).guard(owed, clock.now()) == kinds.Verdict.send()


def test_name_of_three_hundred_letters_is_refused_where_it_is_typed() -> None:
    with pytest.raises(ValidationError, match="at most 120 characters"):
        User(name="N" * 300, email="n@example.com", password="!").full_clean()
