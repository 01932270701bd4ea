"""Our books and Stripe's side by side, and a day of business that fills both."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Sum

from redreport import clock
from redreport.accounts.models import User
from subscriptions.models import CreditGrant, Dispute, Invoice, Order, Payment, Refund, Subscription
from subscriptions.operations.refunds import submit_refund
from subscriptions.stripe_gateway import client
from tests.factories import make_user
from tests.fixtures_shop import Shop
from tests.money_back import owe, refund_by_hand

Books = dict[str, set[tuple[Any, ...]]]


def our_books() -> Books:
    """Every amount and state that Stripe knows too, to the cent, as our rows have it."""
    given_back = Refund.objects.filter(state__in=["submitted", "succeeded"])
    return {
        "payments": set(Payment.objects.values_list("stripe_payment_intent_id", "amount_minor", "currency")),
        "given back": set(
            given_back.values_list("payment__stripe_payment_intent_id").annotate(total=Sum("amount_minor")).order_by()
        ),
        "refunds": set(Refund.objects.values_list("stripe_refund_id", "amount_minor", "state")),
        "disputes": set(Dispute.objects.values_list("stripe_dispute_id", "amount_minor", "status")),
        "subscriptions": set(
            Subscription.objects.values_list(
                *("stripe_subscription_id", "status", "current_period_end", "cancel_at", "cancel_at_period_end")
            )
        ),
        "invoices": set(Invoice.objects.values_list("stripe_invoice_id", "total_minor", "status", "number")),
        "years": set(
            CreditGrant.objects.filter(source="invoice").values_list(
                "stripe_invoice_line_id", "credits", "valid_from", "expires_at"
            )
        ),
    }


def stripes_books(shop: Shop) -> Books:
    """The same, as Stripe has it."""
    objects = shop.stripe.state()["objects"]
    charges = {charge["id"]: charge for charge in objects.get("charge", [])}
    taken = [intent for intent in objects.get("payment_intent", []) if intent["status"] == "succeeded"]
    refunded = [(intent["id"], charges[intent["latest_charge"]]["amount_refunded"]) for intent in taken]
    return {
        "payments": {(intent["id"], intent["amount_received"], intent["currency"]) for intent in taken},
        "given back": {(intent_id, amount) for intent_id, amount in refunded if amount},
        "refunds": {(refund["id"], refund["amount"], refund["status"]) for refund in objects.get("refund", [])},
        "disputes": {(dispute["id"], dispute["amount"], dispute["status"]) for dispute in objects.get("dispute", [])},
        "subscriptions": {_subscription(subscription) for subscription in objects.get("subscription", [])},
        "invoices": {
            (invoice["id"], invoice["total"], invoice["status"], invoice["number"]) for invoice in objects.get("invoice", [])
        },
        "years": {
            (line["id"], 12, _instant(line["period"]["start"]), _instant(line["period"]["end"]))
            for invoice in objects.get("invoice", [])
            if invoice["status"] == "paid" and invoice["parent"]
            for line in invoice["lines"]["data"]
        },
    }


def _subscription(subscription: dict[str, Any]) -> tuple[Any, ...]:
    [item] = subscription["items"]["data"]
    ends = _instant(subscription["cancel_at"]) if subscription["cancel_at"] else None
    period_end = _instant(item["current_period_end"])
    return (subscription["id"], subscription["status"], period_end, ends, subscription["cancel_at_period_end"])


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@dataclass
class Day:
    """What happened on a day: who did it, and which order it was."""

    shop: Shop
    orders: dict[str, Order] = field(default_factory=dict)

    def buy_seat(self, name: str, user: User | None = None, **pay: Any) -> Order:
        """A seat is bought at Stripe; we have heard nothing of it."""
        self.orders[name] = self.shop.hold_seat(user or make_user("Ada Reader", email=f"{name}@example.com"))
        self.shop.pay(self.orders[name], **pay)
        return self.orders[name]

    def buy_year(self, name: str, user: User | None = None, **pay: Any) -> Order:
        """A year is bought at Stripe; we have heard nothing of it."""
        self.orders[name] = self.shop.order_year(user or make_user("Ada Reader", email=f"{name}@example.com"))
        self.shop.pay(self.orders[name], **pay)
        return self.orders[name]

    def intent_of(self, name: str) -> str:
        """The payment intent of a seat's order."""
        checkout = self.orders[name].stripe_checkout_session_id
        [session] = [row for row in self.shop.stripe.objects("checkout.session") if row["id"] == checkout]
        return str(session["payment_intent"])

    def subscription_of(self, name: str) -> str:
        """The subscription of a year's order."""
        number = self.orders[name].number
        [row] = [row for row in self.shop.stripe.objects("subscription") if row["metadata"]["order"] == number]
        return str(row["id"])

    def refund_by_hand(self, name: str, amount_minor: int | None = None) -> None:
        """Somebody returns a seat's money in Stripe's dashboard, all of it or so much."""
        refund_by_hand(self.intent_of(name), amount_minor)

    def refund_by_us(self, name: str, amount_minor: int | None = None) -> None:
        """We return a seat's money; its payment is known here."""
        payment = Payment.objects.get(stripe_payment_intent_id=self.intent_of(name))
        submit_refund(refund_id=owe(payment, amount_minor).pk, now=clock.now())

    def turn_renewal_off(self, name: str) -> None:
        """The reader turns the renewal off in Stripe's portal, which sets the date."""
        subscription = client().v1.subscriptions.retrieve(self.subscription_of(name)).to_dict()
        ends = subscription["items"]["data"][0]["current_period_end"]
        client().v1.subscriptions.update(subscription["id"], {"cancel_at": ends})


class Backup:
    """All tables as they are now, sequences too, to be put back later."""

    def __init__(self) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA IF EXISTS backup CASCADE")
            cursor.execute("CREATE SCHEMA backup")
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'django_migrations'")
            self._tables = [name for (name,) in cursor.fetchall()]
            for name in self._tables:
                cursor.execute(f'CREATE TABLE backup."{name}" AS TABLE public."{name}"')
            cursor.execute("SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'")
            self._sequences = cursor.fetchall()

    def restore(self) -> None:
        """Put everything back. Ids are given out again as they would have been then."""
        # One transaction: what the rows refer to is checked at its end only.
        with transaction.atomic(), connection.cursor() as cursor:
            # A backup is put back into an empty database: the triggers that keep the trail from being emptied look away.
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute("TRUNCATE " + ", ".join(f'public."{name}"' for name in self._tables))
            for name in self._tables:
                cursor.execute(f'INSERT INTO public."{name}" SELECT * FROM backup."{name}"')
            cursor.execute("SET LOCAL session_replication_role = origin")
            for name, last in self._sequences:
                cursor.execute("SELECT setval(%s::regclass, %s, %s)", [f'public."{name}"', last or 1, last is not None])
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA backup CASCADE")
