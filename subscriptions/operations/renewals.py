"""The yearly agreement and its paid invoices: what Stripe has now becomes our rows, and each paid year its credits, once."""

from datetime import datetime

from django.conf import settings
from django.db import transaction

from redreport import policy
from redreport.accounts.models import Erasure
from subscriptions import mails
from subscriptions import stripe_gateway as gateway
from subscriptions.cards import card_fields
from subscriptions.models import Case, Invoice, Order, Payment, Refund, Subscriber, Subscription
from subscriptions.operations.cases import case_key, open_case
from subscriptions.operations.credits import grant_year_credits
from subscriptions.operations.invoices import announce_paid_year, follow_collection, write_invoice
from subscriptions.operations.leases import Lease, synchronize
from subscriptions.operations.locks import lock_order
from subscriptions.operations.orders import mark_paid
from subscriptions.operations.payments import record_captured_payment
from subscriptions.operations.refunds import owe_refund
from subscriptions.operations.subscribers import lock_subscriber
from subscriptions.selectors import id_of_customers_subscriber, yearly_price_ids
from subscriptions.stripe_objects import InvoiceLine, InvoiceState, SubscriptionState

# Stripe's own word for why a subscription ended.
PAYMENT_FAILED = "payment_failed"


def sync_subscription(*, stripe_subscription_id: str, now: datetime) -> SubscriptionState:
    """Fetch a subscription and write it down. Refuses with ObjectBusy while another does."""

    def fetch_and_apply(lease: Lease) -> SubscriptionState:
        state = gateway.fetch_subscription(stripe_subscription_id)
        apply_subscription(state=state, lease=lease, now=now)
        return state

    return synchronize(stripe_subscription_id, fetch_and_apply)


def sync_invoice(*, stripe_invoice_id: str, now: datetime) -> None:
    """Fetch an invoice and write it down; if it is paid, grant the credits of its yearly lines, if it is not, say what is to be
    done. Refuses with ObjectBusy while another does."""

    def fetch_and_apply(lease: Lease) -> None:
        invoice = gateway.fetch_invoice(stripe_invoice_id)
        if invoice.livemode != settings.STRIPE_LIVEMODE:
            return
        if invoice.subscription_id and (_is_being_collected(invoice) or _subscription_of(invoice) is None):
            # The invoice may be quicker than the news of its subscription: that it exists, or that it has lapsed.
            sync_subscription(stripe_subscription_id=invoice.subscription_id, now=now)
        _apply_invoice(invoice, lease, now)

    synchronize(stripe_invoice_id, fetch_and_apply)


def apply_subscription(*, state: SubscriptionState, lease: Lease, now: datetime) -> None:
    """Write down what Stripe has just said of a subscription. Whoever turned its renewal off or on, its reader is mailed that."""
    subscriber_id = id_of_customers_subscriber(state.customer_id)
    if subscriber_id is None or state.livemode != settings.STRIPE_LIVEMODE:
        return
    with transaction.atomic():
        lease.confirm()
        # The subscriber's lock: whether this is a second live year is decided for one subscription after the other.
        subscriber = lock_subscriber(subscriber_id)
        before = Subscription.objects.filter(stripe_subscription_id=state.id).first()
        subscription, _ = Subscription.objects.update_or_create(
            stripe_subscription_id=state.id,
            defaults={
                "subscriber": subscriber,
                "status": state.status,
                "current_period_start": state.current_period_start,
                "current_period_end": state.current_period_end,
                "cancel_at": state.cancel_at,
                "cancel_at_period_end": state.cancel_at_period_end,
                "canceled_at": state.canceled_at,
                "ended_at": state.ended_at,
                "pause_behavior": state.pause_behavior,
                **card_fields(state.card),
                "synced_at": now,
            },
        )
        started_by = Order.objects.filter(number=state.order_number, subscriber=subscriber, kind=Order.Kind.YEAR)
        # The first subscription of an order stays its own, should Stripe have two.
        started_by.filter(subscription__isnull=True).update(subscription=subscription)
        if before:
            _tell_what_changed(before, subscription, state, now)
        _look_for_a_second_year(subscription, now)


def _tell_what_changed(before: Subscription, subscription: Subscription, state: SubscriptionState, now: datetime) -> None:
    if before.is_live and subscription.is_live and before.renews != subscription.renews:
        mails.queue_renewal_changed(subscription=subscription, now=now)
    if not before.has_lapsed and _lapsed_unpaid(state):
        mails.queue_year_lapsed(subscription=subscription, now=now)


