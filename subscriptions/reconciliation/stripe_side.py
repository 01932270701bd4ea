"""The walks over what Stripe has. Subscriptions and payments come first: they bring back whom everything else belongs to."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q, Sum
from django.db.models.functions import Coalesce

from redreport.text import READ_ALOUD
from subscriptions import stripe_gateway as gateway
from subscriptions.models import (
    Case,
    CreditGrant,
    Dispute,
    Invoice,
    Order,
    Payment,
    Refund,
    StripeEvent,
    Subscription,
)
from subscriptions.operations.cases import case_key
from subscriptions.operations.checkouts import sync_checkout
from subscriptions.operations.customers import sync_customer
from subscriptions.operations.disputes import sync_dispute
from subscriptions.operations.recovery import recover_checkout, recover_payment
from subscriptions.operations.refund_sync import sync_refund
from subscriptions.operations.renewals import sync_invoice, sync_subscription
from subscriptions.operations.subscribers import subscriber_of_customer
from subscriptions.reconciliation import differences
from subscriptions.reconciliation.differences import Difference
from subscriptions.reconciliation.walks import Customers, Span, Walk
from subscriptions.selectors import yearly_price_ids
from subscriptions.stripe_objects import (
    CapturedPayment,
    CheckoutState,
    DisputeState,
    EventHint,
    InvoiceState,
    RefundState,
    SubscriptionState,
)
from subscriptions.webhooks.handlers import HANDLERS
from subscriptions.webhooks.inbox import process_event, store_event

OUR_ORDER = re.compile(f"RR-[{READ_ALOUD}]{{8}}")
FIRST_OF_A_YEAR = "subscription_create"


class Subscriptions(Walk[SubscriptionState]):
    """All of them, ended ones too: there is no list of those that changed."""

    kind = "subscription"

    def items(self, span: Span, now: datetime) -> Iterator[SubscriptionState]:
        return gateway.list_subscriptions()

    def id_of(self, item: SubscriptionState) -> str:
        return item.id

    def compare(self, page: Sequence[SubscriptionState], now: datetime) -> list[Difference]:
        customers = Customers(state.customer_id for state in page)
        rows = {row.stripe_subscription_id: row for row in Subscription.objects.filter(stripe_subscription_id__in=_ids(page))}
        found: list[Difference] = []
        for state in page:
            if state.id in rows or customers.has(state.customer_id, state.customer):
                found += differences.of_subscription(state, rows.get(state.id))
                deleted = state.customer is not None and state.customer.is_deleted
                found += differences.of_customer(self.kind, state.id, deleted, state.customer_id in customers.linked)
        return found

    def fetch(self, object_id: str) -> SubscriptionState:
        return gateway.fetch_subscription(object_id)

    def heal(self, item: SubscriptionState, now: datetime) -> None:
        subscriber_of_customer(stripe_customer_id=item.customer_id, now=now)
        sync_subscription(stripe_subscription_id=item.id, now=now)
        if item.customer and item.customer.is_deleted:
            sync_customer(stripe_customer_id=item.customer_id, now=now)


class Payments(Walk[CapturedPayment]):
    kind = "payment"

    def items(self, span: Span, now: datetime) -> Iterator[CapturedPayment]:
        return gateway.list_payments(since=span.since, until=span.until)

    def id_of(self, item: CapturedPayment) -> str:
        return item.payment_intent_id

    def compare(self, page: Sequence[CapturedPayment], now: datetime) -> list[Difference]:
        customers = Customers(captured.customer_id for captured in page)
        rows = _payments_with_what_went_back(captured.payment_intent_id for captured in page)
        found: list[Difference] = []
        for captured in page:
            row = rows.get(captured.payment_intent_id)
            if row or customers.has(captured.customer_id, captured.customer) or OUR_ORDER.fullmatch(captured.order_number):
                found += differences.of_payment(captured, row, row.given_back_minor if row else 0)
                deleted = captured.customer is not None and captured.customer.is_deleted
                is_linked = captured.customer_id in customers.linked
                found += differences.of_customer(self.kind, captured.payment_intent_id, deleted, is_linked)
        return found

    def fetch(self, object_id: str) -> CapturedPayment | None:
        return gateway.fetch_payment(object_id)

    def heal(self, item: CapturedPayment, now: datetime) -> None:
        recover_payment(payment_intent_id=item.payment_intent_id, now=now)
        if item.customer and item.customer.is_deleted:
            sync_customer(stripe_customer_id=item.customer_id, now=now)


class Checkouts(Walk[CheckoutState]):
    kind = "checkout"

    def items(self, span: Span, now: datetime) -> Iterator[CheckoutState]:
        return gateway.list_checkouts(since=span.since, until=span.until)

    def id_of(self, item: CheckoutState) -> str:
        return item.id

    def compare(self, page: Sequence[CheckoutState], now: datetime) -> list[Difference]:
        numbers = {state.order_number for state in page if state.order_number}
        of_ours = {order.number: order for order in Order.objects.filter(number__in=numbers).select_related("subscriber")}
        settled_otherwise = _known_cases([*map(_amount_case, numbers), *(_seat_case(state.id) for state in page)])
        found: list[Difference] = []
        for state in page:
            order = of_ours.get(state.order_number)
            if not {_amount_case(state.order_number), _seat_case(state.id)}.isdisjoint(settled_otherwise):
                continue
            if order or _is_complete_without_payment(state):
                found += differences.of_checkout(state, order)
        return found

    def fetch(self, object_id: str) -> CheckoutState:
        return gateway.fetch_checkout(object_id)

    def heal(self, item: CheckoutState, now: datetime) -> None:
        if _is_complete_without_payment(item):
            recover_checkout(checkout_session_id=item.id, now=now)
        else:
            sync_checkout(checkout_session_id=item.id, now=now)


class Invoices(Walk[InvoiceState]):
    kind = "invoice"

    def items(self, span: Span, now: datetime) -> Iterator[InvoiceState]:
        return gateway.list_invoices(since=span.since, until=span.until)

    def id_of(self, item: InvoiceState) -> str:
        return item.id

    def compare(self, page: Sequence[InvoiceState], now: datetime) -> list[Difference]:
        customers = Customers(state.customer_id for state in page)
        rows = {row.stripe_invoice_id: row for row in Invoice.objects.filter(stripe_invoice_id__in=_ids(page))}
        paid_lines = _paid_yearly_lines(page)
        lines = [line_id for line_ids in paid_lines.values() for line_id in line_ids]
        granted = set(
            CreditGrant.objects.filter(stripe_invoice_line_id__in=lines).values_list("stripe_invoice_line_id", flat=True)
        )
        first = {state.id: _amount_case(state.order_number) for state in page if state.billing_reason == FIRST_OF_A_YEAR}
        amount_cases = _known_cases(first.values())
        found: list[Difference] = []
        for state in page:
            if state.id in rows or customers.has(state.customer_id):
                is_left_to_a_case = first.get(state.id) in amount_cases
                missing = [] if is_left_to_a_case else [line for line in paid_lines.get(state.id, []) if line not in granted]
                found += differences.of_invoice(state, rows.get(state.id), missing)
        return found

    def fetch(self, object_id: str) -> InvoiceState:
        return gateway.fetch_invoice(object_id)

    def heal(self, item: InvoiceState, now: datetime) -> None:
        sync_invoice(stripe_invoice_id=item.id, now=now)


class Refunds(Walk[RefundState]):
    kind = "refund"

    def items(self, span: Span, now: datetime) -> Iterator[RefundState]:
        return gateway.list_refunds(since=span.since, until=span.until)

    def id_of(self, item: RefundState) -> str:
        return item.id

    def compare(self, page: Sequence[RefundState], now: datetime) -> list[Difference]:
        references = [state.own_reference for state in page if state.own_reference]
        rows = Refund.objects.filter(Q(stripe_refund_id__in=_ids(page)) | Q(public_id__in=references))
        by_name = {str(name): row for row in rows for name in (row.stripe_refund_id, row.public_id) if name}
        of_ours = _known_intents(state.payment_intent_id for state in page)
        found: list[Difference] = []
        for state in page:
            if state.payment_intent_id in of_ours:
                found += differences.of_refund(state, by_name.get(state.id) or by_name.get(state.reference))
        return found

    def fetch(self, object_id: str) -> RefundState:
        return gateway.fetch_refund(object_id)

    def heal(self, item: RefundState, now: datetime) -> None:
        sync_refund(stripe_refund_id=item.id, now=now)


class Disputes(Walk[DisputeState]):
    kind = "dispute"

    def items(self, span: Span, now: datetime) -> Iterator[DisputeState]:
        return gateway.list_disputes(since=span.since, until=span.until)

    def id_of(self, item: DisputeState) -> str:
        return item.id

    def compare(self, page: Sequence[DisputeState], now: datetime) -> list[Difference]:
        rows = {row.stripe_dispute_id: row for row in Dispute.objects.filter(stripe_dispute_id__in=_ids(page))}
        of_ours = _known_intents(state.payment_intent_id for state in page)
        found: list[Difference] = []
        for state in page:
            if state.payment_intent_id in of_ours:
                found += differences.of_dispute(state, rows.get(state.id))
        return found

    def fetch(self, object_id: str) -> DisputeState:
        return gateway.fetch_dispute(object_id)

    def heal(self, item: DisputeState, now: datetime) -> None:
        sync_dispute(stripe_dispute_id=item.id, now=now)


class Events(Walk[EventHint]):
    """Last, when all that they tell of is healed: what they ask for then changes nothing more."""

    kind = "event"

    def items(self, span: Span, now: datetime) -> Iterator[EventHint]:
        return (
            event
            for event in gateway.list_events(since=span.since, until=span.until)
            if event.type in HANDLERS and event.object_id
        )

    def id_of(self, item: EventHint) -> str:
        return item.id

    def compare(self, page: Sequence[EventHint], now: datetime) -> list[Difference]:
        rows = {row.stripe_event_id: row for row in StripeEvent.objects.filter(stripe_event_id__in=_ids(page))}
        return [difference for event in page for difference in differences.of_event(event, rows.get(event.id))]

    def fetch(self, object_id: str) -> None:
        """Once it is in the inbox, there is nothing left to compare; what becomes of it there, the inbox's own walk sees."""

    def heal(self, item: EventHint, now: datetime) -> None:
        row, _ = store_event(event=item, now=now)
        process_event(event_id=row.pk, now=now)


