"""Staff end a year: what that takes and gives back is shown first, by the same function that then says what is done."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet, Sum

from redreport import audit, policy
from redreport.accounts.models import User
from redreport.transactions import Overtaken, retried
from sessions_live.models import Seat
from sessions_live.operations.cancellations import cancel_seat
from sessions_live.operations.locks import lock_live_session
from subscriptions import mails
from subscriptions.errors import ObjectBusy, RefundTooLarge, SeatNotOfYear
from subscriptions.models import CreditGrant, Payment, Refund, Subscription, SubscriptionChange
from subscriptions.operations.changes import ask_end_now, submit_change
from subscriptions.operations.credits import revoke_credits
from subscriptions.operations.locks import lock_subscription
from subscriptions.operations.refunds import owe_refund, submit_refund
from subscriptions.operations.settle import lock_what_paid, settle_locked_seat
from subscriptions.operations.subscribers import lock_subscriber


@dataclass(frozen=True)
class YearEnding:
    """What ending a year does. Amounts in minor units; `payment` is the year's, None where no payment of it is known."""

    subscription: Subscription
    stripe_invoice_id: str
    payment: Payment | None
    credits_to_revoke: int
    refund_minor: int
    seats_canceled: list[Seat]
    seats_kept: list[Seat]

    @property
    def refundable_minor(self) -> int:
        """What is left of the year's payment."""
        return self.payment.left_minor if self.payment else 0

    @property
    def currency(self) -> str:
        """The payment's, or the house's."""
        return self.payment.currency if self.payment else policy.CURRENCY


def preview_end_year(*, subscription_id: int, refund_minor: int, seats_to_cancel: list[int], now: datetime) -> YearEnding:
    """What `end_year` would do now, with the same refusals: RefundTooLarge, and SeatNotOfYear for a seat that is no coming seat
    booked with a credit of the year."""
    return _ending(Subscription.objects.get(pk=subscription_id), refund_minor, seats_to_cancel, now)


