"""The credit ledger. A grant's balance and its ledger line change together, under the grant's lock.

Every function here runs inside its caller's transaction. Locks: the subscriber, then the grants by id.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from redreport import audit, policy
from redreport.accounts.models import User
from sessions_live.models import LiveSession, Seat
from sessions_live.selectors import sessions_offered
from subscriptions.errors import CreditExpiresBefore, CreditUsedHere, NoCredit
from subscriptions.models import AutoBookingAttempt, CreditEntry, CreditGrant, Dispute, Payment, Subscription
from subscriptions.operations.subscribers import lock_subscriber
from subscriptions.selectors import seats_by_credit
from subscriptions.stripe_objects import InvoiceLine


@dataclass(frozen=True)
class ReturnTerms:
    """Until when a returned credit is good, and whether it becomes a grant of its own."""

    good_until: datetime
    in_own_grant: bool


def grant_year_credits(
    *, subscription: Subscription, line: InvoiceLine, invoice_id: str, now: datetime
) -> tuple[CreditGrant, bool]:
    """Grant a paid year's credits for the period of its invoice line; once for each line, whatever comes how often.

    What the year before left over comes along, as far as the house offered fewer sessions than that year had credits.
    The caller has locked the subscriber. Returns the grant, and whether it is new.
    """
    known = CreditGrant.objects.filter(stripe_invoice_line_id=line.id).first()
    if known:
        return known, False
    _carry_over(subscription, line, now)
    grant = CreditGrant.objects.create(
        source=CreditGrant.Source.INVOICE,
        stripe_invoice_line_id=line.id,
        stripe_invoice_id=invoice_id,
        subscriber_id=subscription.subscriber_id,
        subscription=subscription,
        credits=policy.CREDITS_PER_YEAR,
        balance=0,
        valid_from=line.period_start,
        expires_at=line.period_end,
        created_at=now,
    )
    _enter(grant, CreditEntry.Kind.GRANT, grant.credits, reason="Annual subscription paid", now=now)
    _have_sessions_tried_again(subscription.subscriber_id, now)
    return grant, True


def grant_credits(
    *,
    subscriber_id: int,
    credits: int,
    valid_from: datetime,
    expires_at: datetime,
    actor: User,
    reason: str,
    request_id: uuid.UUID | None = None,
    now: datetime,
) -> tuple[CreditGrant, bool]:
    """Give credits by a named member of staff for a written reason, as to a reader who paid before this site existed.

    The same `request_id` again grants nothing. Returns the grant, and whether it is new.
    """
    lock_subscriber(subscriber_id)
    known = CreditGrant.objects.filter(request_id=request_id).first() if request_id else None
    if known:
        return known, False
    grant = CreditGrant.objects.create(
        source=CreditGrant.Source.STAFF,
        request_id=request_id,
        granted_by=actor,
        reason=reason,
        subscriber_id=subscriber_id,
        credits=credits,
        balance=0,
        valid_from=valid_from,
        expires_at=expires_at,
        created_at=now,
    )
    _enter(grant, CreditEntry.Kind.GRANT, credits, actor=actor, reason=reason, now=now)
    audit.record(actor=actor, verb="granted", target=grant, reason=reason, detail={"credits": credits}, now=now)
    _have_sessions_tried_again(subscriber_id, now)
    return grant, True


def spend_credit(*, subscriber_id: int, seat: Seat, live_session: LiveSession, actor: User | None, now: datetime) -> CreditEntry:
    """Spend the soonest-expiring credit that is still valid when the session starts. The caller has locked session and seat.

    Refuses with CreditUsedHere, with NoCredit, or with CreditExpiresBefore when all that are left end before the start.
    """
    grant = usable_grant(subscriber_id=subscriber_id, live_session=live_session, now=now)
    return _enter(grant, CreditEntry.Kind.SPEND, -1, seat=seat, actor=actor, reason=live_session.title, now=now)


def usable_grant(*, subscriber_id: int, live_session: LiveSession, now: datetime) -> CreditGrant:
    """The grant whose credit pays for a seat in this session now: of those still valid when it starts the soonest to expire. It
    and the subscriber are locked, so the credit stays until the transaction ends. The caller has locked the session.

    Refuses as `spend_credit` does.
    """
    lock_subscriber(subscriber_id)
    if seats_by_credit(live_session).filter(coverage__credit_entry__grant__subscriber=subscriber_id).exists():
        raise CreditUsedHere
    # The grants' locks, by id within their expiry: a refund of the year may be revoking them at this moment.
    valid = list(
        CreditGrant.objects.valid_at(now).filter(subscriber_id=subscriber_id, balance__gt=0).select_for_update(no_key=True)
    )
    grant = next((grant for grant in valid if grant.covers(live_session)), None)
    if grant is None:
        raise CreditExpiresBefore(valid[-1].expires_at) if valid else NoCredit
    return grant


def return_terms(*, grant: CreditGrant, by_house: bool, now: datetime) -> ReturnTerms:
    """Whether a credit of this grant, returned now, is one of its own from then on, and how long it is good."""
    good_until = now + policy.RETURNED_CREDIT_GOOD_FOR
    needs_more_time = grant.expires_at < good_until and (by_house or grant.expires_at <= now)
    return ReturnTerms(good_until if needs_more_time else grant.expires_at, needs_more_time)


def return_credit(*, spent: CreditEntry, by_house: bool, actor: User | None, reason: str, now: datetime) -> CreditEntry:
    """Give back the credit that a seat was booked with. The caller has locked session and seat; a seat's credit returns once.

    It goes back to its grant and keeps its expiry. Returned by the house, or after its grant expired, it is good for at least
    `policy.RETURNED_CREDIT_GOOD_FOR` more: then it becomes a grant of its own.
    """
    assert spent.seat is not None
    lock_subscriber(spent.grant.subscriber_id)
    # The grant's lock: its balance may be spent, revoked or expired at this moment.
    grant = CreditGrant.objects.select_for_update(no_key=True).get(pk=spent.grant_id)
    terms = return_terms(grant=grant, by_house=by_house, now=now)
    if terms.in_own_grant:
        grant = CreditGrant.objects.create(
            source=CreditGrant.Source.RETURNED,
            returned_for=spent.seat,
            subscriber_id=grant.subscriber_id,
            subscription_id=grant.subscription_id,
            stripe_invoice_id=grant.stripe_invoice_id,
            credits=1,
            balance=0,
            valid_from=now,
            expires_at=terms.good_until,
            created_at=now,
        )
    return _enter(grant, CreditEntry.Kind.RETURN, 1, seat=spent.seat, actor=actor, reason=reason, now=now)


def expire_credits(*, grant_id: int, now: datetime) -> bool:
    """Write off what is left of a grant whose time is over; False when nothing is."""
    subscriber_id = CreditGrant.objects.values_list("subscriber_id", flat=True).get(pk=grant_id)
    lock_subscriber(subscriber_id)
    grant = CreditGrant.objects.select_for_update(no_key=True).get(pk=grant_id)
    if grant.expires_at > now or grant.balance == 0:
        return False
    _enter(grant, CreditEntry.Kind.EXPIRE, -grant.balance, reason="Not used in time", now=now)
    return True


def write_off_credits(*, grant_id: int, reason: str, now: datetime) -> None:
    """Let what is left of a grant expire before its time: nobody is there any more who could use it. Again it changes nothing."""
    subscriber_id = CreditGrant.objects.values_list("subscriber_id", flat=True).get(pk=grant_id)
    lock_subscriber(subscriber_id)
    grant = CreditGrant.objects.select_for_update(no_key=True).get(pk=grant_id)
    if grant.balance:
        _enter(grant, CreditEntry.Kind.EXPIRE, -grant.balance, reason=reason, now=now)


def revoke_credits(*, subscriber_id: int, stripe_invoice_id: str, actor: User | None, reason: str, now: datetime) -> int:
    """Take back every unused credit that came of an invoice, those carried over or returned from it included; returns how many.

    What was booked with them stays booked.
    """
    lock_subscriber(subscriber_id)
    of_invoice = CreditGrant.objects.filter(subscriber_id=subscriber_id, stripe_invoice_id=stripe_invoice_id, balance__gt=0)
    revoked = 0
    for grant in of_invoice.order_by("id").select_for_update(no_key=True):
        revoked += grant.balance
        _enter(grant, CreditEntry.Kind.REVOKE, -grant.balance, actor=actor, reason=reason, now=now)
    return revoked


def payment_of_year_went_back(grant: CreditGrant) -> bool:
    """Whether the year that brought this credit was refunded in full or lost to the bank: then it is worth nothing."""
    return grant.pk in grants_of_years_gone([grant])


def grants_of_years_gone(grants: Collection[CreditGrant]) -> set[int]:
    """Those of these grants of which `payment_of_year_went_back` holds, in two queries however many they are."""
    invoices = {grant.stripe_invoice_id for grant in grants if grant.stripe_invoice_id}
    if not invoices:
        return set()
    payments = list(Payment.objects.filter(stripe_invoice_id__in=invoices))
    lost = set(Dispute.objects.filter(payment__in=payments, status=Dispute.LOST).values_list("payment_id", flat=True))
    paid: dict[tuple[int, str], list[Payment]] = {}
    for payment in payments:
        paid.setdefault((payment.subscriber_id, payment.stripe_invoice_id), []).append(payment)
    gone = {
        year
        for year, of_year in paid.items()
        if all(payment.left_minor == 0 for payment in of_year) or any(payment.pk in lost for payment in of_year)
    }
    return {grant.pk for grant in grants if (grant.subscriber_id, grant.stripe_invoice_id) in gone}


def _have_sessions_tried_again(subscriber_id: int, now: datetime) -> None:
    """Coming sessions into which nobody was booked automatically for want of a credit get another try, now that there are new
    ones. Under the subscriber's lock: a try before it is forgotten, a try after it finds the credits."""
    AutoBookingAttempt.objects.filter(
        subscriber_id=subscriber_id, outcome=AutoBookingAttempt.Outcome.NO_CREDIT, live_session__starts_at__gt=now
    ).delete()


