"""What comes back for a canceled seat: the rules of the house, case by case, in exact numbers."""

from datetime import date, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from redreport import clock
from redreport.audit.models import AuditEntry
from redreport.money import shares
from sessions_live.models import Seat
from subscriptions.models import Case, CreditEntry, CreditGrant, Dispute, Order, Payment, Refund, SeatCoverage
from subscriptions.operations.cancel import plan_own_cancellation
from subscriptions.operations.refunds import owe_refund
from subscriptions.operations.settle import settle_seat
from subscriptions.selectors import seats_with_coverage
from subscriptions.settlement import what_comes_back
from tests.canceling import FULL, NONE, assert_books_balance, book, cancel, cancel_by_house, returned_grant
from tests.factories import make_credits, make_guest_seat, make_live_session, make_staff, make_user
from tests.fixtures_shop import Shop

WIRED = {"amount_minor": 25000, "currency": "usd", "paid_on": date(2026, 5, 3)}


@pytest.mark.parametrize(
    ("total", "count", "expected"),
    [
        (25000, 1, [25000]),
        (100, 3, [34, 33, 33]),
        (250000, 12, [20834] * 4 + [20833] * 8),
        (222223, 10, [22223] * 3 + [22222] * 7),
        (7, 10, [1] * 7 + [0] * 3),
    ],
)
def test_shares_are_whole_and_sum_to_the_amount(total: int, count: int, expected: list[int]) -> None:
    assert shares(total, count) == expected
    assert sum(expected) == total


@pytest.mark.parametrize(
    ("seconds", "settlement", "refunds"), [(-1, "refund", [25000]), (0, "forfeited", []), (1, "forfeited", [])]
)
def test_the_cut_off_decides_to_the_second(shop: Shop, seconds: int, settlement: str, refunds: list[int]) -> None:
    seat = shop.sell_seat()
    coverage = cancel(seat, seat.live_session.cancel_cutoff_at + timedelta(seconds=seconds))
    assert (coverage.seat.state, coverage.seat.canceled_by, coverage.settlement) == ("canceled", "buyer", settlement)
    assert [refund["amount"] for refund in shop.stripe.objects("refund")] == refunds
    assert list(Refund.objects.values_list("amount_minor", flat=True)) == refunds


def test_paid_seat_is_refunded_and_its_order_says_so(shop: Shop) -> None:
    coverage = cancel(shop.sell_seat())
    assert coverage.order is not None
    assert coverage.refund is not None
    assert (coverage.refund.state, coverage.refund.reason, coverage.refund.amount_minor) == ("succeeded", "given_back", 25000)
    assert (coverage.order.state, coverage.settled_at is not None) == ("refunded", True)
    assert AuditEntry.objects.filter(verb="settled").count() == 1


def test_by_the_house_without_restitution_nothing_comes_back(shop: Shop) -> None:
    seat = shop.sell_seat()
    coverage = cancel_by_house(seat, NONE)
    assert (coverage.settlement, Refund.objects.count()) == ("forfeited", 0)


def test_by_the_house_long_after_the_session_all_of_it_may_come_back(shop: Shop) -> None:
    seat = shop.sell_seat()
    coverage = cancel_by_house(seat, FULL, seat.live_session.ends_at + timedelta(days=3))
    assert coverage.refund is not None
    assert (coverage.refund.reason, coverage.refund.amount_minor) == ("house_canceled", 25000)


def test_what_was_captured_comes_back_with_tax_and_without_the_discount(shop: Shop) -> None:
    seat = shop.sell_seat()
    Payment.objects.update(amount_minor=21780)
    plan = plan_of(seat)
    assert (plan.settlement, plan.amount_minor) == ("refund", 21780)


def test_each_seat_of_an_order_gets_its_share_and_all_together_the_whole(shop: Shop) -> None:
    first = shop.sell_seat()
    seats = [first, *(another_seat_of(first) for _ in range(2))]
    assert [plan_of(seat).amount_minor for seat in seats] == [8334, 8333, 8333]
    states = []
    for seat in seats:
        cancel(seat)
        states.append(Order.objects.get().state)
    assert states == ["partly_refunded", "partly_refunded", "refunded"]
    assert [refund["amount"] for refund in shop.stripe.objects("refund")] == [8334, 8333, 8333]


