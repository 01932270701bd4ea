"""An attendee whose seat a colleague booked says that they cannot come: the booker is told, and the seat stays."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from redreport import clock
from redreport.audit.models import AuditEntry
from redreport.outbox import kinds
from redreport.outbox.models import OutgoingMail
from sessions_live.models import LiveSession, Seat
from sessions_live.operations.reminders import queue_due_reminders
from sessions_live.seat_links import CANT_COME, DOOR
from tests.canceling import cancel
from tests.factories import make_live_session, make_user
from tests.fixtures_shop import Shop
from tests.parties import BO, party_of


@pytest.fixture
def seat(shop: Shop) -> Seat:
    """Bo's seat, which Ada booked beside her own."""
    ada = make_user("Ada Reader", email="ada@example.com")
    shop.sell_seats(ada, make_live_session(), party_of(ada, BO))
    return Seat.objects.select_related("live_session", "booked_by").get(attendee_email=BO.email)


def say(seat: Seat, answer: str) -> Any:
    return Client().post(f"/seats/cant-come/{CANT_COME.token(seat)}/", {"answer": answer})


def look(seat: Seat, method: str = "get") -> Any:
    return getattr(Client(), method)(f"/seats/cant-come/{CANT_COME.token(seat)}/")


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def refusals() -> list[OutgoingMail]:
    return list(OutgoingMail.objects.filter(kind="cant_come").order_by("id"))


def verdict_of(mail: OutgoingMail) -> tuple[str, str]:
    verdict = kinds.find(mail.kind).guard(mail, clock.now())
    return verdict.action, verdict.reason


@pytest.mark.parametrize("method", ["get", "head"])
def test_a_mail_scanners_look_changes_nothing(seat: Seat, method: str) -> None:
    answer = look(seat, method)
    seat.refresh_from_db()
    assert (answer.status_code, seat.declined_at, refusals()) == (200, None, [])
    assert (answer["Referrer-Policy"], answer["X-Robots-Tag"]) == ("no-referrer", "noindex")
    assert "no-store" in answer["Cache-Control"]


def test_saying_so_tells_the_booker_once_and_leaves_the_seat(seat: Seat) -> None:
    for _ in range(2):
        answer = say(seat, "cannot")
        assert (answer.status_code, answer["Location"]) == (303, f"/seats/cant-come/{CANT_COME.token(seat)}/")
    seat.refresh_from_db()
    assert (seat.state, seat.declined_at is not None, DOOR.seat_behind(DOOR.token(seat))) == ("confirmed", True, seat)
    [mail] = refusals()
    assert (mail.recipient, verdict_of(mail)) == ("ada@example.com", ("send", ""))
    assert "You said that you can’t come" in text_of(look(seat))
    assert AuditEntry.objects.filter(verb="declined").count() == 1


def test_mail_says_who_and_what_the_booker_can_do_until_when(seat: Seat) -> None:
    say(seat, "cannot")
    rendered = kinds.find("cant_come").render(refusals()[0])
    assert rendered.subject == f"Bo Chen can't come to {seat.live_session.title}"
    for part in (rendered.text, rendered.html):
        pages = [f"/seats/{seat.public_id}/{what}/" for what in ("cancel", "hand-over")]
        for said in ("bo@example.org", "Until ", "get back what it cost", *pages):
            assert said in part, said
        assert "/door/" not in part
        assert "/cant-come/" not in part


def test_late_mail_does_not_promise_money(seat: Seat) -> None:
    with time_machine.travel(seat.live_session.starts_at - timedelta(hours=3), tick=False):
        say(seat, "cannot")
        rendered = kinds.find("cant_come").render(refusals()[0])
    assert "nothing is returned for it any more" in rendered.text
    assert "get back what it cost" not in rendered.text


def test_a_second_thought_takes_it_back_and_withholds_a_mail_not_sent_yet(seat: Seat) -> None:
    say(seat, "cannot")
    for _ in range(2):
        assert say(seat, "can").status_code == 303
    seat.refresh_from_db()
    assert seat.declined_at is None
    assert verdict_of(refusals()[0])[0] == "withhold"
    assert "Can’t come?" in text_of(look(seat))
    say(seat, "cannot")
    assert [verdict_of(mail)[0] for mail in refusals()] == ["withhold", "send"]


