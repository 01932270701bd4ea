"""What tests of money that goes back begin with: a seat or a year that is paid, and somebody at Stripe's dashboard."""

from typing import Any

from django.db import transaction

from redreport import clock
from redreport.accounts.models import User
from sessions_live.models import LiveSession
from subscriptions import stripe_gateway as gateway
from subscriptions.models import Case, Order, Payment, Refund
from subscriptions.operations.refunds import owe_refund
from subscriptions.stripe_objects import CheckoutRequest, CheckoutState
from tests.fixtures_shop import Shop


def bought_seat(shop: Shop, user: User | None = None, live_session: LiveSession | None = None) -> Payment:
    """The payment of a seat that its buyer has."""
    order = shop.hold_seat(user, live_session)
    shop.pay(order)
    shop.hear_all()
    return payment_of(order)


def bought_year(shop: Shop, user: User | None = None) -> Payment:
    """The payment of a year whose credits are granted."""
    order = shop.order_year(user)
    shop.pay(order)
    shop.hear_all()
    return payment_of(order)


def payment_of(order: Order) -> Payment:
    return Payment.objects.select_related("order", "subscriber__user").get(order=order)


def refund_by_hand(payment: Payment | str, amount_minor: int | None = None) -> str:
    """Somebody refunds a payment in Stripe's dashboard; we hear nothing of it yet. Returns the refund's id."""
    params: dict[str, Any] = {"payment_intent": payment if isinstance(payment, str) else payment.stripe_payment_intent_id}
    if amount_minor is not None:
        params["amount"] = amount_minor
    return gateway.client().v1.refunds.create(params).id  # type: ignore[arg-type]


def owe(payment: Payment, amount_minor: int | None = None) -> Refund:
    """We owe the reader so much of a payment, as agreed; Stripe is not asked yet."""
    with transaction.atomic():
        refund = owe_refund(payment_id=payment.pk, reason=Refund.Reason.STAFF, amount_minor=amount_minor, now=clock.now())
    assert refund is not None
    return refund


def refund_rows() -> list[tuple[int, str, str]]:
    """Amount, reason and state of every refund, in the order in which they were made here."""
    return list(Refund.objects.order_by("id").values_list("amount_minor", "reason", "state"))


def case_states() -> dict[str, str]:
    """Every case's state by its kind; there is at most one of a kind in these tests."""
    states = dict(Case.objects.values_list("kind", "state"))
    assert len(states) == Case.objects.count()
    return states


def another_checkout(order: Order, *, key: str, customer_id: str = "", price_id: str = "") -> CheckoutState:
    """A further Checkout that names the order, made by whomever."""
    request = CheckoutRequest(
        key=key,
        order_number=order.number,
        customer_id=customer_id or str(order.subscriber.stripe_customer_id),
        price_id=price_id or order.price.stripe_price_id,
        expires_at=order.checkout_expires_at,
        return_url="http://testserver/",
        back_url="http://testserver/",
    )
    return gateway.create_seat_checkout(request, title="A seat")
