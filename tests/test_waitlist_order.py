"""Staff reorder a waitlist and take people off it: offers, places shown to readers and mails follow."""

import re
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from redreport import clock
from redreport.accounts.models import User
from redreport.audit.models import AuditEntry
from redreport.outbox.models import OutgoingMail
from sessions_live.errors import NotWaiting, OfferGone
from sessions_live.models import LiveSession, Seat, WaitlistEntry
from sessions_live.operations.waitlist import give_place_in_waitlist, take_off_waitlist
from sessions_live.selectors import waiting_before
from sessions_live.tasks import sweep_waitlist
from subscriptions.operations.offers import start_offer_order
from tests.factories import make_price, make_staff, make_user
from tests.invariants import assert_invariants
from tests.moving import move
from tests.racing import at_once, is_deadlock
from tests.staff import desk_of, staff_who_may
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
        cursor.execute("SET enable_sort = off")
        waiting = WaitlistEntry.objects.filter(live_session=live_session, state="waiting").in_turn()
        plan = waiting.explain()
        cursor.execute("RESET enable_seqscan")
        cursor.execute("RESET enable_bitmapscan")
        cursor.execute("RESET enable_sort")
    assert "waitlist_turn_idx" in plan
    assert "Sort" not in plan


def address(live_session: LiveSession, page: str = "") -> str:
    return f"/admin/desk/sessions/{live_session.pk}/waitlist/{page}"


def ask(desk: Client, live_session: LiveSession, **form: str) -> list[str]:
    """What the page says after this was sent."""
    answer = desk.post(address(live_session, "change/"), form, follow=True)
    return [str(message) for message in answer.context["messages"]]


def test_the_page_shows_who_waits_in_turn_and_who_is_offered_a_seat_until_when() -> None:
    live_session, readers = three_waiting()
    free_a_seat(live_session, now=clock.now() + timedelta(minutes=1))
    html = desk_of(staff_who_may("sessions_live.change_waitlistentry")).get(address(live_session)).content.decode()
    offered, waiting = html.split("<h2>Waiting</h2>")
    assert ("Ada" in offered, "until" in offered, "2 wait for" in offered) == (True, True, True)
    assert re.findall(r"<strong>(\w+)</strong>", waiting) == ["Bo", "Cy"]
    assert readers[1].email in waiting


def test_the_button_changes_the_order_for_a_reason_only_and_twice_is_once() -> None:
    live_session, readers = three_waiting()
    desk, first = desk_of(), f"{entry_of(readers[2], live_session).pk}:1"
    assert ask(desk, live_session, give=first, reason=" ") == ["Nothing was changed: write why above the list."]
    assert order(live_session) == ["Ada", "Bo", "Cy"]
    for _ in range(2):
        assert ask(desk, live_session, give=first, reason="An old reader") == ["Cy is number 1 now."]
    assert order(live_session) == ["Cy", "Ada", "Bo"]
    assert AuditEntry.objects.filter(verb="given_place", reason="An old reader").count() == 1


def test_the_button_takes_off_and_says_so_and_the_second_click_does_too() -> None:
    live_session, readers = three_waiting()
    desk, entry = desk_of(), entry_of(readers[0], live_session)
    assert ask(desk, live_session, off=str(entry.pk), reason="They rang") == ["Ada is off the waitlist."]
    assert ask(desk, live_session, off=str(entry.pk), reason="They rang") == ["Ada was not on the waitlist any more."]
    assert ask(desk, live_session, give=f"{entry.pk}:1", reason="x") == ["Ada does not wait any more: nothing was changed."]


def test_readers_see_the_place_that_the_desk_gave_them() -> None:
    live_session, readers = three_waiting()
    give_place(readers[2], live_session, 1)
    client = Client()
    client.force_login(readers[0])
    page = client.get(f"/sessions/{live_session.slug}/").content.decode()
    assert "1 reader waits, in front of you" in page or "1 reader waits in front of you" in page
    client.force_login(readers[2])
    assert "You are next." in client.get(f"/sessions/{live_session.slug}/").content.decode()


def test_the_waitlist_is_changed_by_post_by_who_may_and_only_in_its_own_session() -> None:
    live_session, readers = three_waiting()
    entry = entry_of(readers[2], live_session)
    form = {"give": f"{entry.pk}:1", "reason": "x"}
    looker = desk_of(staff_who_may("desk.view_rosterseat", "sessions_live.view_waitlistentry"))
    assert [looker.get(address(live_session)).status_code, looker.post(address(live_session, "change/"), form).status_code] == [
        403,
        403,
    ]
    desk = desk_of()
    assert desk.get(address(live_session, "change/")).status_code == 405
    assert desk.post(address(sold_out_session(), "change/"), form).status_code == 404
    assert desk.post(address(live_session, "change/"), {"give": "x:y", "reason": "x"}).status_code == 404
    assert order(live_session) == ["Ada", "Bo", "Cy"]


def test_the_page_asks_few_questions_however_many_wait() -> None:
    live_session, now = sold_out_session(), clock.now()
    users = [make_user(f"Reader {number}") for number in range(30)]
    WaitlistEntry.objects.bulk_create(
        WaitlistEntry(live_session=live_session, user=user, attendee_name=user.name, pay_by="money", joined_at=now)
        for user in users
    )
    desk = desk_of(staff_who_may("sessions_live.change_waitlistentry"))
    with CaptureQueriesContext(connection) as asked:
        html = desk.get(address(live_session)).content.decode()
    assert len(asked) <= 9
    assert html.count(">Take off</button>") == 30


def test_reordering_offering_and_taking_off_at_once_end_in_one_offer_and_one_order() -> None:
    live_session, readers = three_waiting()
    LiveSession.objects.update(capacity=3)
    staff = make_staff()
    outcomes = at_once(
        [
            partial(give_place, readers[2], live_session, 1, staff),
            partial(give_place, readers[0], live_session, 3, staff),
            partial(sweep_waitlist, now=clock.now() + timedelta(minutes=1)),
            partial(take_off, readers[1], live_session),
        ]
    )
    assert not any(is_deadlock(outcome) for outcome in outcomes)
    assert all(isinstance(outcome, NotWaiting) for outcome in outcomes if isinstance(outcome, Exception)), outcomes
    assert Seat.objects.filter(live_session=live_session, state="offered").count() == 1
    assert places(live_session) == list(range(len(order(live_session))))
    assert_invariants()
