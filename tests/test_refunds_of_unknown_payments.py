"""A refund by hand may be the first we hear of a payment: what it paid for is learned first."""

from sessions_live.models import Seat
from subscriptions import stripe_gateway as gateway
from subscriptions.models import Case, CreditGrant, Order, Payment, Refund, StripeEvent
from tests.factories import make_live_session
from tests.fixtures_shop import Shop
from tests.money_back import bought_seat, case_states, payment_of, refund_by_hand, refund_rows


def test_refund_of_a_payment_not_heard_of_learns_the_payment_first(shop: Shop) -> None:
    order = shop.hold_seat()
    shop.pay(order)
    [charge] = shop.stripe.objects("charge")
    refund_by_hand(charge["payment_intent"])
    shop.hear(shop.events("refund.created")[0])
    assert (payment_of(order).refunded_minor, refund_rows()) == (25000, [(25000, "dashboard", "succeeded")])
    assert (Order.objects.get().state, Seat.objects.get().state, case_states()) == ("refunded", "canceled", {})


def test_year_refunded_before_we_heard_of_it_ends_without_credits(shop: Shop) -> None:
    order = shop.order_year()
    shop.pay(order)
    [charge] = shop.stripe.objects("charge")
    refund_by_hand(charge["payment_intent"])
    shop.hear(shop.events("refund.created")[0])
    shop.hear_all()
    assert (CreditGrant.objects.get().balance, Order.objects.get().state) == (0, "refunded")
    assert case_states() == {"year_refunded": "opened"}


def test_late_payment_refunded_by_hand_before_we_heard_of_it_goes_back_once(shop: Shop) -> None:
    shop.stripe.take_payment_despite_expire()
    order = shop.hold_seat(live_session=make_live_session(capacity=1))
    shop.let_hold_lapse(order)
    shop.hold_seat(live_session=order.live_session)
    shop.pay(order)
    [charge] = shop.stripe.objects("charge")
    refund_by_hand(charge["payment_intent"])
    shop.hear_all()
    assert len(shop.stripe.objects("refund")) == 1
    assert refund_rows() == [(25000, "sold_out", "canceled"), (25000, "dashboard", "succeeded")]
    assert (payment_of(order).refunded_minor, case_states()) == (25000, {})


def pay_past_us(shop: Shop, customer_id: str) -> str:
    """A payment link of somebody's own, paid by this customer: nothing of ours names it."""
    stripe = gateway.client().v1
    book = stripe.products.create({"name": "A book"})
    price = stripe.prices.create({"product": book.id, "currency": "usd", "unit_amount": 9900})
    session = stripe.checkout.sessions.create(
        {
            "mode": "payment",
            "customer": customer_id,
            "line_items": [{"quantity": 1, "price": price.id}],
            "success_url": "http://testserver/",
        }
    )
    shop.stripe.pay(session.id)
    return str(shop.stripe.objects("charge")[-1]["payment_intent"])


def test_payment_of_our_customer_for_nothing_we_know_gets_a_row_and_a_case(shop: Shop) -> None:
    payment = bought_seat(shop)
    intent_id = pay_past_us(shop, str(payment.subscriber.stripe_customer_id))
    refund_by_hand(intent_id, 900)
    shop.hear_all()
    unknown = Payment.objects.get(stripe_payment_intent_id=intent_id)
    assert (unknown.order, unknown.amount_minor, unknown.refunded_minor) == (None, 9900, 900)
    assert case_states() == {"unknown_payment": "opened", "partial_refund": "opened"}
    refund_by_hand(intent_id)
    shop.hear_all()
    assert case_states() == {"unknown_payment": "settled", "partial_refund": "settled"}


def test_refund_of_somebody_elses_customer_is_left_alone(shop: Shop) -> None:
    stranger = gateway.create_customer(key="a stranger", email="stranger@example.com", name="Stranger", reference="none")
    refund_by_hand(pay_past_us(shop, stranger))
    shop.hear_all()
    assert (Payment.objects.count(), Refund.objects.count(), Case.objects.count()) == (0, 0, 0)
    assert not StripeEvent.objects.filter(type__in=["refund.created", "charge.refunded"]).exclude(state="processed").exists()
