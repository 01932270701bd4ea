"""The simulator's replies and events carry the pinned version's shapes, and nothing of older ones."""

from collections.abc import Iterator
from typing import Any

from tests.fixtures_stripe import StripeAccount
from tests.stripe_shapes import class_differences, class_of

PUBLIC_KINDS_TRIED = {
    "billing_portal.configuration",
    "billing_portal.session",
    "charge",
    "checkout.session",
    "credit_note",
    "customer",
    "dispute",
    "coupon",
    "discount",
    "event",
    "invoice",
    "invoice_payment",
    "payment_intent",
    "payment_method",
    "price",
    "product",
    "radar.early_fraud_warning",
    "promotion_code",
    "refund",
    "subscription",
    "tax_id",
    "tax_rate",
    "webhook_endpoint",
}
GONE = {
    "subscription": {"current_period_start", "current_period_end", "plan", "discount"},
    "invoice": {"subscription", "subscription_details", "payment_intent", "charge", "paid", "tax", "discount"},
    "charge": {"invoice"},
    "payment_intent": {"invoice", "charges"},
    "line_item": {"price", "plan", "proration", "type"},
    "promotion_code": {"coupon"},
}


def live_a_little(account: StripeAccount) -> None:
    """One of everything the simulator can make."""
    v1: Any = account.client.v1
    v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/", "enabled_events": ["*"], "description": "none"})
    v1.billing_portal.configurations.create({"features": {"subscription_cancel": {"enabled": True}}})
    take_every_offer(account)
    year = account.year()
    v1.billing_portal.sessions.create({"customer": year.customer})
    account.control.advance(360 * 86400)
    v1.subscriptions.update(year.id, {"cancel_at_period_end": True})
    v1.subscriptions.cancel(year.id)
    invoiced = account.paid_seat(
        invoice_creation={"enabled": True},
        consent_collection={"terms_of_service": "required"},
        metadata={"a": "b"},
    )
    for fate in ("succeeded", "pending", "requires_action", "failed"):
        account.control.next_refund(fate)
        v1.refunds.create({"payment_intent": invoiced.payment_intent, "amount": 100})
    v1.credit_notes.create({"invoice": invoiced.invoice, "amount": 500, "refund_amount": 400, "out_of_band_amount": 100})
    custom = {"type": "custom_line_item", "unit_amount": 300, "description": "Goodwill"}
    v1.credit_notes.create({"invoice": invoiced.invoice, "lines": [custom], "out_of_band_amount": 300})
    declined = account.checkout()
    for card in ("4000000000000002", "4000002500003155"):
        account.control.pay(declined.id, card=card, email="reader@example.com")
    v1.checkout.sessions.expire(declined.id)
    quarrel_a_little(account)
    owe_a_little(account)


def owe_a_little(account: StripeAccount) -> None:
    """Renewals that fail, in every way that one may settle them; a pause of either kind."""
    control, v1 = account.control, account.client.v1
    years = [account.year(card=card) for card in ("4000000000000341", "4000000000000341", "4000002760003184")]
    v1.subscriptions.update(years[0].id, {"pause_collection": {"behavior": "void"}})
    paused = account.year()
    control.pause_subscription(paused.id)
    control.set_dunning("unpaid")
    control.advance(400 * 86400)
    v1.subscriptions.resume(paused.id)
    _, failed, asked = (v1.invoices.list({"subscription": year.id}).data[0].id for year in years)
    control.answer_bank(asked, "fail")
    control.pay_invoice(asked)
    control.mark_uncollectible(failed)
    v1.invoices.pay(failed, {"paid_out_of_band": True})


def quarrel_a_little(account: StripeAccount) -> None:
    """Disputes of every outcome, and a warning of fraud."""
    for outcome in ("won", "lost", "warning_closed", "escalated"):
        charge = str(account.paid_seat().payment_intent)
        account.control.warn_of_fraud(charge)
        dispute = account.control.open_dispute(charge, inquiry=outcome in ("warning_closed", "escalated"))
        account.client.v1.disputes.update(dispute, {"evidence": {"customer_name": "Avery Reader"}})
        account.control.settle_dispute(dispute, outcome)


