"""What somebody asked of a running year: the wish is committed first, then Stripe is asked, then what Stripe has is written down.

Of several wishes the last one counts. All calls for one subscription are made under its lease, one after the other; a wish that
came while an older one's call was under way is carried out by the same holder afterwards.
"""

from contextlib import suppress
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from redreport import audit
from redreport.accounts.models import User
from redreport.waits import growing_wait
from subscriptions import stripe_gateway as gateway
from subscriptions.errors import GatewayBroken, GatewayNotFound, GatewayRefused, GatewayUnavailable, NoRemedy, YearNotRunning
from subscriptions.models import Case, Subscription, SubscriptionChange
from subscriptions.operations.cases import case_key, open_case
from subscriptions.operations.keys import new_key_after_server_error
from subscriptions.operations.leases import Lease, synchronize
from subscriptions.operations.locks import lock_subscription
from subscriptions.operations.renewals import apply_subscription
from subscriptions.selectors import live_subscription
from subscriptions.stripe_objects import SubscriptionState

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(minutes=30)

ENDED = (Subscription.Status.CANCELED, Subscription.Status.INCOMPLETE_EXPIRED)
HAS_ENDED = "the year has ended"

Kind, State = SubscriptionChange.Kind, SubscriptionChange.State


def ask_renewal(*, user: User, renews: bool, now: datetime) -> SubscriptionChange:
    """Note that the reader wants the renewal of their running year on or off; `submit_change` carries it out.

    The same wish again gives the pending one; another one supersedes it. Refuses with YearNotRunning, also when staff are ending
    the year.
    """
    with transaction.atomic():
        found = live_subscription(user=user)
        if found is None:
            raise YearNotRunning
        subscription = lock_subscription(found.pk)
        if subscription.changes.filter(kind=Kind.END_NOW, state=State.PENDING).exists():
            raise YearNotRunning
        kind = Kind.RENEWAL_ON if renews else Kind.RENEWAL_OFF
        return _note_wish(subscription, kind, asked_by=user, reason="", now=now)


def ask_end_now(*, subscription_id: int, actor: User, reason: str, now: datetime) -> SubscriptionChange:
    """Note that staff want a year ended at once; whatever else was asked of it is superseded. `submit_change` carries it out."""
    with transaction.atomic():
        return _note_wish(lock_subscription(subscription_id), Kind.END_NOW, asked_by=actor, reason=reason, now=now)


def ask_change_again(*, change_id: int, actor: User, now: datetime) -> SubscriptionChange:
    """Note once more, for staff, a wish that Stripe refused. Refuses with NoRemedy when it was not refused or something else was
    asked of the subscription since, and with YearNotRunning."""
    with transaction.atomic():
        subscription_id = SubscriptionChange.objects.values_list("subscription_id", flat=True).get(pk=change_id)
        subscription = lock_subscription(subscription_id)
        change = subscription.changes.get(pk=change_id)
        if change.state != State.REFUSED or subscription.changes.filter(pk__gt=change_id).exists():
            raise NoRemedy
        if not subscription.is_live:
            raise YearNotRunning
        return _note_wish(subscription, Kind(change.kind), asked_by=actor, reason="asked again", now=now)


def submit_change(*, change_id: int, now: datetime) -> bool:
    """
    Ask Stripe to carry out a pending change. When Stripe cannot be reached, which the answer False says, it stays pending for
    the sweep. Refuses with ObjectBusy when another worker is at this subscription, who then carries the change out or leaves
    it to the sweep.
    """
    change = _claim_attempt(change_id, now)
    if change is None:
        return True
    subscription = change.subscription
    try:
        synchronize(subscription.stripe_subscription_id, lambda lease: _carry_out_wish(subscription, lease, now))
    except GatewayUnavailable:
        return False
    return True


def _note_wish(
    subscription: Subscription, kind: SubscriptionChange.Kind, *, asked_by: User, reason: str, now: datetime
) -> SubscriptionChange:
    """The caller has locked the subscription."""
    # The pending wish's lock: its call may be about to be answered.
    pending = subscription.changes.filter(state=State.PENDING).select_for_update(no_key=True).first()
    if pending and pending.kind == kind:
        return pending
    if pending:
        pending.state = State.SUPERSEDED
        pending.next_attempt_at = None
        # One that Stripe may have been asked for is done with only once it can no longer take effect.
        pending.done_at = None if pending.attempts else now
        pending.save(update_fields=["state", "next_attempt_at", "done_at"])
    change = SubscriptionChange.objects.create(
        subscription=subscription, kind=kind, asked_by=asked_by, reason=reason, created_at=now, next_attempt_at=now
    )
    audit.record(actor=asked_by, verb=f"asked_{kind}", target=subscription, reason=reason, now=now)
    return change


def _claim_attempt(change_id: int, now: datetime) -> SubscriptionChange | None:
    with transaction.atomic():
        # The change's lock: two sweeps at once make one attempt. Counted before the call, so that a crash is seen as an attempt.
        rows = SubscriptionChange.objects.select_for_update(of=["self"], no_key=True).select_related("subscription")
        change = rows.get(pk=change_id)
        if change.state != State.PENDING or change.next_attempt_at is None or change.next_attempt_at > now:
            return None
        _count_attempt(change, now)
        return change


def _count_attempt(change: SubscriptionChange, now: datetime) -> None:
    change.attempts += 1
    change.next_attempt_at = now + growing_wait(attempts=change.attempts, first=FIRST_WAIT, longest=LONGEST_WAIT)
    change.save(update_fields=["attempts", "next_attempt_at"])