def _look_for_a_second_year(subscription: Subscription, now: datetime) -> None:
    live = Subscription.objects.filter(subscriber=subscription.subscriber_id, status__in=Subscription.LIVE)
    if subscription.is_live and live.exclude(pk=subscription.pk).exists():
        open_case(
            key=case_key(Case.Kind.SECOND_YEAR, subscription.stripe_subscription_id),
            kind=Case.Kind.SECOND_YEAR,
            summary="A second live subscription of one subscriber",
            proposal="Ask the reader which one to keep; end the other in Stripe and refund its last payment.",
            subscription=subscription,
            now=now,
        )


def _lapsed_unpaid(state: SubscriptionState) -> bool:
    """Whether it lapsed because its renewal could not be collected, and not because somebody ended it."""
    if state.status == Subscription.Status.UNPAID:
        return True
    return state.status == Subscription.Status.CANCELED and state.ends_because == PAYMENT_FAILED


def _apply_invoice(invoice: InvoiceState, lease: Lease, now: datetime) -> None:
    subscription = _subscription_of(invoice)
    subscriber_id = subscription.subscriber_id if subscription else id_of_customers_subscriber(invoice.customer_id)
    with transaction.atomic():
        lease.confirm()
        if subscriber_id is None or (invoice.subscription_id and subscription is None):
            _look_at_foreign_invoice(invoice, now)
            return
        # Locks: subscriber, then the order. Two invoices of one subscriber, and the order's own Checkout, wait for each other.
        lock_subscriber(subscriber_id)
        order = _order_of(invoice, subscriber_id)
        written = write_invoice(state=invoice, subscriber_id=subscriber_id, subscription=subscription, order=order, now=now)
        if subscription is None:
            _note_documents(invoice, order)
            _look_at_year_without_subscription(written, invoice, now)
        elif invoice.status == Invoice.Status.PAID:
            _apply_paid_year(written, invoice, subscription, now)
        # Last, since a case is locked after everything else.
        follow_collection(invoice=written, state=invoice, now=now)


def _apply_paid_year(written: Invoice, invoice: InvoiceState, subscription: Subscription, now: datetime) -> None:
    """A paid invoice of a subscription, its first one included: money recorded, a year's credits granted, its order fulfilled."""
    lines = _yearly_lines(invoice)
    order = Order.objects.filter(subscription=subscription).first()
    _record_payments(invoice, subscription, order, now)
    if lines and not _is_of_another_amount(order, lines, now):
        granted = [grant_year_credits(subscription=subscription, line=line, invoice_id=invoice.id, now=now) for line in lines]
        announce_paid_year(invoice=written, new_grants=[grant for grant, is_new in granted if is_new], now=now)
        if order and not order.fulfilled_at:
            _fulfil_year_order(lock_order(order.pk), invoice, now)
    if _was_paid_after_closing(invoice, subscription):
        _give_all_back(invoice, now)
    # Last, since a case is locked after everything else.
    _look_at_what_brings_too_little(invoice, lines, subscription, now)


def _subscription_of(invoice: InvoiceState) -> Subscription | None:
    of_invoice = Subscription.objects.filter(stripe_subscription_id=invoice.subscription_id)
    return of_invoice.first() if invoice.subscription_id else None


def _is_being_collected(invoice: InvoiceState) -> bool:
    return invoice.status == Invoice.Status.OPEN and invoice.attempt_count > 0


def _order_of(invoice: InvoiceState, subscriber_id: int) -> Order | None:
    """The order that this invoice bills: a seat's, or the one that began the year. A renewal was not ordered."""
    if invoice.billing_reason == Invoice.RENEWAL:
        return None
    return Order.objects.filter(number=invoice.order_number, subscriber_id=subscriber_id).first()


def _look_at_year_without_subscription(written: Invoice, invoice: InvoiceState, now: datetime) -> None:
    """An invoice that somebody made in the dashboard bills our yearly price once: credits are a subscription's, or staff's."""
    if invoice.status == Invoice.Status.PAID and _sells_a_year(invoice):
        _put_to_a_person(
            invoice,
            "is paid at the price of a year, but belongs to no subscription, so no credits came of it",
            proposal="Grant the credits by hand, or refund it in Stripe's dashboard.",
            subscriber=written.subscriber,
            now=now,
        )


def _look_at_what_brings_too_little(
    invoice: InvoiceState, lines: list[InvoiceLine], subscription: Subscription, now: datetime
) -> None:
    """A whole period was paid that brings no credits, being at a price of staff's own, or that may be worth several years."""
    if not lines and invoice.total_minor > 0 and invoice.billing_reason in Invoice.OF_A_PERIOD:
        what = "is paid, but at no yearly price of ours, so no credits came of it"
    elif any(line.quantity > 1 for line in lines):
        what = f"is paid for more than one year at once; {policy.CREDITS_PER_YEAR} credits came of it"
    else:
        return
    proposal = "Grant by hand the credits that were agreed on, and put the subscription in Stripe on our yearly price, once."
    _put_to_a_person(invoice, what, proposal=proposal, subscription=subscription, now=now)


