"""The walks over our own books: what must hold among our rows whatever Stripe says."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from redreport.money import format_money
from sessions_live.models import Seat
from subscriptions.errors import GatewayUnavailable, ObjectBusy
from subscriptions.models import Case, CreditGrant, Order, Payment, Refund, SeatCoverage, StripeEvent
from subscriptions.operations.checkouts import check_order
from subscriptions.operations.settle import settle_seat
from subscriptions.reconciliation.differences import NOTHING, Difference
from subscriptions.reconciliation.walks import Span, Walk
from subscriptions.selectors import orders_paid_not_given
from subscriptions.webhooks.inbox import process_event, replay_event

# What the minute sweeps finish by themselves is not looked at before that.
SWEPT_WITHIN = timedelta(minutes=15)


class OwnWalk(Walk[str]):
    """Rows that already look wrong to the database, by what they are called."""

    is_of_stripe = False

    def id_of(self, item: str) -> str:
        return item

    def fetch(self, object_id: str) -> str:
        return object_id


class FailedEvents(OwnWalk):
    """Events in the inbox that failed, or that no sweep took up in time."""

    kind = "inbox"
    heals_known = False

    def items(self, span: Span, now: datetime) -> Iterator[str]:
        # An event may be tried for longer than a run looks back: what counts is when it was given up.
        failed = Q(state=StripeEvent.State.FAILED, processed_at__gte=span.since)
        overdue = Q(state=StripeEvent.State.RECEIVED, due_at__lt=now - SWEPT_WITHIN)
        return StripeEvent.objects.filter(failed | overdue).order_by("id").values_list("stripe_event_id", flat=True).iterator()

    def compare(self, page: Sequence[str], now: datetime) -> list[Difference]:
        rows = StripeEvent.objects.filter(stripe_event_id__in=page).exclude(state=StripeEvent.State.PROCESSED)
        return [
            Difference(self.kind, row.stripe_event_id, row.type, f"{row.state} ({row.error or 'overdue'})", "told us")
            for row in rows.order_by("id")
        ]

    def heal(self, item: str, now: datetime) -> None:
        event = StripeEvent.objects.get(stripe_event_id=item)
        replay_event(event_id=event.pk, actor=None, reason="reconciliation", now=now)
        was_answered = process_event(event_id=event.pk, now=now)
        event.refresh_from_db()
        if event.state == StripeEvent.State.RECEIVED:
            # It waits for another try, which is not a failure yet.
            raise ObjectBusy(event.object_id) if was_answered else GatewayUnavailable(event.error)


class CreditBalances(OwnWalk):
    """Each grant's balance is the sum of its ledger."""

    kind = "grant"

    def items(self, span: Span, now: datetime) -> Iterator[str]:
        return (str(pk) for pk in self._wrong().values_list("id", flat=True).iterator())

    def compare(self, page: Sequence[str], now: datetime) -> list[Difference]:
        wrong = self._wrong().filter(pk__in=page).values_list("id", "balance", "of_ledger")
        return [self._difference(pk, balance, of_ledger) for pk, balance, of_ledger in wrong]

    def _difference(self, pk: int, balance: int, of_ledger: int) -> Difference:
        return Difference(self.kind, str(pk), "balance", f"{balance} credits, its ledger {of_ledger}", "not asked")

    def _wrong(self) -> QuerySet[Any]:
        of_ledger = CreditGrant.objects.annotate(of_ledger=Coalesce(Sum("entries__delta"), 0))
        return of_ledger.exclude(balance=F("of_ledger")).order_by("id")


class RefundSums(OwnWalk):
    """What a payment counts as given back is the sum of its refunds that have not failed."""

    kind = "payment"

    def items(self, span: Span, now: datetime) -> Iterator[str]:
        return self._wrong().values_list("stripe_payment_intent_id", flat=True).iterator()

    def compare(self, page: Sequence[str], now: datetime) -> list[Difference]:
        wrong = self._wrong().filter(stripe_payment_intent_id__in=page)
        rows = wrong.values_list("stripe_payment_intent_id", "refunded_minor", "of_refunds", "currency")
        return [
            Difference(
                self.kind,
                intent_id,
                "sum of refunds",
                f"{format_money(counted, currency)}, its refunds {format_money(of_refunds, currency)}",
                "not asked",
            )
            for intent_id, counted, of_refunds, currency in rows
        ]

    def _wrong(self) -> QuerySet[Any]:
        not_failed = Q(refunds__state__in=[Refund.State.PENDING, *Refund.STANDING])
        of_refunds = Coalesce(Sum("refunds__amount_minor", filter=not_failed), 0)
        return Payment.objects.annotate(of_refunds=of_refunds).exclude(refunded_minor=F("of_refunds")).order_by("id")


