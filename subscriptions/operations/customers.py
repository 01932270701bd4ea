"""The reader's customer at Stripe: its portal, its name, and what follows when it is deleted in the dashboard.

Every function here calls Stripe: never inside a transaction.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from redreport import audit
from redreport.accounts.models import User
from redreport.addresses import address_of
from redreport.text import NAME_LENGTH
from subscriptions import stripe_gateway as gateway
from subscriptions.errors import GatewayNotFound, NothingAtStripe
from subscriptions.models import Subscriber, Subscription
from subscriptions.operations.leases import Lease, synchronize
from subscriptions.operations.renewals import sync_subscription
from subscriptions.operations.subscribers import forget_customer
from subscriptions.selectors import id_of_customers_subscriber
from subscriptions.stripe_objects import CustomerState


def open_portal(*, user: User, now: datetime) -> str:
    """The address of Stripe's page for this reader's card, billing address, tax id and invoices.

    Refuses with NothingAtStripe a reader who has no customer there, as when it was deleted in the dashboard.
    """
    customer_id = Subscriber.objects.filter(user=user).values_list("stripe_customer_id", flat=True).first()
    if not customer_id:
        raise NothingAtStripe
    try:
        return gateway.open_portal(customer_id=customer_id, return_url=address_of("subscriptions:portal"))
    except GatewayNotFound as refusal:
        if refusal.param != "customer":
            raise
        forget_customer(stripe_customer_id=customer_id, now=now)
        raise NothingAtStripe from refusal


def sync_customer(*, stripe_customer_id: str, now: datetime) -> None:
    """Fetch a customer, and keep the name it bills to and the card its years renew with. One that was deleted is forgotten.

    Refuses with ObjectBusy while another worker is at it or at one of its subscriptions.
    """
    customer = synchronize(stripe_customer_id, lambda lease: _fetch_and_apply(stripe_customer_id, lease, now))
    if customer.is_deleted:
        forget_customer(stripe_customer_id=stripe_customer_id, now=now)
    # Its card may be another. A deleted customer's subscriptions end at once; those of its subscriber's next are synced in vain.
    owner_id = id_of_customers_subscriber(stripe_customer_id)
    if owner_id is not None:
        _sync_live(Subscription.objects.filter(subscriber_id=owner_id), now)


def sync_years(*, user: User, now: datetime) -> None:
    """Fetch what became of the reader's running years, as after a visit to the portal: no webhook is needed for it."""
    _sync_live(Subscription.objects.filter(subscriber__user=user), now)


def _sync_live(subscriptions: QuerySet[Subscription], now: datetime) -> None:
    live = subscriptions.filter(status__in=Subscription.LIVE).order_by("id")
    for stripe_subscription_id in live.values_list("stripe_subscription_id", flat=True):
        sync_subscription(stripe_subscription_id=stripe_subscription_id, now=now)


def _fetch_and_apply(stripe_customer_id: str, lease: Lease, now: datetime) -> CustomerState:
    customer = gateway.fetch_customer(stripe_customer_id)
    name = " ".join(customer.name.split())[:NAME_LENGTH]
    if not name:
        return customer
    with transaction.atomic():
        lease.confirm()
        # The subscriber's lock: a purchase may be making or forgetting the customer.
        subscribers = Subscriber.objects.select_for_update(of=["self"], no_key=True).select_related("user")
        subscriber = subscribers.filter(stripe_customer_id=stripe_customer_id).first()
        # A customer is made with the account's name where no billing name is known.
        if subscriber and name != (subscriber.billing_name or subscriber.user.name):
            subscriber.billing_name = name
            subscriber.save(update_fields=["billing_name"])
            audit.record(actor="stripe", verb="billing_name_changed", target=subscriber, now=now)
    return customer
