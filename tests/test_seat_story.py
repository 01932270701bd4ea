"""Everything that happened to a seat, in time order, on one page."""

import re
import uuid
from datetime import datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from redreport import audit, clock
from redreport.accounts.models import User
from redreport.desk.models import RosterSeat
from redreport.desk.seat_story import story_of
from redreport.outbox.models import OutgoingMail
from sessions_live.models import DoorEntry, Feedback, Question, Seat
from sessions_live.operations.attendance import check_in_seat, enter_by_door, undo_check_in
from sessions_live.operations.declining import accept_seat_again, decline_seat
from sessions_live.operations.handover import hand_over_seat
from sessions_live.operations.seats import Attendee
from sessions_live.seat_links import AUTO_OUT, CANT_COME, DOOR, REPLAY
from subscriptions.models import CreditEntry, Order
from subscriptions.operations.booking import book_with_credit
from subscriptions.operations.cancel import cancel_seat_by_house
from tests.factories import make_credits, make_guest_seat, make_live_session, make_staff, make_user
from tests.fixtures_shop import Shop
from tests.moving import move
from tests.parties import BO, CY, party_of
from tests.rosters import PLANTED
from tests.staff import desk_of, staff_who_may
from tests.waiting import entry_of, free_a_seat, sold_out_session, waits

MOST_QUERIES = 18


def told(seat: Seat) -> list[str]:
    """What the story says, from the first."""
    found = RosterSeat.objects.select_related("live_session", "booked_by", "coverage__order").get(pk=seat.pk)
    return [event.what for event in story_of(found).events]


def page(seat: Seat, user: User | None = None) -> str:
    answer = desk_of(user).get(f"/admin/desk/seats/{seat.pk}/")
    assert answer.status_code == 200
    return answer.content.decode()


def facts(html: str) -> dict[str, str]:
    return dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", html))


def in_order(words: list[str], story: list[str]) -> bool:
    """Whether each of the words begins an event, in this order."""
    rest = iter(story)
    return all(any(event.startswith(word) for event in rest) for word in words)


def test_a_bought_seat_tells_its_life_from_the_hold_to_the_refund(shop: Shop) -> None:
    staff, ada = make_staff(), make_user("Ada Reader")
    start = clock.now()
    with time_machine.travel(start, tick=True) as traveler:
        seat = shop.sell_seat(ada, make_live_session())
        number = Order.objects.get().number

        def later() -> datetime:
            traveler.shift(timedelta(minutes=1))
            return clock.now()

        bo = Attendee("Bo Chen", "bo@example.org")
        hand_over_seat(user=ada, seat_public_id=seat.public_id, attendee=bo, now=later())
        decline_seat(seat_id=seat.pk, door_version=1, now=later())
        accept_seat_again(seat_id=seat.pk, door_version=1, now=later())
        move(seat.live_session, now=later())
        full = Seat.Restitution.FULL
        cancel_seat_by_house(seat_id=seat.pk, actor=staff, reason="Host ill", restitution=full, now=later())
        story = told(seat)
    assert in_order(
        [
            "Seat taken for Ada Reader",
            f"Paid: $250, order {number}",
            "Confirmed",
            f"Handed over from Ada Reader ({ada.email}) to Bo Chen (bo@example.org)",
            "Said that they cannot come",
            "Said that they can come after all",
            "Session moved from",
            "Canceled by the house: Host ill",
        ],
        story,
    ), story
    assert "Settled: refunded" in story
    assert any(event.startswith("Refund of $250: ") for event in story)
    for mail in (f"Mail to {ada.email}: confirmation queued", "Mail to bo@example.org: new time queued"):
        assert mail in story
    html = page(seat)
    assert f"/admin/subscriptions/order/{seat.coverage.order_id}/change/" in html
    assert "/admin/subscriptions/refund/" in html
    assert "/admin/outbox/outgoingmail/" in html


def test_a_refund_of_a_colleagues_seat_is_not_told_of_this_one(shop: Shop) -> None:
    ada, live_session = make_user("Ada"), make_live_session()
    shop.sell_seats(ada, live_session, party_of(ada, BO, CY))
    bo, cy = Seat.objects.get(attendee_email=BO.email), Seat.objects.get(attendee_email=CY.email)
    full = Seat.Restitution.FULL
    cancel_seat_by_house(seat_id=bo.pk, actor=make_staff(), reason="They rang", restitution=full, now=clock.now())
    assert any(event.startswith("Refund of $250") for event in told(bo))
    assert not any(event.startswith("Refund") for event in told(cy))


@pytest.mark.django_db
def test_a_seat_that_staff_moved_to_another_session_tells_of_both_while_it_was_in_them() -> None:
    first, second, staff = make_live_session(), make_live_session(), make_staff()
    seat, now = make_guest_seat(first), clock.now()
    move(first, now=now + timedelta(minutes=1))
    move(second, now=now + timedelta(minutes=2))
    at = now + timedelta(minutes=3)
    detail = {"from": first.pk, "to": second.pk, "was_starting_at": first.starts_at.isoformat(), "number": 1}
    audit.record(actor=staff, verb="moved", target=seat, reason="They asked", detail=detail, now=at)
    Seat.objects.update(live_session=second, held_at=at)
    move(first, now=now + timedelta(minutes=4))
    move(second, now=now + timedelta(minutes=5))
    story = [event for event in told(seat) if not event.startswith("Mail")]
    assert [event.split(" from ")[0].split(":")[0] for event in story] == [
        *("Seat taken for Ada Reader", "Confirmed", "Complimentary", "Session moved", "Moved", "Session moved")
    ]
    assert story[4] == f"Moved from {first.title} to {second.title}: They asked"