def test_never_more_comes_back_than_is_left_of_the_payment(shop: Shop) -> None:
    seat = shop.sell_seat()
    owe_refund_of(Payment.objects.get(), 20000)
    assert plan_of(seat).amount_minor == 5000


def test_payment_that_went_back_in_full_is_not_given_back_twice(shop: Shop) -> None:
    seat = shop.sell_seat()
    owe_refund_of(Payment.objects.get(), 25000)
    coverage = cancel(seat)
    assert (coverage.settlement, Refund.objects.count()) == ("nothing", 1)


def test_promotion_of_a_hundred_per_cent_gives_nothing_back(shop: Shop) -> None:
    seat = shop.sell_seat()
    Payment.objects.all().delete()
    assert what_comes_back(plan_of(seat), is_done=False) == "Nothing was paid for this seat, so nothing is returned."
    assert cancel(seat).settlement == "nothing"


@pytest.mark.parametrize(
    ("status", "settlement"),
    [
        ("needs_response", "case"),
        ("under_review", "case"),
        ("lost", "case"),
        ("won", "refund"),
        ("warning_needs_response", "refund"),
        ("prevented", "refund"),
    ],
)
def test_disputed_payment_is_refunded_only_where_it_would_not_pay_twice(shop: Shop, status: str, settlement: str) -> None:
    seat = shop.sell_seat()
    dispute = dispute_of(Payment.objects.get(), status)
    coverage = cancel(seat)
    cases = list(Case.objects.values_list("kind", "dispute_id"))
    assert coverage.settlement == settlement
    assert cases == ([("disputed_restitution", dispute.pk)] if settlement == "case" else [])
    assert Refund.objects.count() == (0 if settlement == "case" else 1)


@pytest.mark.django_db
def test_offline_payment_becomes_a_case_with_a_proposal_whoever_cancels() -> None:
    for cancel_it in (cancel, cancel_by_house):
        coverage = cancel_it(offline_seat())
        assert (coverage.settlement, coverage.refund) == ("case", None)
    late = offline_seat()
    assert cancel(late, late.live_session.cancel_cutoff_at).settlement == "forfeited"
    cases = Case.objects.filter(kind=Case.Kind.OFFLINE_RESTITUTION)
    assert cases.count() == 2
    assert all(case.proposal.startswith("Return the money the way it came") for case in cases)


@pytest.mark.django_db
def test_comp_gives_nothing_back() -> None:
    seat = make_guest_seat(make_live_session())
    assert cancel_by_house(seat).settlement == "nothing"


@pytest.mark.django_db
@pytest.mark.parametrize("went_back", ["refunded", "partly refunded", "lost", "needs_response"])
def test_credit_of_a_year_that_went_back_does_not_return(went_back: str) -> None:
    user = make_user()
    grant = make_credits(user, 12)
    CreditGrant.objects.update(stripe_invoice_id="in_1")
    payment = payment_of_year(grant)
    if went_back == "refunded":
        owe_refund_of(payment, 250000)
    elif went_back == "partly refunded":
        owe_refund_of(payment, 249999)
    else:
        dispute_of(payment, went_back)
    coverage = cancel(book(user, make_live_session()))
    grant.refresh_from_db()
    is_worthless = went_back in ("refunded", "lost")
    assert (coverage.settlement, grant.balance) == (("nothing", 11) if is_worthless else ("credit", 12))
    assert_books_balance()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("days_left", "by_house", "own_grant_days"),
    [(10, True, 90), (200, True, None), (90, True, None), (10, False, None), (-1, False, 90), (-1, True, 90)],
)
def test_how_long_a_returned_credit_is_good(days_left: int, by_house: bool, own_grant_days: int | None) -> None:
    user, now = make_user(), clock.now()
    grant = make_credits(user)
    seat = book(user, make_live_session(starts_in=timedelta(days=3)))
    CreditGrant.objects.update(valid_from=now - timedelta(days=30), expires_at=now + timedelta(days=days_left))
    grant.refresh_from_db()
    if by_house:
        cancel_by_house(seat, now=now)
    else:
        cancel(seat, now)
    back = returned_grant(seat)
    if own_grant_days:
        assert (back.source, back.balance, back.returned_for) == ("returned", 1, seat)
        assert back.expires_at == now + timedelta(days=own_grant_days)
    else:
        assert (back, back.balance, back.expires_at) == (grant, 1, grant.expires_at)
    assert_books_balance()


