"""Months in which anything happens to anybody: at the end of each month, and at the end, the books account for every cent."""

import random
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db.models import F

from redreport import clock
from redreport.accounts.models import User
from redreport.desk.books.months import Month, Span, month_of
from redreport.desk.books.reading import read_books
from sessions_live.errors import NotCancelable, SeatRefused
from sessions_live.models import LiveSession, Seat
from subscriptions.errors import BookingRefused
from subscriptions.models import Case, Dispute, Order, Payment, SeatCoverage, Subscription
from subscriptions.operations.case_money import note_paid_back, to_pay_back
from subscriptions.operations.cases import settle_case
from subscriptions.operations.refunds import refund_payment, submit_refund
from subscriptions.operations.settle import restore_forfeited_credit
from subscriptions.operations.year_endings import end_year
from tests.bookkeeping import assert_every_cent_is_accounted_for, day, pass_to, session_on
from tests.canceling import FULL, NONE, book, cancel, cancel_by_house
from tests.factories import make_guest_seat, make_staff, make_user
from tests.money_back import refund_by_hand
from tests.parties import colleagues, party_of
from tests.timeline import Timeline

BEGIN = day(1, 4)
STEPS_A_MONTH = 7


class Business:
    """Readers, sessions, and whatever chance has happen to them next."""

    def __init__(self, timeline: Timeline, seed: int) -> None:
        self.timeline, self.shop, self.chance = timeline, timeline.shop, random.Random(seed)
        self.shop.promote("ODD", percent_off=33, duration="forever")
        self.readers: list[User] = [make_user(f"Reader {number}") for number in range(5)]
        self.subscribed: list[User] = []
        self.staff = make_staff()

    def live_a_month(self, month: Month) -> None:
        pass_to(self.timeline, max(clock.now(), month.begins_at))
        self.sessions = [
            session_on(day(month.month, number, month.year), capacity=40) for number in (5, 19, 28) if self.chance.random() < 0.8
        ] or [session_on(day(month.month, 12, month.year))]
        self.month_ends_at = month.ends_at - timedelta(minutes=1)
        for steps_left in range(STEPS_A_MONTH, 0, -1):
            happening = self.chance.choice(self.happenings)
            happening(self)
            pass_to(self.timeline, clock.now() + (self.month_ends_at - clock.now()) / steps_left)

    def someone(self) -> User:
        return self.chance.choice(self.readers)

    def coming(self) -> LiveSession:
        coming = [live_session for live_session in self.sessions if live_session.starts_at > clock.now() + timedelta(hours=2)]
        return self.chance.choice(coming) if coming else session_on(clock.now() + timedelta(days=self.chance.randint(1, 40)))

    def taken(self, **about: object) -> Seat | None:
        seats = list(Seat.objects.filter(state__in=Seat.TAKEN, **about).order_by("id"))
        return self.chance.choice(seats) if seats else None

    def paying(self) -> dict[str, str]:
        """From where, and with which promotion if any."""
        return {"country": self.chance.choice(["US", "DE"]), **self.chance.choice([{}, {"promotion_code": "ODD"}])}

    def buy_seats(self) -> None:
        reader = make_user()
        attendees = [*party_of(reader), *colleagues(self.chance.choice([0, 0, 2]), start=self.chance.randint(1, 10**6))]
        order = self.shop.hold_seat(reader, self.coming(), attendees)
        self.shop.pay(order, **self.paying())

    def buy_year(self) -> None:
        rest = [reader for reader in self.readers if reader not in self.subscribed]
        if rest:
            self.subscribed.append(rest[0])
            self.shop.pay(self.shop.order_year(rest[0]), **self.paying())

    def use_credit(self) -> None:
        for reader in self.subscribed:
            try:
                book(reader, self.coming())
            except (BookingRefused, SeatRefused):
                continue

    def give_up(self) -> None:
        seat = self.taken(live_session__starts_at__gt=clock.now())
        if seat:
            try:
                cancel(seat)
            except NotCancelable:
                return

    def give_up_in_the_last_hours(self) -> None:
        hours = timedelta(hours=3)
        seat = self.taken(live_session__starts_at__gt=clock.now() + hours, live_session__starts_at__lt=self.month_ends_at)
        if seat:
            pass_to(self.timeline, seat.live_session.starts_at - hours)
            cancel(seat)

    def restore(self) -> None:
        forfeited = SeatCoverage.objects.filter(kind="credit", settlement="forfeited").first()
        if forfeited:
            restore_forfeited_credit(seat_id=forfeited.seat_id, actor=self.staff, reason="Ill", now=clock.now())

    def cancel_by_house(self) -> None:
        seat = self.taken()
        if seat:
            cancel_by_house(seat, self.chance.choice([FULL, NONE]))

    def refund_part(self) -> None:
        standing = Payment.objects.filter(disputes__isnull=True, refunded_minor__lt=F("amount_minor"))
        payments = list(standing.order_by("id"))
        if payments:
            payment = self.chance.choice(payments)
            refund = refund_payment(
                payment_id=payment.pk,
                amount_minor=self.chance.randint(1, payment.left_minor),
                actor=self.staff,
                note="Agreed",
                request_id=UUID(int=self.chance.getrandbits(128)),
                now=clock.now(),
            )
            assert refund
            submit_refund(refund_id=refund.pk, now=clock.now())

    def refund_in_dashboard(self) -> None:
        payments = list(Payment.objects.filter(refunds__isnull=True, disputes__isnull=True).order_by("id"))
        if payments:
            refund_by_hand(self.chance.choice(payments))

    def dispute(self) -> None:
        """One is opened, or the one that is open is decided; left alone, the bank decides for the reader."""
        undecided = Dispute.objects.exclude(status__in=Dispute.CLOSED).first()
        if undecided:
            self.shop.stripe.settle_dispute(undecided.stripe_dispute_id, self.chance.choice(["won", "lost"]))
            return
        payments = list(Payment.objects.filter(refunds__isnull=True, disputes__isnull=True).order_by("id"))
        if payments:
            self.shop.stripe.open_dispute(self.chance.choice(payments).stripe_payment_intent_id)

    def pay_offline(self) -> None:
        seat = make_guest_seat(self.coming(), staff=self.staff)
        SeatCoverage.objects.filter(seat=seat).update(
            kind="offline", amount_minor=self.chance.randint(1, 30000), currency="usd", paid_on=clock.now().date()
        )

    def settle_case(self) -> None:
        case = self.open_case()
        if case:
            outcome = self.chance.choice([Case.Outcome.KEPT, Case.Outcome.OTHERWISE, Case.Outcome.SEAT_GIVEN])
            settle_case(case_id=case.pk, actor=self.staff, resolution="Agreed", outcome=outcome, now=clock.now())

    def pay_back(self) -> None:
        case = self.open_case()
        most = to_pay_back(case) if case else None
        if case and most:
            amount = self.chance.choice([most.amount_minor, self.chance.randint(1, most.amount_minor)])
            how = {"how": "bank transfer", "reference": "W-1"}
            note_paid_back(case_id=case.pk, amount_minor=amount, actor=self.staff, **how, now=clock.now())

    def open_case(self) -> Case | None:
        cases = list(Case.objects.filter(kind__in=Case.OF_MONEY, state="opened").order_by("id"))
        return self.chance.choice(cases) if cases else None

    def pay_wrong_amount(self) -> None:
        """A payment for which nothing is given."""
        order = self.shop.hold_seat(make_user(), self.coming())
        Order.objects.filter(pk=order.pk).update(amount_minor=24000)
        self.shop.pay(order, **self.paying())

    def fail_refund(self) -> None:
        seat = self.taken(coverage__order__payments__disputes__isnull=True, coverage__order__payments__refunded_minor=0)
        if seat:
            self.shop.stripe.next_refund("failed")
            cancel_by_house(seat, FULL)

    def end_year(self) -> None:
        year = Subscription.objects.filter(status="active").first()
        payment = Payment.objects.filter(subscriber=year.subscriber, order__kind="year").first() if year else None
        if year and payment and not payment.disputes.exists() and self.chance.random() < 0.5:
            end_year(
                subscription_id=year.pk,
                actor=self.staff,
                reason="Agreed",
                refund_minor=min(payment.left_minor, self.chance.choice([0, 50001, 187500])),
                seats_to_cancel=[],
                now=clock.now(),
            )

    happenings = [
        *[buy_seats] * 5,
        *[use_credit] * 4,
        *[buy_year] * 2,
        *[give_up, give_up_in_the_last_hours, restore, cancel_by_house, refund_part, refund_in_dashboard],
        *[dispute, dispute, pay_offline, settle_case, end_year],
        *[pay_wrong_amount, fail_refund, pay_back, settle_case],
    ]