def _carry_over(subscription: Subscription, line: InvoiceLine, now: datetime) -> None:
    """What the period that ended with this one's beginning left over, as a grant of its own: it does not come over again.

    It is made before the new year's grant and so, expiring with it, is spent first.
    """
    years = CreditGrant.objects.filter(subscription=subscription, source=CreditGrant.Source.INVOICE, carried_to__isnull=True)
    # The grant's lock: it may be expired or revoked at this moment.
    last = years.filter(expires_at=line.period_start).select_for_update(of=["self"], no_key=True).first()
    if last is None:
        return
    expired = last.entries.filter(kind=CreditEntry.Kind.EXPIRE).first()
    unused = last.balance - (expired.delta if expired else 0)
    carried = max(0, min(unused, last.credits - sessions_offered(begin=last.valid_from, end=last.expires_at)))
    if payment_of_year_went_back(last):
        # Written off before the money went back, so that nothing was left to be revoked.
        carried = 0
    if last.balance:
        _enter(last, CreditEntry.Kind.EXPIRE, -last.balance, reason="Not used in time", now=now)
    if carried == 0:
        return
    grant = CreditGrant.objects.create(
        source=CreditGrant.Source.CARRIED_OVER,
        carried_from=last,
        stripe_invoice_id=last.stripe_invoice_id,
        subscriber_id=last.subscriber_id,
        subscription=subscription,
        credits=carried,
        balance=0,
        valid_from=line.period_start,
        expires_at=line.period_end,
        created_at=now,
    )
    _enter(grant, CreditEntry.Kind.CARRY_OVER, carried, reason="Fewer sessions than credits in the year before", now=now)


def _enter(
    grant: CreditGrant,
    kind: CreditEntry.Kind,
    delta: int,
    *,
    seat: Seat | None = None,
    actor: User | None = None,
    reason: str = "",
    now: datetime,
) -> CreditEntry:
    """One line of the ledger and the balance it leaves; the grant is new or locked."""
    grant.balance += delta
    grant.save(update_fields=["balance"])
    return CreditEntry.objects.create(
        grant=grant, kind=kind, delta=delta, balance_after=grant.balance, seat=seat, actor=actor, reason=reason, at=now
    )
