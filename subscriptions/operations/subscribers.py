"""Whoever pays: our row, and the Stripe customer linked to it."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import transaction
from django.db.models import F

from redreport import audit, clock
from redreport.accounts.models import User, UserManager
from redreport.text import NAME_LENGTH
from redreport.transactions import retried
from subscriptions import stripe_gateway as gateway
from subscriptions.errors import EmailNotProven, GatewayNotFound
from subscriptions.models import FormerCustomer, Order, Subscriber
from subscriptions.operations.keys import new_key_after_server_error
from subscriptions.selectors import id_of_customers_subscriber
from subscriptions.stripe_objects import CustomerState


def subscriber_of(user: User) -> Subscriber:
    """The user's subscriber row, made when there is none."""
    subscriber, _ = Subscriber.objects.get_or_create(user=user, defaults={"firm": user.firm, "billing_name": user.name})
    return subscriber


def lock_subscriber(subscriber_id: int) -> Subscriber:
    """The subscriber's row, locked: two orders for a year, or two bookings by credit, go one after the other."""
    return Subscriber.objects.select_for_update(no_key=True).get(pk=subscriber_id)


def hold_account(user: User) -> None:
    """Keep the account from being erased until the caller's transaction ends, by a lock taken after all others: what was written
    here is seen by an erasure that comes then. One that came before is found, and refused with EmailNotProven.

    Foreign keys alone hold nothing: the database looks at them when the transaction commits.
    """
    # One look at the account's own row, which the database reads anew after it has waited for the lock.
    if not User.objects.select_for_update(no_key=True).filter(pk=user.pk, is_active=True).values_list("pk").first():
        raise EmailNotProven


def ensure_customer(subscriber: Subscriber) -> str:
    """The id of the subscriber's Stripe customer, made there first if need be. Calls Stripe; not inside a transaction."""
    if subscriber.stripe_customer_id:
        return subscriber.stripe_customer_id
    # After a server error an orphaned customer may stay behind at Stripe; it never pays for anything.
    with new_key_after_server_error(subscriber):
        customer_id = gateway.create_customer(
            key=f"customer-{subscriber.public_id}-{subscriber.stripe_key_version}",
            email=subscriber.user.email,
            name=subscriber.billing_name or subscriber.user.name,
            reference=str(subscriber.public_id),
        )
    # Two tabs got the same customer from the same key; whichever is first links it.
    if Subscriber.objects.filter(pk=subscriber.pk, stripe_customer_id__isnull=True).update(stripe_customer_id=customer_id):
        return customer_id
    subscriber.refresh_from_db()
    assert subscriber.stripe_customer_id is not None
    return subscriber.stripe_customer_id


def subscriber_of_customer(*, stripe_customer_id: str, now: datetime) -> Subscriber | None:
    """Whose customer this is; None if it is none of ours. Calls Stripe for one we do not know; not inside a transaction.

    A customer that we made and a restored database forgot comes back from what Stripe has of it: the account by its e-mail
    address, made without a password, so that only a code mailed there opens it; and the subscriber with the id of before.
    """
    known = id_of_customers_subscriber(stripe_customer_id)
    if known is not None:
        return Subscriber.objects.get(pk=known)
    try:
        customer = gateway.fetch_customer(stripe_customer_id)
    except GatewayNotFound:
        return None
    if customer.is_deleted or not customer.email or not customer.is_made_by_us:
        return None
    return _bring_back(customer, now)


@retried
def _bring_back(customer: CustomerState, now: datetime) -> Subscriber:
    with transaction.atomic():
        # The subscriber's lock: a purchase may be linking its customer at this moment.
        subscribers = Subscriber.objects.select_for_update(no_key=True)
        subscriber = subscribers.filter(public_id=customer.reference).first()
        if subscriber is None:
            user = _user_of(customer)
            subscriber = subscribers.filter(user=user).first() or Subscriber.objects.create(
                user=user, public_id=uuid.UUID(customer.reference), billing_name=user.name
            )
        if subscriber.stripe_customer_id is None:
            subscriber.stripe_customer_id = customer.id
            subscriber.save(update_fields=["stripe_customer_id"])
        else:
            # They have bought again since, as a new customer. What this one paid is theirs too.
            FormerCustomer.objects.create(subscriber=subscriber, stripe_customer_id=customer.id, left_at=now)
        audit.record(actor="stripe", verb="brought_back", target=subscriber, detail={"customer": customer.id}, now=now)
        return subscriber


def _user_of(customer: CustomerState) -> User:
    email = UserManager.normalize_email(customer.email)
    name = " ".join("".join(sign if sign.isprintable() else " " for sign in customer.name).split())[:NAME_LENGTH]
    return User.objects.filter(email=email).first() or User.objects.create_user(email, name=name or email.partition("@")[0])


def forget_customer(*, stripe_customer_id: str, now: datetime) -> None:
    """A customer was deleted in Stripe's dashboard: the subscriber's next purchase makes a new one. What it paid stays theirs."""
    with transaction.atomic():
        # The subscriber's lock: two refusals and the webhook may tell of it at once.
        found = Subscriber.objects.select_for_update(no_key=True).filter(stripe_customer_id=stripe_customer_id).first()
        if found is None:
            return
        FormerCustomer.objects.create(subscriber=found, stripe_customer_id=stripe_customer_id, left_at=now)
        found.stripe_customer_id = None
        found.stripe_key_version += 1
        found.save(update_fields=["stripe_customer_id", "stripe_key_version"])


@contextmanager
def new_customer_if_deleted(order: Order) -> Iterator[None]:
    """Staff deleted the customer in Stripe's dashboard: forget it, so that the next try makes a new one. The error passes on."""
    try:
        yield
    except GatewayNotFound as refusal:
        if refusal.param == "customer":
            forget_customer(stripe_customer_id=str(order.subscriber.stripe_customer_id), now=clock.now())
            Order.objects.filter(pk=order.pk).update(stripe_key_version=F("stripe_key_version") + 1)
        raise
