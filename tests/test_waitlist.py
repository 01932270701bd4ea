"""Waiting for a seat: nothing is reserved or charged; a seat that comes free is offered in the order of joining, for a while."""

from datetime import timedelta

import pytest

from redreport import clock
from redreport.accounts.models import User
from redreport.outbox import kinds
from redreport.outbox.deliver import deliver_mail
from redreport.outbox.models import OutgoingMail
from sessions_live.errors import AlreadySeated, NothingToWaitFor, SoldOut, TooManySeats
from sessions_live.models import LiveSession, Seat, WaitlistEntry
from sessions_live.operations.waitlist import leave_waitlist
from sessions_live.tasks import sweep_waitlist
from subscriptions.errors import EmailNotProven, NoCredit
from subscriptions.models import CreditEntry, Order
from subscriptions.operations.booking import book_with_credit, start_seat_order
from subscriptions.operations.cancel import cancel_live_session_and_settle
from tests.factories import attendee_of, make_credits, make_guest_seat, make_live_session, make_price, make_staff, make_user
from tests.moving import move
from tests.waiting import entry_of, free_a_seat, offers_mailed, sold_out_session, states, waits

pytestmark = pytest.mark.django_db(transaction=True)


def test_waiting_reserves_and_charges_nothing() -> None:
    live_session = sold_out_session()
    reader = waits(live_session)
    entry = entry_of(reader, live_session)
    assert (entry.state, entry.seat, Order.objects.count(), CreditEntry.objects.count()) == ("waiting", None, 0, 0)
    assert Seat.objects.filter(live_session=live_session).count() == 1


def test_joining_twice_is_one_place_with_the_way_of_paying_named_last() -> None:
    live_session, reader = sold_out_session(), make_user()
    make_credits(reader)
    waits(live_session, reader)
    waits(live_session, reader, by_credit=True)
    assert [entry.pay_by for entry in WaitlistEntry.objects.all()] == ["credit"]


def test_nobody_joins_while_seats_are_on_sale() -> None:
    with pytest.raises(NothingToWaitFor):
        waits(make_live_session(capacity=1))


def test_nobody_joins_in_the_last_hour() -> None:
    with pytest.raises(NothingToWaitFor):
        waits(sold_out_session(starts_in=timedelta(minutes=60)))


def test_who_has_a_seat_does_not_wait_for_one() -> None:
    live_session, guest = make_live_session(capacity=1), make_user()
    make_guest_seat(live_session, guest)
    with pytest.raises(AlreadySeated):
        waits(live_session, guest)


def test_who_has_booked_ten_seats_for_others_does_not_wait_for_an_eleventh() -> None:
    live_session, booker = make_live_session(capacity=10), make_staff()
    for _ in range(10):
        make_guest_seat(live_session, staff=booker)
    with pytest.raises(TooManySeats):
        waits(live_session, booker)


def test_an_address_that_is_not_proven_does_not_wait() -> None:
    with pytest.raises(EmailNotProven):
        waits(sold_out_session(), make_user(proven=False))


def test_who_wants_to_pay_by_credit_needs_one() -> None:
    with pytest.raises(NoCredit):
        waits(sold_out_session(), by_credit=True)


def test_a_freed_seat_is_offered_to_whoever_joined_first_with_one_mail() -> None:
    live_session = sold_out_session()
    first, second = waits(live_session), waits(live_session)
    free_a_seat(live_session)
    sweep_waitlist(now=clock.now())
    assert states(live_session) == ["offered", "waiting"]
    assert (offers_mailed(first), offers_mailed(second)) == (1, 0)
    seat = entry_of(first, live_session).seat
    assert seat
    assert (seat.state, seat.attendee_email, seat.booked_by) == ("offered", first.email, first)
    assert seat.hold_expires_at == entry_of(first, live_session).offer_expires_at


