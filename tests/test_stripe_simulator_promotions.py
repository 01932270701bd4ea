"""Coupons and promotion codes in the simulator: in Checkout, on its page, at renewals, and the last redemption."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.fixtures_stripe import StripeAccount
from tests.simulator_steps import DAY, FORM, browse, invoices_of, page_of, refusal, subscription_of


def coupon(account: StripeAccount, **params: Any) -> Any:
    """20 % off, once."""
    return account.client.v1.coupons.create(params or {"percent_off": 20})


def code(account: StripeAccount, text: str, **params: Any) -> Any:
    """A promotion code for 20 % off, or for the coupon with the given id."""
    coupon_id = params.pop("coupon", None) or coupon(account).id
    return account.client.v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": coupon_id}, "code": text, **params}
    )


def buy_seat(account: StripeAccount, text: str, **params: Any) -> Any:
    session = account.checkout(customer_email="reader@example.com", allow_promotion_codes=True, **params)
    assert account.control.pay(session.id, promotion_code=text)["outcome"] == "paid"
    return account.retrieve_checkout(session.id, "payment_intent", "invoice").to_dict()


def buy_year(account: StripeAccount, **params: Any) -> Any:
    session = account.year_checkout(customer=account.customer().id, **params)
    assert account.control.pay(session.id)["outcome"] == "paid"
    return account.retrieve_checkout(session.id, "subscription", "invoice").to_dict()


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({}, "percent_off"),
        ({"percent_off": 10, "amount_off": 100, "currency": "usd"}, "percent_off"),
        ({"percent_off": 101}, "percent_off"),
        ({"amount_off": 100}, "currency"),
        ({"percent_off": 10, "duration": "repeating"}, "duration_in_months"),
        ({"percent_off": 10, "duration_in_months": 2}, "duration_in_months"),
        ({"percent_off": 10, "max_redemptions": 0}, "max_redemptions"),
        ({"percent_off": 10, "redeem_by": 1}, "redeem_by"),
        ({"percent_off": 10, "applies_to": {"products": ["prod_1"]}}, "applies_to"),
        ({"percent": 10}, "percent"),
    ],
)
def test_a_coupon_that_makes_no_sense_is_refused(stripe_account: StripeAccount, params: Any, param: str) -> None:
    assert refusal(lambda: stripe_account.client.v1.coupons.create(params)).param == param


def test_codes_are_found_by_what_was_typed_and_can_be_switched_off(stripe_account: StripeAccount) -> None:
    codes = stripe_account.client.v1.promotion_codes
    made = code(stripe_account, "AUTUMN", max_redemptions=3)
    code(stripe_account, "WINTER")
    (found,) = codes.list({"code": "autumn", "expand": ["data.promotion.coupon"]}).data
    assert (found.id, found.promotion.coupon.percent_off) == (made.id, 20.0)
    assert "already exists" in str(refusal(lambda: code(stripe_account, "Autumn")))
    assert codes.update(made.id, {"active": False}).active is False
    assert [row.id for row in codes.list({"active": False}).data] == [made.id]
    assert code(stripe_account, "AUTUMN").active
    assert refusal(lambda: codes.update(made.id, {"active": True})).param == "code"


def test_a_code_takes_its_share_off_everything_that_comes_of_the_payment(stripe_account: StripeAccount) -> None:
    made = code(stripe_account, "AUTUMN")
    paid = buy_seat(stripe_account, "autumn", invoice_creation={"enabled": True})
    assert (paid["amount_subtotal"], paid["amount_total"]) == (25000, 20000)
    assert paid["total_details"]["amount_discount"] == 5000
    assert paid["discounts"] == [{"coupon": None, "promotion_code": made.id}]
    assert paid["payment_intent"]["amount_received"] == 20000
    (item,) = stripe_account.client.v1.checkout.sessions.line_items.list(paid["id"], {"expand": ["data.discounts"]}).data
    assert (item.amount_subtotal, item.amount_discount, item.amount_total) == (25000, 5000, 20000)
    assert (item.discounts[0].amount, item.discounts[0].discount.promotion_code) == (5000, made.id)
    invoice = paid["invoice"]
    discount = item.discounts[0].discount.id
    assert (invoice["subtotal"], invoice["total"], invoice["amount_paid"]) == (25000, 20000, 20000)
    assert invoice["total_discount_amounts"] == [{"amount": 5000, "discount": discount}]
    assert invoice["discounts"] == [discount]
    line = invoice["lines"]["data"][0]
    assert (line["amount"], line["discount_amounts"]) == (25000, [{"amount": 5000, "discount": discount}])
    again = stripe_account.client.v1.promotion_codes.retrieve(made.id, {"expand": ["promotion.coupon"]})
    assert (again.times_redeemed, again.promotion.coupon.times_redeemed) == (1, 1)


def test_an_amount_off_never_makes_less_than_nothing(stripe_account: StripeAccount) -> None:
    large = coupon(stripe_account, amount_off=30000, currency="usd")
    assert stripe_account.checkout(discounts=[{"coupon": large.id}]).amount_total == 0
    small = coupon(stripe_account, amount_off=1001, currency="usd")
    items: Any = [{"price": stripe_account.seat_price.id, "quantity": quantity} for quantity in (1, 2)]
    session = stripe_account.checkout(discounts=[{"coupon": small.id}], line_items=items)
    found = stripe_account.client.v1.checkout.sessions.line_items.list(session.id).data
    assert [item.amount_discount for item in found] == [334, 667]
    assert session.amount_total == 75000 - 1001


def test_the_page_takes_a_code_and_gives_it_back(stripe_account: StripeAccount) -> None:
    code(stripe_account, "AUTUMN")
    session = stripe_account.checkout(allow_promotion_codes=True)
    url = page_of(session)
    assert "Add promotion code" in browse(url)[1]
    status, html, _ = browse(url, {"action": "apply", "code": "SPRING"})
    assert (status, "This promotion code is invalid." in html) == (422, True)
    assert browse(url, {"action": "apply", "code": " autumn "})[0] == 303
    html = browse(url)[1]
    assert all(text in html for text in ("Discount AUTUMN", "-$50.00", "Pay $200.00", "Remove promotion code"))
    browse(url, {"action": "remove"})
    assert "Pay $250.00" in browse(url)[1]
    assert stripe_account.retrieve_checkout(session.id).discounts == []
    browse(url, {"action": "apply", "code": "AUTUMN"})
    assert browse(url, FORM)[0] == 303
    assert stripe_account.retrieve_checkout(session.id).amount_total == 20000


def test_a_checkout_without_codes_takes_none(stripe_account: StripeAccount) -> None:
    made = code(stripe_account, "AUTUMN")
    session = stripe_account.checkout()
    assert "promotion code" not in browse(page_of(session))[1]
    assert browse(page_of(session), {"action": "apply", "code": "AUTUMN"})[0] == 422
    given: Any = {"discounts": [{"promotion_code": made.id}], "allow_promotion_codes": True}
    assert refusal(lambda: stripe_account.checkout(**given)).param == "discounts"
    both: Any = {"promotion_code": made.id, "coupon": made.promotion.coupon}
    assert refusal(lambda: stripe_account.checkout(discounts=[both])).param == "discounts[0]"


def test_the_last_redemption_goes_to_one_of_two(stripe_account: StripeAccount) -> None:
    made = code(stripe_account, "AUTUMN", max_redemptions=1)
    first, second = (stripe_account.checkout(allow_promotion_codes=True) for _ in range(2))
    for session in (first, second):
        browse(page_of(session), {"action": "apply", "code": "AUTUMN"})
    assert stripe_account.client.v1.promotion_codes.retrieve(made.id).times_redeemed == 0
    assert browse(page_of(first), FORM)[0] == 303
    status, html, _ = browse(page_of(second), FORM)
    assert (status, "This promotion code has reached its limit. The total is $250.00 without it." in html) == (422, True)
    found = stripe_account.retrieve_checkout(second.id)
    assert (found.status, found.amount_total, found.discounts) == ("open", 25000, [])
    spent = stripe_account.client.v1.promotion_codes.retrieve(made.id)
    assert (spent.times_redeemed, spent.active) == (1, False)
    assert len(stripe_account.client.v1.charges.list().data) == 1
    assert browse(page_of(second), FORM)[0] == 303
    assert stripe_account.retrieve_checkout(second.id).amount_total == 25000


def test_two_at_the_same_moment_redeem_it_once(stripe_account: StripeAccount) -> None:
    made = code(stripe_account, "AUTUMN", max_redemptions=1)
    sessions = [stripe_account.checkout(allow_promotion_codes=True, customer_email="reader@example.com") for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        results = pool.map(lambda session: stripe_account.control.pay(session.id, promotion_code="AUTUMN"), sessions)
    assert sorted(result["outcome"] for result in results) == ["invalid", "invalid", "invalid", "paid"]
    assert stripe_account.client.v1.promotion_codes.retrieve(made.id).times_redeemed == 1


def test_a_redemption_lost_while_the_bank_was_asked_is_not_given(stripe_account: StripeAccount) -> None:
    limited = coupon(stripe_account, percent_off=20, max_redemptions=1)
    slow, fast = (stripe_account.checkout(discounts=[{"coupon": limited.id}]) for _ in range(2))
    asked = browse(page_of(slow), {**FORM, "card_number": "4000002500003155"})[2]["Location"]
    browse(page_of(fast), FORM)
    status, html, _ = browse(stripe_account.url + asked, {"answer": "complete"})
    assert (status, "reached its limit" in html) == (422, True)
    assert browse(page_of(slow), FORM)[0] == 303
    intent = stripe_account.retrieve_checkout(slow.id, "payment_intent").to_dict()["payment_intent"]
    assert intent["amount_received"] == 25000
    found = stripe_account.client.v1.coupons.retrieve(limited.id)
    assert (found.times_redeemed, found.valid) == (1, False)


def test_a_code_ends_with_its_time_or_its_coupons(stripe_account: StripeAccount) -> None:
    now = stripe_account.control.now()
    brief = code(stripe_account, "BRIEF", expires_at=now + 3600)
    ending = code(stripe_account, "ENDING", coupon=coupon(stripe_account, percent_off=5, redeem_by=now + 7200).id)
    session = stripe_account.checkout(allow_promotion_codes=True, customer_email="reader@example.com")
    browse(page_of(session), {"action": "apply", "code": "BRIEF"})
    stripe_account.control.advance(3700)
    assert "has expired" in stripe_account.control.pay(session.id)["message"]
    assert "has expired" in stripe_account.control.pay(session.id, promotion_code="BRIEF")["message"]
    stripe_account.control.advance(3600)
    codes = stripe_account.client.v1.promotion_codes
    assert [codes.retrieve(row.id).active for row in (brief, ending)] == [False, False]
    assert stripe_account.client.v1.coupons.retrieve(ending.promotion.coupon).valid is False
    assert refusal(lambda: code(stripe_account, "LATE", coupon=ending.promotion.coupon)).code == "coupon_expired"


def test_a_code_can_ask_for_an_amount_or_a_first_order(stripe_account: StripeAccount) -> None:
    code(stripe_account, "LARGE", restrictions={"minimum_amount": 30000, "minimum_amount_currency": "usd"})
    code(stripe_account, "FIRST", restrictions={"first_time_transaction": True})
    customer = stripe_account.customer()
    session = stripe_account.checkout(customer=customer.id, allow_promotion_codes=True)
    assert "at least $300.00" in stripe_account.control.pay(session.id, promotion_code="LARGE")["message"]
    assert stripe_account.control.pay(session.id, promotion_code="FIRST")["outcome"] == "paid"
    another = stripe_account.checkout(customer=customer.id, allow_promotion_codes=True)
    assert "first order" in stripe_account.control.pay(another.id, promotion_code="FIRST")["message"]


def test_a_free_seat_has_no_payment_at_all(stripe_account: StripeAccount) -> None:
    free = coupon(stripe_account, percent_off=100)
    session = stripe_account.checkout(discounts=[{"coupon": free.id}], invoice_creation={"enabled": True})
    html = browse(page_of(session))[1]
    assert ("card_number" in html, "Complete order" in html) == (False, True)
    assert browse(page_of(session), {"email": "reader@example.com", "name": "Avery Reader"})[0] == 303
    found = stripe_account.retrieve_checkout(session.id, "invoice.payments").to_dict()
    assert (found["status"], found["payment_status"], found["amount_total"]) == ("complete", "no_payment_required", 0)
    assert found["payment_intent"] is None
    assert (found["invoice"]["status"], found["invoice"]["amount_paid"]) == ("paid", 0)
    assert found["invoice"]["payments"]["data"] == []
    assert stripe_account.client.v1.payment_intents.list().data == []


def test_a_decline_before_a_free_code_leaves_no_payment_intent(stripe_account: StripeAccount) -> None:
    code(stripe_account, "FREE", coupon=coupon(stripe_account, percent_off=100).id)
    session = stripe_account.checkout(allow_promotion_codes=True, customer_email="reader@example.com")
    stripe_account.control.pay(session.id, card="4000000000000002")
    assert stripe_account.control.pay(session.id, promotion_code="FREE")["outcome"] == "paid"
    assert stripe_account.retrieve_checkout(session.id).payment_intent is None
    assert [row.status for row in stripe_account.client.v1.payment_intents.list().data] == ["canceled"]


def test_a_free_first_year_is_active_and_renews_at_the_full_price(stripe_account: StripeAccount) -> None:
    free = coupon(stripe_account, percent_off=100)
    found = buy_year(stripe_account, discounts=[{"coupon": free.id}])
    assert (found["payment_status"], found["subscription"]["status"]) == ("no_payment_required", "active")
    assert (found["invoice"]["status"], found["invoice"]["amount_paid"], found["invoice"]["total"]) == ("paid", 0, 0)
    assert stripe_account.client.v1.invoice_payments.list({"invoice": found["invoice"]["id"]}).data == []
    assert found["subscription"]["discounts"] == []
    stripe_account.control.advance(367 * DAY)
    assert [row["amount_paid"] for row in invoices_of(stripe_account, found["subscription"]["id"])] == [0, 250000]


@pytest.mark.parametrize(
    ("params", "paid"),
    [
        ({"percent_off": 10, "duration": "once"}, [225000, 250000, 250000]),
        ({"percent_off": 10, "duration": "forever"}, [225000, 225000, 225000]),
        ({"percent_off": 10, "duration": "repeating", "duration_in_months": 13}, [225000, 225000, 250000]),
        ({"percent_off": 10, "duration": "repeating", "duration_in_months": 12}, [225000, 250000, 250000]),
        ({"percent_off": 100, "duration": "forever"}, [0, 0, 0]),
    ],
)
def test_renewals_get_what_the_coupon_promises(stripe_account: StripeAccount, params: Any, paid: list[int]) -> None:
    offer = coupon(stripe_account, **params)
    bought = buy_year(stripe_account, discounts=[{"coupon": offer.id}])["subscription"]["id"]
    stripe_account.control.advance(2 * 366 * DAY)
    assert [row["amount_paid"] for row in invoices_of(stripe_account, bought)] == paid
    assert subscription_of(stripe_account, bought)["status"] == "active"
    assert bool(subscription_of(stripe_account, bought)["discounts"]) is (params["duration"] == "forever")
    assert stripe_account.client.v1.coupons.retrieve(offer.id).times_redeemed == 1
