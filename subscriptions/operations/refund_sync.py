"""Looking at Stripe's refunds, ours and those made by hand. Calls Stripe."""

from datetime import datetime

from subscriptions import stripe_gateway as gateway
from subscriptions.models import Refund
from subscriptions.operations.dashboard_refunds import take_in_refund
from subscriptions.operations.refund_states import LOOK_AGAIN
from subscriptions.operations.refunds import submit_refund
from subscriptions.operations.unknown_payments import learn_payment


def sync_refund(*, stripe_refund_id: str, now: datetime) -> None:
    """Fetch a refund and write it down; of a payment that we do not know yet, that one first.

    Refuses with ObjectBusy when another worker is at it. A refund of money that no customer of ours paid is left alone.
    """
    unwritten = take_in_refund(stripe_refund_id=stripe_refund_id, now=now)
    if unwritten and learn_payment(payment_intent_id=unwritten.payment_intent_id, now=now):
        take_in_refund(stripe_refund_id=stripe_refund_id, now=now)


def sync_refunds_of_charge(*, stripe_charge_id: str, now: datetime) -> None:
    """Fetch every refund of a charge and write it down. Refuses as `sync_refund` does."""
    for refund_id in gateway.list_refund_ids(charge_id=stripe_charge_id):
        sync_refund(stripe_refund_id=refund_id, now=now)


def check_refund(*, refund_id: int, now: datetime) -> bool:
    """One turn of the minute sweep for one refund: carry it out, or look what became of it. False as in `submit_refund`."""
    refund = Refund.objects.get(pk=refund_id)
    if refund.state == Refund.State.PENDING or refund.stripe_refund_id is None:
        return submit_refund(refund_id=refund_id, now=now)
    # Put off first, so that a refund which cannot be fetched is not asked for in every turn.
    Refund.objects.filter(pk=refund_id).update(next_attempt_at=now + LOOK_AGAIN)
    sync_refund(stripe_refund_id=refund.stripe_refund_id, now=now)
    return True