class PaidOrders(OwnWalk):
    """What was paid was given, or goes back, or a person decides."""

    kind = "order"

    def items(self, span: Span, now: datetime) -> Iterator[str]:
        return self._hanging(now).values_list("number", flat=True).iterator()

    def compare(self, page: Sequence[str], now: datetime) -> list[Difference]:
        hanging = self._hanging(now).filter(number__in=page).values_list("number", flat=True)
        return [Difference(self.kind, number, "what was paid for", "neither given nor refunded", "paid") for number in hanging]

    def heal(self, item: str, now: datetime) -> None:
        check_order(order_id=Order.objects.get(number=item).pk, now=now)

    def _hanging(self, now: datetime) -> QuerySet[Order]:
        cases = Case.objects.filter(order=OuterRef("pk")).exclude(kind=Case.Kind.DIFFERENCE)
        return orders_paid_not_given().filter(~Exists(cases), paid_at__lt=now - SWEPT_WITHIN).order_by("id")


class TakenSeats(OwnWalk):
    """Each taken seat is covered: by a credit, by the house, or by an order that is paid."""

    kind = "seat"

    def items(self, span: Span, now: datetime) -> Iterator[str]:
        return (str(pk) for pk in self._uncovered().values_list("id", flat=True).iterator())

    def compare(self, page: Sequence[str], now: datetime) -> list[Difference]:
        uncovered = self._uncovered().filter(pk__in=page).values_list("id", "coverage__order__number")
        return [
            Difference(self.kind, str(pk), "coverage", f"{number} is not paid" if number else NOTHING, "not asked")
            for pk, number in uncovered
        ]

    def _uncovered(self) -> QuerySet[Seat]:
        unpaid = Q(coverage__kind=SeatCoverage.Kind.ORDER, coverage__order__paid_at__isnull=True)
        return Seat.objects.filter(Q(coverage__isnull=True) | unpaid, state__in=Seat.TAKEN).order_by("id")


class GivenSeats(OwnWalk):
    """An order that was given was given as many seats as it is for."""

    kind = "order"

    def items(self, span: Span, now: datetime) -> Iterator[str]:
        return self._wrong().values_list("number", flat=True).iterator()

    def compare(self, page: Sequence[str], now: datetime) -> list[Difference]:
        wrong = self._wrong().filter(number__in=page).values_list("number", "quantity", "given")
        return [
            Difference(self.kind, number, "seats", f"{given} given, {quantity} ordered", "not asked")
            for number, quantity, given in wrong
        ]

    def _wrong(self) -> QuerySet[Any]:
        given = Count("coverages", filter=Q(coverages__seat__state__in=[*Seat.TAKEN, Seat.State.CANCELED]))
        orders = Order.objects.filter(kind=Order.Kind.SEAT, fulfilled_at__isnull=False).annotate(given=given)
        return orders.exclude(quantity=F("given")).order_by("id")


class CanceledSeats(OwnWalk):
    """What covered a canceled seat was given back, or forfeited by the rule, and that is written down."""

    kind = "canceled seat"

    def items(self, span: Span, now: datetime) -> Iterator[str]:
        return (str(pk) for pk in self._unsettled(now).values_list("seat_id", flat=True).iterator())

    def compare(self, page: Sequence[str], now: datetime) -> list[Difference]:
        unsettled = self._unsettled(now).filter(seat_id__in=page).values_list("seat_id", "seat__restitution")
        return [
            Difference(self.kind, str(pk), "settlement", f"owes {restitution or 'nothing'}, not settled", "not asked")
            for pk, restitution in unsettled
        ]

    def heal(self, item: str, now: datetime) -> None:
        settle_seat(seat_id=int(item), now=now)

    def _unsettled(self, now: datetime) -> QuerySet[SeatCoverage]:
        canceled = SeatCoverage.objects.filter(seat__state=Seat.State.CANCELED, settled_at__isnull=True)
        return canceled.filter(seat__canceled_at__lt=now - SWEPT_WITHIN).order_by("id")


OWN_WALKS: Iterable[type[OwnWalk]] = (FailedEvents, CreditBalances, RefundSums, PaidOrders, TakenSeats, GivenSeats, CanceledSeats)