def earned_in(month: Month) -> int:
    return read_books(span=Span(month, month), now=clock.now()).value("earned_total", "usd", month)


@pytest.mark.parametrize(("seed", "months"), [(5, 8), (7, 4)])
def test_books_account_for_every_cent_whatever_happens(timeline: Timeline, seed: int, months: int, settings: Any) -> None:
    settings.STRIPE_AUTOMATIC_TAX = settings.STRIPE_TAX_ID_COLLECTION = True
    settings.STRIPE_PROMOTION_CODES = True
    timeline.go_to(BEGIN)
    timeline.shop.stripe.set_tax({"DE": 19})
    business, closed = Business(timeline, seed), {}
    for number in range(months):
        month = month_of(BEGIN).plus(number)
        business.live_a_month(month)
        assert_every_cent_is_accounted_for()
        closed[month] = earned_in(month)
    until = datetime(2031, 1, 1, tzinfo=BEGIN.tzinfo)
    for year in Subscription.objects.filter(status="active"):
        end_year(
            subscription_id=year.pk, actor=business.staff, reason="All over", refund_minor=0, seats_to_cancel=[], now=clock.now()
        )
    pass_to(timeline, until)
    pass_to(timeline, until + timedelta(hours=1))
    assert_every_cent_is_accounted_for()
    # What a month earned stays what it was when it ended; in the last one the years were ended afterwards.
    del closed[month]
    assert {month: earned_in(month) for month in closed} == closed
    # Nothing is coming any more: all that is left of the money is earned, but for what a person has not decided.
    last = month_of(clock.now())
    books = read_books(span=Span(last, last), now=clock.now())
    rest = ("to_give_back", "unassigned")
    owed = sum(books.so_far(name, "usd", last) for name in rest)
    assert [books.so_far(name, "usd", last) for name in ("coming", "booked", "unused")] == [0, 0, 0]
    kept = books.so_far("cash_total", "usd", last) - books.so_far("tax", "usd", last) + books.so_far("with_bank", "usd", last)
    assert books.so_far("earned_total", "usd", last) == kept - owed - books.so_far("on_its_way", "usd", last)