def suggest_year_refund(*, subscription: Subscription, now: datetime) -> int:
    """What was paid for the year × its unused credits ÷ 12, rounded down to a minor unit; no more than is left of the payment."""
    ending = _ending(subscription, 0, [], now)
    if ending.payment is None:
        return 0
    good = _unused_grants(subscription, ending.stripe_invoice_id).filter(expires_at__gt=now)
    unused = min(good.aggregate(total=Sum("balance"))["total"] or 0, policy.CREDITS_PER_YEAR)
    return min(ending.payment.amount_minor * unused // policy.CREDITS_PER_YEAR, ending.refundable_minor)


def end_year(
    *, subscription_id: int, actor: User, reason: str, refund_minor: int, seats_to_cancel: list[int], now: datetime
) -> SubscriptionChange:
    """
    End a year at once: its unused credits are revoked, the refund is owed, the listed seats are canceled by the house without
    restitution, the subscriber is told, and Stripe is asked to end it and to refund. Sweeps finish what Stripe does not answer.

    A second time nothing more is taken or given; only an end that Stripe refused is asked for anew. Refuses as the preview does,
    and with SeatNotTaken when a listed seat was canceled meanwhile.
    """
    change, refund = _end_in_our_books(
        subscription_id=subscription_id,
        actor=actor,
        reason=reason,
        refund_minor=refund_minor,
        seats_to_cancel=seats_to_cancel,
        now=now,
    )
    with suppress(ObjectBusy):
        submit_change(change_id=change.pk, now=now)
    if refund:
        submit_refund(refund_id=refund.pk, now=now)
    return change


@retried
def _end_in_our_books(
    *, subscription_id: int, actor: User, reason: str, refund_minor: int, seats_to_cancel: list[int], now: datetime
) -> tuple[SubscriptionChange, Refund | None]:
    with transaction.atomic():
        # Locks: sessions and their seats by id, subscriber, subscription, grants, payment. The reader may be booking or canceling
        # with these very credits, and a colleague may be ending the same year.
        _lock_seats(seats_to_cancel)
        subscriber = lock_subscriber(Subscription.objects.values_list("subscriber_id", flat=True).get(pk=subscription_id))
        subscription = lock_subscription(subscription_id)
        earlier = subscription.changes.filter(kind=SubscriptionChange.Kind.END_NOW).order_by("-id").first()
        if earlier and earlier.state != SubscriptionChange.State.REFUSED:
            return earlier, None
        change = ask_end_now(subscription_id=subscription_id, actor=actor, reason=reason, now=now)
        if earlier:
            return change, None
        ending = _ending(subscription, refund_minor, seats_to_cancel, now)
        refund = _take_and_give_back(ending, subscriber.pk, actor, reason, now)
        mails.queue_year_ended_by_house(
            change=change,
            refund_minor=ending.refund_minor,
            currency=ending.currency,
            seats_canceled=len(ending.seats_canceled),
            now=now,
        )
        audit.record(
            actor=actor,
            verb="year_ended",
            target=subscription,
            reason=reason,
            detail={
                "credits_revoked": ending.credits_to_revoke,
                "refund_minor": ending.refund_minor,
                "seats_canceled": [seat.pk for seat in ending.seats_canceled],
            },
            now=now,
        )
        return change, refund


def _take_and_give_back(ending: YearEnding, subscriber_id: int, actor: User, reason: str, now: datetime) -> Refund | None:
    for seat in ending.seats_canceled:
        cancel_seat(
            live_session=seat.live_session,
            seat=seat,
            by=Seat.CanceledBy.HOUSE,
            restitution=Seat.Restitution.NONE,
            actor=actor,
            reason=reason,
            now=now,
        )
        settle_locked_seat(seat=seat, coverage=lock_what_paid(seat), now=now)
    if ending.stripe_invoice_id:
        revoke_credits(
            subscriber_id=subscriber_id, stripe_invoice_id=ending.stripe_invoice_id, actor=actor, reason=reason, now=now
        )
    if not ending.payment or not ending.refund_minor:
        return None
    return owe_refund(
        payment_id=ending.payment.pk,
        reason=Refund.Reason.YEAR_ENDED,
        amount_minor=ending.refund_minor,
        made_by=actor,
        note=reason,
        now=now,
    )


def _lock_seats(seat_ids: list[int]) -> None:
    of_ids = Seat.objects.filter(pk__in=seat_ids)
    sessions = sorted(set(of_ids.order_by().values_list("live_session_id", flat=True)))
    for live_session_id in sessions:
        lock_live_session(live_session_id)
    seats = list(of_ids.order_by("id").select_for_update(of=["self"], no_key=True))
    # The race: one was moved to a session that is not locked here.
    if any(seat.live_session_id not in sessions for seat in seats):
        raise Overtaken


def _ending(subscription: Subscription, refund_minor: int, seats_to_cancel: list[int], now: datetime) -> YearEnding:
    invoice_id = _latest_paid_invoice(subscription)
    payments = Payment.objects.filter(subscriber_id=subscription.subscriber_id, stripe_invoice_id=invoice_id)
    payment = payments.first() if invoice_id else None
    seats = list(_coming_seats(invoice_id, now)) if invoice_id else []
    ending = YearEnding(
        subscription=subscription,
        stripe_invoice_id=invoice_id,
        payment=payment,
        credits_to_revoke=_unused_grants(subscription, invoice_id).aggregate(total=Sum("balance"))["total"] or 0,
        refund_minor=refund_minor,
        seats_canceled=[seat for seat in seats if seat.pk in seats_to_cancel],
        seats_kept=[seat for seat in seats if seat.pk not in seats_to_cancel],
    )
    if len(ending.seats_canceled) != len(set(seats_to_cancel)):
        raise SeatNotOfYear
    if refund_minor > ending.refundable_minor:
        raise RefundTooLarge(ending.refundable_minor)
    return ending


def _latest_paid_invoice(subscription: Subscription) -> str:
    """The invoice of the year that was paid last; '' when none was."""
    years = CreditGrant.objects.filter(subscription=subscription, source=CreditGrant.Source.INVOICE)
    return years.order_by("-valid_from").values_list("stripe_invoice_id", flat=True).first() or ""


def _unused_grants(subscription: Subscription, invoice_id: str) -> QuerySet[CreditGrant]:
    """What `revoke_credits` takes: everything that came of the invoice, carried over or returned from it included."""
    grants = CreditGrant.objects.filter(subscriber_id=subscription.subscriber_id, balance__gt=0)
    return grants.filter(stripe_invoice_id=invoice_id) if invoice_id else grants.none()


def _coming_seats(invoice_id: str, now: datetime) -> QuerySet[Seat]:
    """Seats booked with credits of that invoice, in sessions that have not begun."""
    booked = Seat.objects.filter(coverage__credit_entry__grant__stripe_invoice_id=invoice_id, state__in=Seat.TAKEN)
    return booked.filter(live_session__starts_at__gt=now).select_related("live_session").order_by("live_session__starts_at", "id")
