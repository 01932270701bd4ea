"""A card's network suspects fraud: a refund in time may spare us a dispute and its fee."""

from datetime import datetime

from django.db import transaction

from redreport.money import format_money
from redreport.transactions import retried
from subscriptions import stripe_gateway as gateway
from subscriptions.models import Case
from subscriptions.operations.cases import case_key, open_case
from subscriptions.operations.leases import Lease, synchronize
from subscriptions.operations.locks import lock_bought
from subscriptions.operations.unknown_payments import learn_payment
from subscriptions.selectors import returned_minor


def sync_fraud_warning(*, stripe_warning_id: str, now: datetime) -> None:
    """Fetch a warning; as long as a refund can still help, a case proposes it, once for a payment.

    The case settles itself when the payment is refunded or disputed. Refuses with ObjectBusy when another worker is at it.
    """

    def fetch_and_apply(lease: Lease) -> None:
        warning = gateway.fetch_fraud_warning(stripe_warning_id)
        payment = learn_payment(payment_intent_id=warning.payment_intent_id, now=now) if warning.is_actionable else None
        if payment:
            _open(payment.pk, warning.fraud_type, lease, now)

    synchronize(stripe_warning_id, fetch_and_apply)


@retried
def _open(payment_id: int, fraud_type: str, lease: Lease, now: datetime) -> None:
    with transaction.atomic():
        lease.confirm()
        # The payment's lock: the refund or the dispute that makes the warning idle may be written at this moment.
        bought = lock_bought(payment_id)
        payment = bought.payment
        if payment.disputes.exists() or returned_minor(payment) >= payment.amount_minor:
            return
        amount, suspicion = format_money(payment.amount_minor, payment.currency), fraud_type.replace("_", " ")
        open_case(
            key=case_key(Case.Kind.FRAUD_WARNING, payment.stripe_payment_intent_id),
            kind=Case.Kind.FRAUD_WARNING,
            summary=f"The card's bank suspects that {amount} was paid without its owner's will ({suspicion})",
            proposal="Refund it unless you know the reader: a dispute costs the sum and a fee. The refund ends what it bought.",
            order=bought.order,
            payment=payment,
            now=now,
        )
