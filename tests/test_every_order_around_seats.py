"""What happens to a session and its seats at one moment with something else, in every order of the two operations' statements."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from functools import partial

import pytest

from redreport import clock
from redreport.accounts.models import User
from redreport.desk.jobs.running import run_job, start_job, try_failed_again
from redreport.desk.jobs.seats import drafts_of
from redreport.desk.jobs.seats_move import MOVE
from redreport.outbox.kinds import Verdict
from redreport.outbox.models import OutgoingMail
from redreport.policy import LONG_REMINDER_BEFORE
from sessions_live.errors import OfferGone, SalesClosed, SeatNotTaken, SoldOut
from sessions_live.mails import reminders as reminder_mails
from sessions_live.models import HandOver, LiveSession, Seat, WaitlistEntry
from sessions_live.operations import seats as seat_operations
from sessions_live.operations.handover import hand_over_seat
from sessions_live.operations.reminders import queue_due_reminders
from sessions_live.operations.waitlist import join_waitlist, tend_waitlist
from subscriptions.models import CreditGrant, Plan
from subscriptions.operations.cancel import cancel_live_session_and_settle, cancel_seat_by_house
from subscriptions.operations.moves import move_live_session_and_follow
from subscriptions.operations.offers import start_offer_order, take_offer_with_credit
from subscriptions.operations.seat_moves import move_seat
from subscriptions.selectors import current_price
from subscriptions.tasks import settle_canceled_seats
from tests.canceling import book, cancel
from tests.factories import attendee_of, make_price, make_staff, make_user
from tests.pairs import Scene, empty_the_shop, explore, no_row_is_locked, open_session, reader
from tests.racing import ATTENDEE_GUARD, without_check, without_index, without_number_guard
from tests.rivals import one_goes_between
from tests.stage import Action
from tests.test_every_order_of_buying import spend

pytestmark = pytest.mark.django_db(transaction=True)

State, Waiting = Seat.State, WaitlistEntry.State
A_SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def price_in_force(transactional_db: None) -> None:
    make_price()


def wait_for_seat(user: User, live_session: LiveSession) -> None:
    join_waitlist(user=user, live_session_id=live_session.pk, pay_by=WaitlistEntry.PayBy.CREDIT, now=clock.now())


def waiting_state(user: User) -> str:
    return WaitlistEntry.objects.get(user=user).state


def freed_while_they_wait(*waiting: User) -> LiveSession:
    """A session whose only seat was given back just now; these readers wait, in this order."""
    live_session = open_session(capacity=1)
    seat = book(reader("Cleo", credits=1), live_session)
    for user in waiting:
        wait_for_seat(user, live_session)
    cancel(seat)
    return live_session


def seat_comes_free_while_a_reader_waits_and_another_walks_in() -> Scene:
    ada, ben = reader("Ada"), reader("Ben", credits=1)
    live_session = freed_while_they_wait(ada)

    def ada_is_first(one: object, other: object) -> None:
        assert (waiting_state(ada), type(other)) == (Waiting.OFFERED, SoldOut), "somebody was passed over"

    return Scene(
        partial(tend_waitlist, live_session_id=live_session.pk, now=clock.now()), partial(spend, ben, live_session), ada_is_first
    )


def seat_is_canceled_while_a_reader_walks_in() -> Scene:
    live_session, cleo, ada, ben = open_session(capacity=1), reader("Cleo", credits=1), reader("Ada"), reader("Ben", credits=1)
    seat = book(cleo, live_session)
    wait_for_seat(ada, live_session)

    def ada_is_first(one: object, other: object) -> None:
        tend_waitlist(live_session_id=live_session.pk, now=clock.now())
        assert (waiting_state(ada), type(other)) == (Waiting.OFFERED, SoldOut), "somebody was passed over"

    return Scene(partial(cancel, seat), partial(spend, ben, live_session), ada_is_first)


def offered() -> tuple[LiveSession, User, User, WaitlistEntry]:
    """A session whose only seat is offered to Ada, and Dan waits behind her."""
    ada, dan = reader("Ada", credits=1), reader("Dan")
    live_session = freed_while_they_wait(ada, dan)
    tend_waitlist(live_session_id=live_session.pk, now=clock.now())
    return live_session, ada, dan, WaitlistEntry.objects.get(user=ada)


def offer_is_taken_with_a_credit_as_it_lapses() -> Scene:
    live_session, ada, dan, entry = offered()
    assert entry.offer_expires_at

    def hers_or_his(one: object, other: object) -> None:
        credits = CreditGrant.objects.get(subscriber__user=ada).balance
        ended = (waiting_state(ada), waiting_state(dan), credits)
        hers, his = (Waiting.SEATED, Waiting.WAITING, 0), (Waiting.LAPSED, Waiting.OFFERED, 1)
        assert ended == (his if isinstance(one, OfferGone) else hers), f"half of both: {ended}"

    return Scene(
        partial(take_offer_with_credit, user=ada, live_session_id=live_session.pk, now=entry.offer_expires_at - A_SECOND),
        partial(tend_waitlist, live_session_id=live_session.pk, now=entry.offer_expires_at + A_SECOND),
        hers_or_his,
        refusals=(OfferGone,),
    )


def offer_is_ordered_as_it_lapses() -> Scene:
    live_session, ada, dan, entry = offered()
    assert entry.offer_expires_at

    def hers_or_his(one: object, other: object) -> None:
        ended = (waiting_state(ada), waiting_state(dan), Seat.objects.get(attendee_email=ada.email).state)
        hers, his = (Waiting.OFFERED, Waiting.WAITING, State.HELD), (Waiting.LAPSED, Waiting.OFFERED, State.EXPIRED)
        assert ended == (his if isinstance(one, OfferGone) else hers), f"half of both: {ended}"

    price = current_price(Plan.SINGLE_SEAT)
    now = entry.offer_expires_at - A_SECOND
    return Scene(
        partial(start_offer_order, user=ada, live_session_id=live_session.pk, price_id=price.pk, now=now),
        partial(tend_waitlist, live_session_id=live_session.pk, now=entry.offer_expires_at + A_SECOND),
        hers_or_his,
        refusals=(OfferGone,),
    )


def two_workers_offer_one_seat() -> Scene:
    ada, dan = reader("Ada"), reader("Dan")
    live_session = freed_while_they_wait(ada, dan)
    tend = partial(tend_waitlist, live_session_id=live_session.pk, now=clock.now())

    def one_offer(one: object, other: object) -> None:
        assert (waiting_state(ada), waiting_state(dan)) == (Waiting.OFFERED, Waiting.WAITING), "the order was not kept"
        assert OutgoingMail.objects.filter(kind="waitlist_offer").count() == 1, "told twice"

    return Scene(tend, tend, one_offer)


def session_is_canceled_while_a_credit_books_it() -> Scene:
    live_session, ada, staff = open_session(), reader("Ada", credits=1), make_staff()
    stop = partial(cancel_live_session_and_settle, live_session_id=live_session.pk, actor=staff, reason="Ill", now=clock.now())

    def credit_is_whole(one: object, other: object) -> None:
        settle_canceled_seats(now=clock.now())
        assert CreditGrant.objects.get().balance == 1, "a credit was lost"

    return Scene(stop, partial(spend, ada, live_session), credit_is_whole, refusals=(SalesClosed,))


def session_is_canceled_while_its_seat_is_offered() -> Scene:
    live_session, staff = freed_while_they_wait(reader("Ada")), make_staff()
    stop = partial(cancel_live_session_and_settle, live_session_id=live_session.pk, actor=staff, reason="Ill", now=clock.now())
    return Scene(stop, partial(tend_waitlist, live_session_id=live_session.pk, now=clock.now()))


def seat_is_canceled_by_two_at_once() -> Scene:
    seat, staff = book(reader("Ada", credits=1), open_session()), make_staff()
    by_house = partial(
        cancel_seat_by_house, seat_id=seat.pk, actor=staff, reason="Ill", restitution=Seat.Restitution.FULL, now=clock.now()
    )

    def credit_is_back_once(one: object, other: object) -> None:
        assert CreditGrant.objects.get().balance == 1, "a credit came back twice, or never"

    return Scene(partial(cancel, seat), by_house, credit_is_back_once)


def capacity_is_lowered_while_a_reader_buys() -> Scene:
    live_session, ada, ben = open_session(capacity=2), reader("Ada", credits=1), reader("Ben", credits=1)
    book(ada, live_session)

    # As the desk's form does: that field of the row, and nothing else.
    lower = partial(LiveSession.objects.filter(pk=live_session.pk).update, capacity=1)

    def nobody_after_it(one: object, other: object) -> None:
        with pytest.raises(SoldOut):
            spend(reader("Cleo", credits=1), live_session)

    return Scene(lower, partial(spend, ben, live_session), nobody_after_it, sold_above_capacity=1)


def session_is_moved_while_its_reminders_are_queued() -> Scene:
    starts_in = LONG_REMINDER_BEFORE + timedelta(minutes=5)
    live_session, ada, staff, now = open_session(starts_in=starts_in), reader("Ada", credits=1), make_staff(), clock.now()
    seat = book(ada, live_session)
    long_ago = now - timedelta(days=3)
    Seat.objects.filter(pk=seat.pk).update(held_at=long_ago, confirmed_at=long_ago)
    at = now + timedelta(minutes=6)
    return Scene(moved(live_session, staff, at), partial(queue_due_reminders, now=at))


def moved(live_session: LiveSession, staff: User, at: datetime | None = None) -> Action:
    return partial(
        move_live_session_and_follow,
        live_session_id=live_session.pk,
        starts_at=live_session.starts_at + timedelta(days=2),
        duration_minutes=60,
        message="",
        reason="Ill",
        actor=staff,
        now=at or clock.now(),
    )


def handed_over(seat: Seat, to: User) -> Action:
    return partial(hand_over_seat, user=seat.booked_by, seat_public_id=seat.public_id, attendee=attendee_of(to), now=clock.now())


def seat_is_handed_over_as_it_is_canceled() -> Scene:
    seat, ben = book(reader("Ada", credits=1), open_session()), make_user("Ben")

    def canceled_for_who_sits_there(one: object, other: object) -> None:
        now_there = Seat.objects.get(pk=seat.pk)
        told = OutgoingMail.objects.filter(kind="seat_canceled", recipient=now_there.attendee_email).count()
        assert (now_there.state, told) == (State.CANCELED, 1), "it was taken from somebody who does not hear of it"
        assert (now_there.attendee_email != ben.email) == isinstance(one, SeatNotTaken), "a canceled seat was handed over"

    return Scene(handed_over(seat, ben), partial(cancel, seat), canceled_for_who_sits_there)


def seat_is_handed_over_twice() -> Scene:
    seat, ben, cleo = book(reader("Ada", credits=1), open_session()), make_user("Ben"), make_user("Cleo")

    def in_one_chain(one: object, other: object) -> None:
        first, last = HandOver.objects.order_by("id")
        assert (first.to_email, last.cancel_sequence) == (last.from_email, first.cancel_sequence + 2), "a hand-over is lost"
        assert Seat.objects.get(pk=seat.pk).door_version == 2, "an old door still opens"

    return Scene(handed_over(seat, ben), handed_over(seat, cleo), in_one_chain)


def seat_goes_to_another_session_as_it_is_canceled() -> Scene:
    old, new, ada, staff = open_session(), open_session(), reader("Ada", credits=1), make_staff()
    seat = book(ada, old)
    elsewhere = partial(move_seat, seat_id=seat.pk, to_live_session_id=new.pk, actor=staff, reason="Asked", now=clock.now())

    def canceled_where_it_was(one: object, other: object) -> None:
        now_there = Seat.objects.get(pk=seat.pk)
        expected = old if isinstance(one, SeatNotTaken) else new
        assert (now_there.state, now_there.live_session) == (State.CANCELED, expected), "half of both"
        assert CreditGrant.objects.get().balance == 1, "a credit came back twice, or never"

    return Scene(elsewhere, partial(cancel, seat), canceled_where_it_was)


def session_is_moved_as_a_seat_is_handed_over() -> Scene:
    live_session, staff, ben = open_session(), make_staff(), make_user("Ben")
    seat = book(reader("Ada", credits=1), live_session)

    def both_count(one: object, other: object) -> None:
        # Two of the hand-over, one of the move: each mail's calendar entry is newer than the one before it.
        assert Seat.objects.get(pk=seat.pk).calendar_sequence == 3, "a calendar keeps an old entry"

    return Scene(moved(live_session, staff), handed_over(seat, ben), both_count)


@contextmanager
def nobody_is_kept_a_seat() -> Iterator[None]:
    """A free seat is whoever's who comes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seat_operations, "seats_kept_for_waitlist", lambda live_session, now: 0)
        yield