def test_settling_again_changes_nothing_and_which_guard_sees_to_it(shop: Shop) -> None:
    """The mark on the coverage is the first guard. With it cleared, the database itself refuses a second credit, and the payment
    has nothing left to give."""
    user = with_credits()
    by_credit, _, paid = book(user, make_live_session()), book(user, make_live_session()), shop.sell_seat()
    for seat in (by_credit, paid):
        cancel(seat)
        assert settle_seat(seat_id=seat.pk, now=clock.now()) is None
    SeatCoverage.objects.update(settled_at=None, settlement="", refund=None)
    with pytest.raises(IntegrityError, match="credit_entry_one_return_per_seat"):
        settle_seat(seat_id=by_credit.pk, now=clock.now())
    assert settle_seat(seat_id=paid.pk, now=clock.now()) is None
    assert SeatCoverage.objects.get(seat=paid).settlement == "nothing"
    assert (CreditEntry.objects.filter(kind="return").count(), Refund.objects.count()) == (1, 1)
    assert_books_balance()


@pytest.mark.django_db
def test_a_seat_that_is_not_canceled_is_left_alone() -> None:
    seat = book(with_credits(), make_live_session())
    assert settle_seat(seat_id=seat.pk, now=clock.now()) is None
    assert SeatCoverage.objects.get().settled_at is None


def plan_of(seat: Seat, now: datetime | None = None):
    return plan_own_cancellation(seat=seats_with_coverage().get(pk=seat.pk), now=now or clock.now())


def with_credits():
    user = make_user()
    make_credits(user, 3)
    return user


def another_seat_of(seat: Seat) -> Seat:
    """A further seat of the same order, as an order of several would have."""
    now, guest = clock.now(), make_user()
    other = Seat.objects.create(
        live_session=seat.live_session,
        number=seat.live_session.seats.count() + 1,
        state=Seat.State.CONFIRMED,
        attendee_name=guest.name,
        attendee_email=guest.email,
        booked_by=seat.booked_by,
        held_at=now,
        confirmed_at=now,
    )
    SeatCoverage.objects.create(seat=other, kind="order", order=seat.coverage.order, created_at=now)
    return other


def offline_seat() -> Seat:
    """A seat paid by wire; booked by the reader."""
    user, now = make_user(), clock.now()
    seat = Seat.objects.create(
        live_session=make_live_session(),
        number=1,
        state=Seat.State.CONFIRMED,
        attendee_name=user.name,
        attendee_email=user.email,
        booked_by=user,
        held_at=now,
        confirmed_at=now,
    )
    SeatCoverage.objects.create(
        seat=seat, kind="offline", approved_by=make_staff(), note="wire of 3 May", created_at=now, **WIRED
    )
    return seat


def owe_refund_of(payment: Payment, amount_minor: int) -> None:
    with transaction.atomic():
        owe_refund(payment_id=payment.pk, reason=Refund.Reason.STAFF, amount_minor=amount_minor, now=clock.now())


def dispute_of(payment: Payment, status: str) -> Dispute:
    now = clock.now()
    return Dispute.objects.create(
        payment=payment,
        stripe_dispute_id=f"dp_{status}",
        amount_minor=payment.amount_minor,
        currency="usd",
        reason="fraudulent",
        status=status,
        opened_at=now,
        synced_at=now,
    )


def payment_of_year(grant: CreditGrant) -> Payment:
    return Payment.objects.create(
        subscriber=grant.subscriber,
        stripe_payment_intent_id="pi_year",
        stripe_invoice_id="in_1",
        amount_minor=250000,
        currency="usd",
        captured_at=clock.now(),
        recorded_at=clock.now(),
    )