@pytest.mark.parametrize(
    ("left", "stands_for"),
    [
        (timedelta(days=7), timedelta(hours=12)),
        (timedelta(hours=48), timedelta(hours=12)),
        (timedelta(hours=8), timedelta(hours=2)),
        (timedelta(minutes=64), timedelta(minutes=16)),
    ],
)
def test_an_offer_stands_for_a_quarter_of_the_time_left_and_at_most_twelve_hours(left: timedelta, stands_for: timedelta) -> None:
    live_session = sold_out_session(starts_in=timedelta(days=8))
    reader = waits(live_session)
    now = live_session.starts_at - left
    free_a_seat(live_session, now=now)
    assert entry_of(reader, live_session).offer_expires_at == now + stands_for


def test_a_declined_offer_goes_to_the_next_reader_at_once() -> None:
    live_session = sold_out_session()
    first, second = waits(live_session), waits(live_session)
    free_a_seat(live_session)
    leave_waitlist(user=first, live_session_id=live_session.pk, now=clock.now())
    leave_waitlist(user=first, live_session_id=live_session.pk, now=clock.now())
    assert states(live_session) == ["declined", "offered"]
    assert offers_mailed(second) == 1
    assert list(Seat.objects.filter(state="offered").values_list("attendee_email", flat=True)) == [second.email]


def test_an_offer_that_runs_out_goes_to_the_next_reader() -> None:
    live_session = sold_out_session()
    first, second = waits(live_session), waits(live_session)
    free_a_seat(live_session)
    expires_at = entry_of(first, live_session).offer_expires_at
    assert expires_at
    sweep_waitlist(now=expires_at - timedelta(seconds=1))
    assert states(live_session) == ["offered", "waiting"]
    sweep_waitlist(now=expires_at)
    assert states(live_session) == ["lapsed", "offered"]
    assert offers_mailed(second) == 1


def test_no_offer_is_mailed_after_it_ran_out() -> None:
    live_session = sold_out_session()
    first = waits(live_session)
    free_a_seat(live_session)
    mail = OutgoingMail.objects.get(kind="waitlist_offer")
    expires_at = entry_of(first, live_session).offer_expires_at
    assert expires_at
    assert deliver_mail(mail.pk, expires_at) == OutgoingMail.State.MISSED
    mail.refresh_from_db()
    assert mail.reason == "the offer has run out"


def test_a_seat_is_offered_to_the_next_although_the_first_mail_failed() -> None:
    live_session = sold_out_session()
    first, second = waits(live_session), waits(live_session)
    free_a_seat(live_session)
    OutgoingMail.objects.filter(recipient=first.email).update(state=OutgoingMail.State.FAILED)
    expires_at = entry_of(first, live_session).offer_expires_at
    assert expires_at
    sweep_waitlist(now=expires_at)
    assert (states(live_session), offers_mailed(second)) == (["lapsed", "offered"], 1)


def test_a_freed_seat_is_offered_although_the_broker_is_down(broker_down: None) -> None:
    live_session = sold_out_session()
    reader = waits(live_session)
    free_a_seat(live_session)
    assert entry_of(reader, live_session).state == "offered"


def test_no_offer_is_made_in_the_last_hour_and_who_still_waits_is_told() -> None:
    live_session = sold_out_session(starts_in=timedelta(days=2))
    reader = waits(live_session)
    last_hour = live_session.starts_at - timedelta(hours=1)
    free_a_seat(live_session, now=last_hour)
    sweep_waitlist(now=last_hour)
    assert states(live_session) == ["closed"]
    told = OutgoingMail.objects.filter(recipient=reader.email).values_list("kind", flat=True)
    assert list(told) == ["waitlist_closed"]


def test_who_waited_in_vain_is_told_although_the_session_was_moved_before_the_mail_went_out() -> None:
    live_session = sold_out_session(starts_in=timedelta(days=2))
    reader = waits(live_session)
    sweep_waitlist(now=live_session.starts_at - timedelta(hours=1))
    move(live_session)
    mail = OutgoingMail.objects.get(recipient=reader.email)
    assert kinds.find(mail.kind).guard(mail, clock.now()) == kinds.Verdict.send()