@contextmanager
def mails_of_an_old_time_go_out() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reminder_mails, "stands", lambda seat, mail: Verdict.send())
        yield


@contextmanager
def neither_row_nor_sequence() -> Iterator[None]:
    """Nor does the database mind two hand-overs under one number: either alone holds."""
    forget = HandOver.objects.all().delete
    with no_row_is_locked(), without_check(HandOver._meta.db_table, "hand_over_once_per_sequence", forget):
        yield


@contextmanager
def neither_row_nor_index() -> Iterator[None]:
    """Nor does the database mind one number, or one reader, in two seats: either index alone holds as well."""
    with no_row_is_locked(), without_number_guard(), without_index(ATTENDEE_GUARD, empty_the_shop):
        yield


Guards = Callable[[], AbstractContextManager[None]]

# Each with the guards without which it goes wrong.
PAIRS: list[tuple[Callable[[], Scene], Guards]] = [
    (seat_comes_free_while_a_reader_waits_and_another_walks_in, nobody_is_kept_a_seat),
    (seat_is_canceled_while_a_reader_walks_in, nobody_is_kept_a_seat),
    (offer_is_taken_with_a_credit_as_it_lapses, no_row_is_locked),
    (offer_is_ordered_as_it_lapses, no_row_is_locked),
    (two_workers_offer_one_seat, neither_row_nor_index),
    (session_is_canceled_while_a_credit_books_it, no_row_is_locked),
    (session_is_canceled_while_its_seat_is_offered, no_row_is_locked),
    (seat_is_canceled_by_two_at_once, no_row_is_locked),
    (session_is_moved_while_its_reminders_are_queued, mails_of_an_old_time_go_out),
    (seat_is_handed_over_as_it_is_canceled, no_row_is_locked),
    (seat_is_handed_over_twice, neither_row_nor_sequence),
    (session_is_moved_as_a_seat_is_handed_over, no_row_is_locked),
    (seat_goes_to_another_session_as_it_is_canceled, no_row_is_locked),
]