def _carry_out_wish(subscription: Subscription, lease: Lease, now: datetime) -> None:
    """One turn under the lease: whatever is the last wish by now, asked for if it does not hold yet."""
    change = _last_wish(subscription, now)
    try:
        _settle_superseded(subscription, now)
        state = gateway.fetch_subscription(subscription.stripe_subscription_id)
        if change and not _holds(change, state):
            _ask_stripe(change, state)
            # Not the answer itself: the same key may have been answered before, and more have changed since.
            state = gateway.fetch_subscription(subscription.stripe_subscription_id)
    except GatewayRefused as refusal:
        if change is None:
            raise
        _take_no(change, refusal, lease, now)
        return
    with transaction.atomic():
        # Locks: lease, subscriber, subscription, then the change.
        apply_subscription(state=state, lease=lease, now=now)
        if change:
            _finish(change, state, now)


def _settle_superseded(subscription: Subscription, now: datetime) -> None:
    """
    Ask once more, each with its own key, for superseded wishes whose calls were never answered. A key takes effect once: after
    its answer, a request that is still on its way somewhere can no longer overtake the last wish.
    """
    unanswered = subscription.changes.filter(state=State.SUPERSEDED, done_at__isnull=True).exclude(kind=Kind.END_NOW)
    for change in unanswered.order_by("id"):
        state = gateway.fetch_subscription(subscription.stripe_subscription_id)
        # A refusal is an answer all the same: Stripe gives it to the first request too.
        with suppress(GatewayRefused, GatewayBroken):
            _ask_stripe(change, state)
        SubscriptionChange.objects.filter(pk=change.pk).update(done_at=now)


def _last_wish(subscription: Subscription, now: datetime) -> SubscriptionChange | None:
    with transaction.atomic():
        # The change's lock: it may be superseded at this moment; afterwards it counts as one that Stripe was asked for.
        change = subscription.changes.filter(state=State.PENDING).select_for_update(no_key=True).first()
        if change and change.attempts == 0:
            _count_attempt(change, now)
        return change


def _holds(change: SubscriptionChange, state: SubscriptionState) -> bool:
    """Whether nothing is left to ask. A year that has ended does not renew, and cannot be made to: see `_finish`."""
    if state.status in ENDED:
        return True
    return change.kind != Kind.END_NOW and _renews(state) == (change.kind == Kind.RENEWAL_ON)


def _renews(state: SubscriptionState) -> bool:
    return state.cancel_at is None and not state.cancel_at_period_end


def _ask_stripe(change: SubscriptionChange, state: SubscriptionState) -> None:
    with new_key_after_server_error(change):
        if change.kind == Kind.END_NOW:
            gateway.cancel_subscription(state.id)
        else:
            key = f"change-{change.public_id}-{change.stripe_key_version}"
            gateway.set_renewal(key=key, subscription=state, renews=change.kind == Kind.RENEWAL_ON)


def _finish(change: SubscriptionChange, state: SubscriptionState, now: datetime) -> None:
    """Done, if it holds. One superseded meanwhile stays so, and is answered."""
    mine = SubscriptionChange.objects.filter(pk=change.pk)
    mine.filter(state=State.SUPERSEDED).update(done_at=now)
    pending = mine.filter(state=State.PENDING)
    if not _holds(change, state):
        # Somebody undid it at Stripe since its key was first used: the same key would give the old answer for ever.
        pending.update(stripe_key_version=F("stripe_key_version") + 1)
    elif state.status in ENDED and change.kind == Kind.RENEWAL_ON:
        pending.update(state=State.REFUSED, error=HAS_ENDED, next_attempt_at=None)
    else:
        pending.update(state=State.DONE, done_at=now, next_attempt_at=None)


def _take_no(change: SubscriptionChange, refusal: GatewayRefused, lease: Lease, now: datetime) -> None:
    """Stripe refused: because the year has ended by now, or for a reason that a person must look at."""
    state = _fetch_if_there(change.subscription)
    with transaction.atomic():
        # Locks: lease, subscriber, subscription, then the change.
        lease.confirm()
        if state:
            apply_subscription(state=state, lease=lease, now=now)
        if state and state.status in ENDED:
            _finish(change, state, now)
            return
        mine = SubscriptionChange.objects.filter(pk=change.pk)
        mine.filter(state=State.SUPERSEDED).update(done_at=now)
        if state is None and change.kind == Kind.END_NOW:
            # Stripe has no such subscription, so it charges nothing any more.
            mine.filter(state=State.PENDING).update(state=State.DONE, done_at=now, next_attempt_at=None)
        elif mine.filter(state=State.PENDING).update(state=State.REFUSED, error=str(refusal)[:200], next_attempt_at=None):
            open_case(
                key=case_key(Case.Kind.CHANGE_REFUSED, change.public_id),
                kind=Case.Kind.CHANGE_REFUSED,
                summary=f"Stripe refused this: {change.get_kind_display()} ({refusal})",
                proposal="Ask Stripe once more; if it refuses again, do it in Stripe's dashboard.",
                subscriber=change.subscription.subscriber,
                subscription=change.subscription,
                now=now,
            )


def _fetch_if_there(subscription: Subscription) -> SubscriptionState | None:
    try:
        return gateway.fetch_subscription(subscription.stripe_subscription_id)
    except GatewayNotFound:
        return None