def take_every_offer(account: StripeAccount) -> None:
    """Discounts of every kind, on taxed sales in Checkout, and bank debits."""
    v1: Any = account.client.v1
    account.control.set_tax({"DE": 19, "US": 0})
    coupon = v1.coupons.create({"percent_off": 20, "duration": "repeating", "duration_in_months": 18, "max_redemptions": 2})
    v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "AUTUMN", "max_redemptions": 2})
    free = v1.coupons.create({"amount_off": 30000, "currency": "usd"})
    taxed: Any = {"automatic_tax": {"enabled": True}, "tax_id_collection": {"enabled": True}, "allow_promotion_codes": True}
    year = account.year_checkout(**taxed, customer_email="reader@example.com")
    account.control.pay(year.id, promotion_code="AUTUMN", country="DE", tax_id="DE123456789")
    seat = account.checkout(**taxed, invoice_creation={"enabled": True}, customer_email="reader@example.com")
    account.control.pay(seat.id, promotion_code="AUTUMN", country="DE")
    account.control.pay(account.checkout(discounts=[{"coupon": free.id}]).id, email="reader@example.com")
    for fate in ("succeeded", "failed"):
        debit = account.checkout(allowed_payment_method_types=["card", "us_bank_account"], invoice_creation={"enabled": True})
        account.control.pay_by_debit(debit.id, email="reader@example.com")
        account.control.settle_debit(debit.id, fate)


def public_objects(account: StripeAccount) -> Iterator[dict[str, Any]]:
    """Each object as the API shows it."""
    for kind, objects in account.control.state()["objects"].items():
        for obj in objects:
            if not kind.startswith("_"):
                yield {key: value for key, value in obj.items() if not key.startswith("_")}


def test_every_reply_is_what_the_sdks_classes_say(stripe_account: StripeAccount) -> None:
    live_a_little(stripe_account)
    kinds, found = set(), set()
    for obj in public_objects(stripe_account):
        kinds.add(obj["object"])
        found |= set(class_differences(obj, class_of(obj), obj["object"]))
        if obj["object"] == "event":
            inner = obj["data"]["object"]
            found |= set(class_differences(inner, class_of(inner), f"event {obj['type']}"))
    account = stripe_account.client.v1.accounts.retrieve_current().to_dict()
    found |= set(class_differences(account, class_of(account), "account"))
    assert sorted(found) == []
    assert kinds >= PUBLIC_KINDS_TRIED


def test_lists_and_expanded_replies_are_what_the_sdks_classes_say(stripe_account: StripeAccount) -> None:
    live_a_little(stripe_account)
    v1: Any = stripe_account.client.v1
    replies = [
        *v1.checkout.sessions.list({"expand": ["data.line_items.data.discounts", "data.payment_intent.latest_charge"]}).to_dict()[
            "data"
        ],
        *v1.invoices.list({"expand": ["data.payments", "data.customer", "data.discounts.source.coupon"]}).to_dict()["data"],
        *v1.subscriptions.list({"status": "all", "expand": ["data.latest_invoice.payments", "data.discounts"]}).to_dict()["data"],
        *v1.customers.list({"expand": ["data.tax_ids"]}).to_dict()["data"],
        v1.invoices.create_preview({"subscription": stripe_account.year().id}).to_dict(),
        *v1.charges.list({"expand": ["data.refunds", "data.payment_intent"]}).to_dict()["data"],
        *v1.credit_notes.list({"expand": ["data.invoice", "data.customer"]}).to_dict()["data"],
        *v1.disputes.list({"expand": ["data.charge", "data.payment_intent"]}).to_dict()["data"],
        *v1.radar.early_fraud_warnings.list({"expand": ["data.charge", "data.payment_intent"]}).to_dict()["data"],
    ]
    found = {difference for reply in replies for difference in class_differences(reply, class_of(reply), reply["object"])}
    assert sorted(found) == []


def test_no_field_of_older_versions_is_left(stripe_account: StripeAccount) -> None:
    live_a_little(stripe_account)

    def legacy(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            kind = value.get("object")
            yield from (f"{kind}.{key}" for key in GONE.get(kind, set()) & set(value)) if isinstance(kind, str) else ()
            for item in value.values():
                yield from legacy(item)
        elif isinstance(value, list):
            for item in value:
                yield from legacy(item)

    assert {name for obj in public_objects(stripe_account) for name in legacy(obj)} == set()