def two_workers_move_a_seat_for_one_job() -> Scene:
    """The sweep has taken up a job that a worker is still at."""
    old, new = open_session(), open_session()
    seat = book(reader("Ada", credits=1), old)
    job = start_job(
        kind=MOVE,
        drafts=drafts_of(old, [seat.pk]),
        wishes={"to": new.pk, "reason": "They asked"},
        preview="Moves 1 seat.",
        request_id=uuid.uuid4(),
        live_session=old,
        actor=make_staff(),
        now=clock.now(),
    )

    def moved_and_said_so(one: object, other: object) -> None:
        assert Seat.objects.get().live_session == new
        assert list(job.items.values_list("state", "outcome")) == [("done", f"Is in “{new.title}” now, seat 1.")]

    work = partial(run_job, job_id=job.pk, now=clock.now())
    return Scene(work, work, moved_and_said_so)


def test_two_workers_at_one_job_move_a_seat_once_and_neither_says_that_it_failed() -> None:
    explore(two_workers_move_a_seat_for_one_job, one_goes_between).assert_unharmed()


def job_is_tried_again_as_a_second_worker_finishes_it() -> Scene:
    session = open_session()
    job = start_job(
        kind=MOVE,
        drafts=drafts_of(session, [0]),
        wishes={"to": session.pk, "reason": "They asked"},
        preview="Moves 1 seat.",
        request_id=uuid.uuid4(),
        live_session=session,
        actor=make_staff(),
        now=clock.now(),
    )
    job.items.update(state="failed", done_at=clock.now(), outcome="There was no place.")

    def the_sweep_finds_what_waits(one: object, other: object) -> None:
        job.refresh_from_db()
        waits = job.items.filter(state="waiting").exists()
        assert not (waits and job.finished_at), "it waits for ever, should the worker not be told"

    return Scene(
        partial(run_job, job_id=job.pk, now=clock.now()),
        partial(try_failed_again, job_id=job.pk, actor=job.made_by, now=clock.now()),
        the_sweep_finds_what_waits,
    )


def test_a_job_that_is_tried_again_is_never_finished_with_rows_that_wait() -> None:
    explore(job_is_tried_again_as_a_second_worker_finishes_it).assert_unharmed()


@pytest.mark.parametrize("scene", [*[scene for scene, _ in PAIRS], capacity_is_lowered_while_a_reader_buys])
def test_whatever_the_order_it_ends_well(scene: Callable[[], Scene]) -> None:
    explore(scene).assert_unharmed()


@pytest.mark.parametrize(("scene", "guard"), PAIRS, ids=[scene.__name__ for scene, _ in PAIRS])
def test_without_its_guard_a_rival_does_harm(scene: Callable[[], Scene], guard: Guards) -> None:
    with guard():
        explored = explore(scene, one_goes_between, until_harm=True)
    assert explored.harmed, "the guard guards nothing"