def _look_at_foreign_invoice(invoice: InvoiceState, now: datetime) -> None:
    if invoice.status == Invoice.Status.PAID and _yearly_lines(invoice):
        proposal = "Find out in Stripe's dashboard whose customer it is; refund it there, or write to them."
        _put_to_a_person(invoice, "is paid for a year, but its customer is none of ours", proposal=proposal, now=now)


def _put_to_a_person(
    invoice: InvoiceState,
    what: str,
    *,
    proposal: str,
    now: datetime,
    subscriber: Subscriber | None = None,
    subscription: Subscription | None = None,
) -> None:
    """Open the one case of a paid invoice that is not what we sell."""
    open_case(
        key=case_key(Case.Kind.UNKNOWN_INVOICE, invoice.id),
        kind=Case.Kind.UNKNOWN_INVOICE,
        summary=f"{invoice.id} {what}",
        proposal=proposal,
        subscriber=subscriber,
        subscription=subscription,
        now=now,
    )


def _yearly_lines(invoice: InvoiceState) -> list[InvoiceLine]:
    yearly = yearly_price_ids()
    return [line for line in invoice.lines if line.pays_for_a_year(yearly)]


def _sells_a_year(invoice: InvoiceState) -> bool:
    """Whether our yearly price is on it, whatever the period: a line made by hand has none of its own."""
    yearly = yearly_price_ids()
    return any(line.price_id in yearly and line.amount_minor > 0 for line in invoice.lines)


def _is_of_another_amount(order: Order | None, lines: list[InvoiceLine], now: datetime) -> bool:
    """Whether the first year's invoice is not for what was ordered; then a case is opened, and nothing is granted by itself."""
    if order is None or order.fulfilled_at or sum(line.amount_minor for line in lines) == order.amount_minor:
        return False
    open_case(
        key=case_key(Case.Kind.AMOUNT_MISMATCH, order.number),
        kind=Case.Kind.AMOUNT_MISMATCH,
        summary=f"{order.number}: the invoice of its year is for another amount than was ordered",
        proposal="No credits were granted. Refund it and end the subscription in Stripe, or grant the credits by hand.",
        order=order,
        payment=order.payments.order_by("-id").first(),
        subscription=order.subscription,
        now=now,
    )
    return True


def _record_payments(invoice: InvoiceState, subscription: Subscription, order: Order | None, now: datetime) -> None:
    first_year = order if order and order.fulfilled_at is None else None
    for captured in invoice.payments:
        record_captured_payment(
            captured=captured,
            subscriber_id=subscription.subscriber_id,
            order=first_year,
            invoice_id=invoice.id,
            now=now,
        )


def _was_paid_after_closing(invoice: InvoiceState, subscription: Subscription) -> bool:
    """Whether its reader had asked before that the account be erased, and was told that nothing more is charged: Stripe could not
    be reached in time to end the year."""
    paid_at = invoice.paid_at
    return bool(paid_at and Erasure.objects.filter(user=subscription.subscriber.user_id, asked_at__lt=paid_at).exists())


def _give_all_back(invoice: InvoiceState, now: datetime) -> None:
    """Its credits stay on the account, which nobody enters, until they are written off with it."""
    for payment in Payment.objects.filter(stripe_invoice_id=invoice.id, refunds__isnull=True).order_by("pk"):
        owe_refund(payment_id=payment.pk, reason=Refund.Reason.YEAR_ENDED, now=now)


def _fulfil_year_order(order: Order, invoice: InvoiceState, now: datetime) -> None:
    mark_paid(order=order, paid_at=invoice.paid_at or now, sums=invoice, now=now)
    order.fulfilled_at = now
    order.next_check_at = None
    order.hosted_invoice_url = invoice.hosted_invoice_url
    order.invoice_pdf_url = invoice.invoice_pdf_url
    order.receipt_url = next((payment.receipt_url for payment in invoice.payments), "")
    order.save()


def _note_documents(invoice: InvoiceState, order: Order | None) -> None:
    """A single seat's invoice: the payment comes by its Checkout, the addresses of its papers may come here first."""
    if order:
        addresses = {"hosted_invoice_url": invoice.hosted_invoice_url, "invoice_pdf_url": invoice.invoice_pdf_url}
        Order.objects.filter(pk=order.pk).update(**addresses)