def test_it_can_be_said_until_the_start_only(seat: Seat) -> None:
    with time_machine.travel(seat.live_session.starts_at, tick=False):
        assert say(seat, "cannot").status_code == 409
        assert "The session has begun." in text_of(look(seat))
    seat.refresh_from_db()
    assert (seat.declined_at, refusals()) == (None, [])


def test_who_has_come_in_cannot_say_so(seat: Seat) -> None:
    Seat.objects.filter(pk=seat.pk).update(state=Seat.State.ATTENDED, entered_at=clock.now())
    answer = say(seat, "cannot")
    assert (answer.status_code, refusals()) == (409, [])
    assert "You have come in already." in text_of(answer)


def test_link_dies_with_the_seat_with_its_session_and_when_it_changes_hands(seat: Seat) -> None:
    token = CANT_COME.token(seat)
    page = f"/seats/cant-come/{token}/"
    LiveSession.objects.update(state=LiveSession.State.CANCELED)
    assert Client().get(page).status_code == 404
    LiveSession.objects.update(state=LiveSession.State.PUBLISHED)
    Seat.objects.filter(pk=seat.pk).update(door_version=1)
    assert Client().post(page, {"answer": "cannot"}).status_code == 404
    Seat.objects.filter(pk=seat.pk).update(door_version=0)
    cancel(seat)
    answer = Client().post(page, {"answer": "cannot"})
    assert (answer.status_code, answer["Referrer-Policy"], refusals()) == (404, "no-referrer", [])


def test_doors_token_says_nothing_here_and_a_booker_cancels_instead(seat: Seat) -> None:
    assert Client().get(f"/seats/cant-come/{DOOR.token(seat)}/").status_code == 404
    own = Seat.objects.get(attendee_email="ada@example.com")
    assert say(own, "cannot").status_code == 404
    assert refusals() == []


def test_an_answer_that_is_none_changes_nothing(seat: Seat) -> None:
    assert say(seat, "perhaps").status_code == 400
    assert refusals() == []


def test_browser_without_cookies_that_hides_where_it_comes_from_may_say_so(seat: Seat) -> None:
    page = f"/seats/cant-come/{CANT_COME.token(seat)}/"
    answer = Client(enforce_csrf_checks=True).post(page, {"answer": "cannot"}, headers={"Origin": "null"})
    assert (answer.status_code, len(refusals())) == (303, 1)


def test_booker_sees_it_on_the_order_and_in_the_account(seat: Seat) -> None:
    say(seat, "cannot")
    client = Client()
    client.force_login(seat.booked_by)
    order = seat.coverage.order
    assert order is not None
    assert "Can’t come</strong>, as they told us on" in text_of(client.get(f"/orders/{order.number}/"))
    assert "Can’t come" in text_of(client.get("/account/")) or "can’t come" in text_of(client.get("/account/"))


def test_who_cannot_come_is_not_reminded(seat: Seat) -> None:
    say(seat, "cannot")
    with time_machine.travel(seat.live_session.starts_at - timedelta(hours=24), tick=False):
        queue_due_reminders(now=clock.now())
        verdicts = {
            mail.recipient: verdict_of(mail)[0] for mail in OutgoingMail.objects.filter(kind="reminder_24h").order_by("id")
        }
    assert verdicts.get(BO.email, "withhold") == "withhold"
    assert verdicts["ada@example.com"] == "send"


def test_colleagues_confirmation_asks_them_to_say_so_and_the_bookers_own_does_not(seat: Seat) -> None:
    for recipient, asks in ((BO.email, True), ("ada@example.com", False)):
        rendered = kinds.find("seat_confirmed").render(OutgoingMail.objects.get(kind="seat_confirmed", recipient=recipient))
        for part in (rendered.text, rendered.html):
            assert ("/seats/cant-come/" in part) is asks
            assert ("/cancel/" in part) is not asks


def test_who_changes_their_mind_again_and_again_does_not_fill_the_bookers_mailbox(seat: Seat) -> None:
    for _ in range(8):
        assert say(seat, "cannot").status_code == 303
        assert say(seat, "can").status_code == 303
    assert say(seat, "cannot").status_code == 303
    seat.refresh_from_db()
    assert (len(refusals()), seat.declined_at is not None) == (5, True)
