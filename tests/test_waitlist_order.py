"""Staff reorder a waitlist and take people off it: offers, places shown to readers and mails follow."""

from datetime import timedelta

import pytest
from django.db import connection

from redreport import clock
from redreport.accounts.models import User
from redreport.audit.models import AuditEntry
from redreport.outbox.models import OutgoingMail
from sessions_live.errors import NotWaiting, OfferGone
from sessions_live.models import LiveSession, Seat, WaitlistEntry
from sessions_live.operations.waitlist import give_place_in_waitlist, take_off_waitlist
from sessions_live.selectors import waiting_before
from subscriptions.operations.offers import start_offer_order
from tests.factories import make_price, make_staff, make_user
from tests.moving import move
from tests.waiting import entry_of, free_a_seat, sold_out_session, waits

pytestmark = pytest.mark.django_db(transaction=True)


def three_waiting() -> tuple[LiveSession, list[User]]:
    """A session that is sold out, and Ada, Bo and Cy who wait for it in this order."""
    live_session, now = sold_out_session(capacity=2), clock.now()
    names = ["Ada", "Bo", "Cy"]
    return live_session, [
        waits(live_session, make_user(name), now=now + timedelta(seconds=after)) for after, name in enumerate(names)
    ]


def give_place(user: User, live_session: LiveSession, place: int, staff: User | None = None) -> int:
    entry = entry_of(user, live_session)
    return give_place_in_waitlist(
        entry_id=entry.pk, place=place, actor=staff or make_staff(), reason="An old reader", now=clock.now()
    )


def order(live_session: LiveSession) -> list[str]:
    """Who waits, in turn."""
    waiting = WaitlistEntry.objects.filter(live_session=live_session, state="waiting").in_turn()
    return list(waiting.values_list("attendee_name", flat=True))


def places(live_session: LiveSession) -> list[int]:
    """How many wait before each, in turn, as their pages say."""
    return [waiting_before(entry) for entry in WaitlistEntry.objects.filter(live_session=live_session, state="waiting").in_turn()]


@pytest.mark.parametrize(
    ("who", "place", "expected", "written"),
    [
        (2, 1, ["Cy", "Ada", "Bo"], [1, None, None]),
        (0, 2, ["Bo", "Ada", "Cy"], [1, None, None]),
        (0, 99, ["Bo", "Cy", "Ada"], [1, 2, None]),
        (1, 0, ["Bo", "Ada", "Cy"], [1, None, None]),
        (1, 2, ["Ada", "Bo", "Cy"], [None, None, None]),
    ],
    ids=["first", "one down", "last", "below the first", "where they are"],
)
def test_somebody_is_given_a_place_and_readers_see_their_true_one(
    who: int, place: int, expected: list[str], written: list[int | None]
) -> None:
    live_session, readers = three_waiting()
    give_place(readers[who], live_session, place)
    assert order(live_session) == expected
    assert places(live_session) == [0, 1, 2]
    assert list(WaitlistEntry.objects.filter(state="waiting").in_turn().values_list("position", flat=True)) == written


def test_giving_a_place_twice_changes_nothing_and_leaves_one_trace() -> None:
    live_session, readers = three_waiting()
    staff = make_staff()
    assert [give_place(readers[2], live_session, 1, staff) for _ in range(2)] == [1, 1]
    assert order(live_session) == ["Cy", "Ada", "Bo"]
    entry = AuditEntry.objects.get(verb="given_place")
    assert (entry.actor, entry.reason, entry.detail) == (staff, "An old reader", {"from": 3, "to": 1})


def test_who_is_put_last_still_comes_before_whoever_joins_later() -> None:
    live_session, readers = three_waiting()
    give_place(readers[0], live_session, 3)
    waits(live_session, make_user("Di"), now=clock.now() + timedelta(minutes=1))
    assert order(live_session) == ["Bo", "Cy", "Ada", "Di"]


