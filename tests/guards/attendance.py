"""Guards of who gets a seat that comes free, who sits in it, and who comes in by it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

import pytest
from django.test import Client

from redreport import clock
from sessions_live.errors import OfferGone, SoldOut
from sessions_live.models import LiveSession, Seat, WaitlistEntry
from sessions_live.operations import attendance, handover, seats
from sessions_live.operations.seats import Attendee
from sessions_live.seat_links import DOOR
from subscriptions.operations.booking import book_with_credit
from subscriptions.operations.offers import take_offer_with_credit
from tests.canceling import cancel_by_house
from tests.factories import make_credits, make_guest_seat, make_live_session, make_user
from tests.fixtures_shop import Shop
from tests.guards import Guard
from tests.handing_over import hand_over
from tests.parties import BO
from tests.waiting import entry_of, free_a_seat, sold_out_session, waits

JUMPED_THE_QUEUE = "a walk-in took the seat for which somebody waits"
TOOK_WHAT_HAD_RUN_OUT = "an offer was taken after it had run out"
CAME_IN_BY_OLD_LINK = "who gave the seat away came in by the old link"
TWO_IN_ONE_SEAT = "two people came in by one seat"


def walk_in_comes_before_the_freed_seat_is_offered(shop: Shop) -> None:
    live_session, walk_in = sold_out_session(), make_user()
    waits(live_session)
    make_credits(walk_in)
    # No worker has been by yet, so nothing is offered.
    cancel_by_house(Seat.objects.get())
    with suppress(SoldOut):
        book_with_credit(user=walk_in, live_session_id=live_session.pk, now=clock.now())
    assert seats_taken_by(walk_in.email) == 0, JUMPED_THE_QUEUE


@contextmanager
def nothing_is_kept_for_who_waits() -> Iterator[None]:
    def none(live_session: LiveSession, now: datetime) -> int:
        return 0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seats, "seats_kept_for_waitlist", none)
        yield


def offer_is_taken_before_the_sweep_has_lapsed_it(shop: Shop) -> None:
    live_session = sold_out_session()
    reader = waits(live_session)
    make_credits(reader)
    free_a_seat(live_session)
    run_out = entry_of(reader, live_session).offer_expires_at
    assert run_out
    with suppress(OfferGone):
        take_offer_with_credit(user=reader, live_session_id=live_session.pk, now=run_out + timedelta(seconds=1))
    assert seats_taken_by(reader.email) == 0, TOOK_WHAT_HAD_RUN_OUT


@contextmanager
def offers_never_run_out() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WaitlistEntry, "is_offered_at", lambda entry, now: True)
        yield


def seat_is_handed_over_and_both_come(shop: Shop) -> None:
    seat = seat_behind_an_open_door()
    old_door = f"/door/{DOOR.token(seat)}/"
    hand_over(seat, BO)
    assert Client().post(old_door).status_code != 303, CAME_IN_BY_OLD_LINK


@contextmanager
def links_outlive_the_hand_over() -> Iterator[None]:
    """The next attendee is seated, and the version of the door stays what it was."""
    seat_the_next = handover._seat_the_next

    def keep_the_door(seat: Seat, attendee: Attendee, now: datetime) -> None:
        version = seat.door_version
        seat_the_next(seat, attendee, now)
        Seat.objects.filter(pk=seat.pk).update(door_version=version)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(handover, "_seat_the_next", keep_the_door)
        yield


def link_is_passed_on(shop: Shop) -> None:
    door = f"/door/{DOOR.token(seat_behind_an_open_door())}/"
    assert Client().post(door).status_code == 303
    assert Client().post(door).status_code == 409, TWO_IN_ONE_SEAT


@contextmanager
def nobody_looks_who_came_in_last() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attendance, "last_entry", lambda seat: None)
        yield


def seats_taken_by(email: str) -> int:
    return Seat.objects.filter(attendee_email=email, state__in=Seat.TAKEN).count()


def seat_behind_an_open_door() -> Seat:
    return make_guest_seat(make_live_session(starts_in=timedelta(minutes=10)))


ATTENDANCE = [
    Guard("queue-kept", JUMPED_THE_QUEUE, walk_in_comes_before_the_freed_seat_is_offered, nothing_is_kept_for_who_waits),
    Guard("offer-runs-out", TOOK_WHAT_HAD_RUN_OUT, offer_is_taken_before_the_sweep_has_lapsed_it, offers_never_run_out),
    Guard("old-door-dies", CAME_IN_BY_OLD_LINK, seat_is_handed_over_and_both_come, links_outlive_the_hand_over),
    Guard("one-device", TWO_IN_ONE_SEAT, link_is_passed_on, nobody_looks_who_came_in_last),
]