def test_a_walk_in_is_refused_while_somebody_waits_for_the_free_seat() -> None:
    live_session, price, walk_in = sold_out_session(), make_price(), make_user()
    make_credits(walk_in)
    waits(live_session)
    Seat.objects.filter(live_session=live_session).update(state="expired")
    with pytest.raises(SoldOut):
        hold(walk_in, live_session, price.pk)
    with pytest.raises(SoldOut):
        book_with_credit(user=walk_in, live_session_id=live_session.pk, now=clock.now())
    assert CreditEntry.objects.filter(kind="spend").count() == 0


def test_a_walk_in_takes_the_seat_that_nobody_waits_for() -> None:
    live_session, price = sold_out_session(capacity=2), make_price()
    waits(live_session)
    Seat.objects.filter(live_session=live_session).update(state="expired")
    assert hold(make_user(), live_session, price.pk).quantity == 1


def test_in_the_last_hour_a_free_seat_is_for_whoever_comes() -> None:
    live_session, price = sold_out_session(starts_in=timedelta(minutes=61)), make_price()
    waits(live_session)
    Seat.objects.filter(live_session=live_session).update(state="expired")
    order = start_seat_order(
        user=(walk_in := make_user()),
        live_session_id=live_session.pk,
        attendees=[attendee_of(walk_in)],
        price_id=price.pk,
        now=live_session.starts_at - timedelta(minutes=59),
    )
    assert order.state == "pending"


def test_a_raised_capacity_is_offered_to_who_waits_and_the_rest_is_on_sale() -> None:
    live_session, price = sold_out_session(), make_price()
    waiting = [waits(live_session) for _ in range(2)]
    LiveSession.objects.filter(pk=live_session.pk).update(capacity=4)
    sweep_waitlist(now=clock.now())
    assert [entry_of(reader, live_session).state for reader in waiting] == ["offered", "offered"]
    hold(make_user(), live_session, price.pk)
    with pytest.raises(SoldOut):
        hold(make_user(), live_session, price.pk)


def test_a_capacity_lowered_below_what_is_sold_offers_nothing() -> None:
    live_session = sold_out_session(capacity=3)
    waits(live_session)
    LiveSession.objects.filter(pk=live_session.pk).update(capacity=1)
    free_a_seat(live_session)
    assert states(live_session) == ["waiting"]


def test_who_was_seated_by_somebody_else_meanwhile_is_passed_over() -> None:
    live_session = sold_out_session()
    seated, next_one = waits(live_session), waits(live_session)
    LiveSession.objects.filter(pk=live_session.pk).update(capacity=2)
    make_guest_seat(live_session, seated)
    free_a_seat(live_session)
    assert states(live_session) == ["seated", "offered"]
    assert (offers_mailed(seated), offers_mailed(next_one)) == (0, 1)


def test_a_canceled_session_closes_its_waitlist_and_its_offers() -> None:
    live_session = sold_out_session(capacity=2)
    offered, waiting = waits(live_session), waits(live_session)
    free_a_seat(live_session)
    cancel_live_session_and_settle(live_session_id=live_session.pk, actor=make_staff(), reason="the host is ill", now=clock.now())
    sweep_waitlist(now=clock.now())
    assert states(live_session) == ["closed", "closed"]
    assert not Seat.objects.filter(live_session=live_session, state__in=Seat.ACTIVE).exists()
    for reader in (offered, waiting):
        assert OutgoingMail.objects.filter(kind="waitlist_canceled", recipient=reader.email).count() == 1


def hold(user: User, live_session: LiveSession, price_id: int) -> Order:
    return start_seat_order(
        user=user, live_session_id=live_session.pk, attendees=[attendee_of(user)], price_id=price_id, now=clock.now()
    )