def test_putting_somebody_back_leaves_the_order_of_joining() -> None:
    live_session, readers = three_waiting()
    give_place(readers[2], live_session, 1)
    give_place(readers[2], live_session, 3)
    assert order(live_session) == ["Ada", "Bo", "Cy"]
    assert not WaitlistEntry.objects.filter(position__isnull=False).exists()


def test_a_seat_that_comes_free_is_offered_to_whom_staff_put_first() -> None:
    live_session, readers = three_waiting()
    give_place(readers[2], live_session, 1)
    free_a_seat(live_session, now=clock.now() + timedelta(minutes=1))
    assert [entry_of(reader, live_session).state for reader in readers] == ["waiting", "waiting", "offered"]
    assert order(live_session) == ["Ada", "Bo"]


def test_order_of_one_session_leaves_the_others_alone() -> None:
    live_session, readers = three_waiting()
    other = sold_out_session()
    for reader in readers:
        waits(other, reader)
    give_place(readers[2], live_session, 1)
    assert order(other) == ["Ada", "Bo", "Cy"]


def test_mails_about_a_move_are_owed_in_the_order_that_staff_made() -> None:
    live_session, readers = three_waiting()
    give_place(readers[2], live_session, 1)
    move(live_session)
    mailed = OutgoingMail.objects.filter(kind="waitlist_moved").order_by("id").values_list("recipient", flat=True)
    assert list(mailed) == [readers[2].email, readers[0].email, readers[1].email]


def test_who_is_offered_a_seat_or_waits_no_longer_is_given_no_place() -> None:
    live_session, readers = three_waiting()
    free_a_seat(live_session, now=clock.now() + timedelta(minutes=1))
    take_off(readers[1], live_session)
    for reader in readers[:2]:
        with pytest.raises(NotWaiting):
            give_place(reader, live_session, 1)


def take_off(user: User, live_session: LiveSession) -> bool:
    entry = entry_of(user, live_session)
    return take_off_waitlist(entry_id=entry.pk, actor=make_staff(), reason="They rang", now=clock.now() + timedelta(minutes=2))


def test_somebody_is_taken_off_once_and_may_join_again_at_the_end() -> None:
    live_session, readers = three_waiting()
    assert [take_off(readers[0], live_session) for _ in range(2)] == [True, False]
    assert (entry_of(readers[0], live_session).state, order(live_session)) == ("withdrawn", ["Bo", "Cy"])
    assert AuditEntry.objects.get(verb="taken_off_waitlist").reason == "They rang"
    waits(live_session, readers[0], now=clock.now() + timedelta(minutes=3))
    assert order(live_session) == ["Bo", "Cy", "Ada"]


def test_what_was_offered_to_somebody_who_is_taken_off_goes_to_the_next() -> None:
    live_session, readers = three_waiting()
    free_a_seat(live_session, now=clock.now() + timedelta(minutes=1))
    assert take_off(readers[0], live_session)
    assert [entry_of(reader, live_session).state for reader in readers] == ["declined", "offered", "waiting"]
    assert Seat.objects.filter(live_session=live_session, state__in=Seat.ACTIVE).count() == 2


def test_who_is_paying_for_an_offered_seat_is_not_taken_off() -> None:
    live_session, readers = three_waiting()
    free_a_seat(live_session)
    price = make_price()
    start_offer_order(user=readers[0], live_session_id=live_session.pk, price_id=price.pk, now=clock.now())
    with pytest.raises(OfferGone):
        take_off(readers[0], live_session)
    assert entry_of(readers[0], live_session).state == "offered"


def test_the_turn_is_read_from_an_index() -> None:
    live_session, _ = three_waiting()
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        cursor.execute("SET enable_bitmapscan = off")
        waiting = WaitlistEntry.objects.filter(live_session=live_session, state="waiting").in_turn()
        plan = waiting.explain()
        cursor.execute("RESET enable_seqscan")
        cursor.execute("RESET enable_bitmapscan")
    assert "waitlist_turn_idx" in plan
    assert "Sort" not in plan