def _ids(page: Sequence[SubscriptionState | InvoiceState | RefundState | DisputeState | EventHint]) -> list[str]:
    return [state.id for state in page]


def _known_intents(intent_ids: Iterable[str]) -> set[str]:
    """Those of our payments: what was refunded or disputed of other people's money is not compared."""
    of_ours = Payment.objects.filter(stripe_payment_intent_id__in=set(intent_ids))
    return set(of_ours.values_list("stripe_payment_intent_id", flat=True))


def _payments_with_what_went_back(intent_ids: Iterable[str]) -> dict[str, Any]:
    """Our payments by intent, each with the sum of its refunds that Stripe took on and that have not failed."""
    taken_on = Q(refunds__state__in=Refund.STANDING)
    given_back = Coalesce(Sum("refunds__amount_minor", filter=taken_on), 0)
    rows = Payment.objects.filter(stripe_payment_intent_id__in=list(intent_ids)).annotate(given_back_minor=given_back)
    return {row.stripe_payment_intent_id: row for row in rows}


def _paid_yearly_lines(page: Sequence[InvoiceState]) -> dict[str, list[str]]:
    """The lines that bring a year's credits, by invoice."""
    yearly = yearly_price_ids()
    return {
        state.id: [line.id for line in state.lines if line.pays_for_a_year(yearly)]
        for state in page
        if state.status == Invoice.Status.PAID
    }


def _is_complete_without_payment(state: CheckoutState) -> bool:
    """A seat for which nothing was to be paid: no payment tells of it."""
    is_seat_of_ours = not state.subscription_id and OUR_ORDER.fullmatch(state.order_number) is not None
    return is_seat_of_ours and state.is_paid and state.total_minor == 0


def _amount_case(order_number: str) -> str:
    return case_key(Case.Kind.AMOUNT_MISMATCH, order_number)


def _seat_case(checkout_session_id: str) -> str:
    return case_key(Case.Kind.PAYMENT_WITHOUT_SEAT, checkout_session_id)


def _known_cases(keys: Iterable[str]) -> set[str]:
    """Which of these cases were ever opened: a person decides, or has decided, what is different there."""
    return set(Case.objects.filter(key__in=set(keys)).values_list("key", flat=True))


STRIPE_WALKS: Iterable[type[Walk[Any]]] = (Subscriptions, Payments, Checkouts, Invoices, Refunds, Disputes, Events)