@pytest.mark.django_db(transaction=True)
def test_a_seat_of_the_waitlist_by_credit_tells_when_they_joined_were_offered_it_and_the_credit() -> None:
    from subscriptions.operations.offers import take_offer_with_credit

    live_session, reader = sold_out_session(), make_user("Wanda")
    make_credits(reader)
    waits(live_session, reader, by_credit=True)
    free_a_seat(live_session)
    take_offer_with_credit(user=reader, live_session_id=live_session.pk, now=clock.now())
    seat = entry_of(reader, live_session).seat
    assert seat
    assert in_order(["Joined the waitlist", "Offered this seat until", "1 credit used"], told(seat))
    cancel_seat_by_house(
        seat_id=seat.pk, actor=make_staff(), reason="They rang", restitution=Seat.Restitution.FULL, now=clock.now()
    )
    assert in_order(["1 credit used", "Canceled by the house", "Credit returned", "Settled: credit returned"], told(seat))


@pytest.mark.django_db
def test_the_door_devices_check_in_questions_and_feedback_are_told() -> None:
    live_session, staff = make_live_session(starts_in=timedelta(minutes=5)), make_staff()
    seat = make_guest_seat(live_session, make_user("Grace"))
    now, first, second = clock.now(), uuid.uuid4(), uuid.uuid4()
    for minutes, device in enumerate((first, second, first), 1):
        enter_by_door(seat=seat, device=device, takes_over=True, now=now + timedelta(minutes=minutes))
    undo_check_in(seat_id=seat.pk, actor=staff, reason="The other Grace", now=now + timedelta(minutes=10))
    check_in_seat(seat_id=seat.pk, actor=staff, now=now + timedelta(minutes=11))
    Question.objects.create(seat=seat, text="Why now?", asked_at=now + timedelta(minutes=12))
    Feedback.objects.create(seat=seat, rating=2, comment="Too short", given_at=now + timedelta(minutes=80))
    assert in_order(
        [
            "Complimentary: a guest of the house",
            "Came in through the door, device 1",
            "Came in through the door, device 2",
            "Came in through the door, device 1",
            "Check-in taken back: The other Grace",
            "Checked in by the desk",
            "Asked the hosts: “Why now?”",
            "Gave feedback",
        ],
        told(seat),
    )
    html = page(seat)
    assert (facts(html)["Devices at the door"], facts(html)["Feedback given"]) == ("2", "yes")
    # What they thought is without a name, and which device it was says nothing.
    assert ("Too short" in html, str(first) in html) == (False, False)


@pytest.mark.django_db
def test_mails_say_what_became_of_them_and_no_link_that_is_a_key_is_shown() -> None:
    seat = make_guest_seat(make_live_session(), make_user("Grace"))
    mail = OutgoingMail.objects.get()
    for state, reason in (("failed", "no such mailbox"), ("withheld", "it was handed over"), ("missed", "the session began")):
        OutgoingMail.objects.update(state=state, reason=reason)
        assert f"Mail to {seat.attendee_email}: confirmation {state} ({reason})" in told(seat)
    OutgoingMail.objects.update(state="bounced", sent_at=clock.now(), bounced_at=clock.now(), reason="550")
    html = page(seat)
    assert '<li class="desk-wrong"><small>' in html
    assert f"/admin/outbox/outgoingmail/{mail.pk}/change/" in html
    for link in (DOOR, CANT_COME, REPLAY, AUTO_OUT):
        assert link.token(seat) not in html
    assert seat.public_id.hex not in html


@pytest.mark.django_db
def test_links_stand_there_only_for_rows_that_somebody_may_see() -> None:
    seat = make_guest_seat(make_live_session(), make_user("Grace"))
    html = page(seat, staff_who_may("desk.view_rosterseat"))
    assert "confirmation queued" in html
    assert "/admin/outbox/outgoingmail/" not in html
    assert desk_of(staff_who_may()).get(f"/admin/desk/seats/{seat.pk}/").status_code == 403
    assert desk_of().get("/admin/desk/seats/0/").status_code == 404


@pytest.mark.django_db
def test_a_story_is_bounded_and_asks_few_questions_however_long_it_is() -> None:
    seat = make_guest_seat(make_live_session(), make_user("Grace"))
    DoorEntry.objects.bulk_create(DoorEntry(seat=seat, device=uuid.uuid4(), entered_at=clock.now()) for _ in range(300))
    Question.objects.bulk_create(Question(seat=seat, text=f"Why {n}?", asked_at=clock.now()) for n in range(300))
    client = desk_of(staff_who_may("desk.view_rosterseat", "outbox.view_outgoingmail"))
    with CaptureQueriesContext(connection) as asked:
        html = client.get(f"/admin/desk/seats/{seat.pk}/").content.decode()
    assert len(asked) <= MOST_QUERIES, "\n".join(query["sql"] for query in asked.captured_queries)
    assert (html.count("Came in through the door"), html.count("Asked the hosts")) == (100, 100)


@pytest.mark.django_db
@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_name_comes_out_harmless_in_the_story(name: str) -> None:
    seat = make_guest_seat(make_live_session(), make_user(name, firm=name))
    html = page(seat)
    assert "<script>alert" not in html
    assert name.replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;") in html


@pytest.mark.django_db
def test_a_seat_by_credit_leads_to_its_line_in_the_ledger() -> None:
    user = make_user()
    make_credits(user)
    coverage = book_with_credit(user=user, live_session_id=make_live_session().pk, now=clock.now())
    spent = CreditEntry.objects.get(kind="spend")
    assert f"/admin/subscriptions/creditentry/{spent.pk}/change/" in page(coverage.seat)
