"""Collecting an invoice: by the clock, by hand in the dashboard, by the API, or by the reader on the invoice's page.

By the clock it is tried again after each of RETRY_DAYS. When the last attempt has failed too, the account's settings say
what becomes of the subscription: it ends, is unpaid, or stays past due.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from .cards import CARDS, Card
from .jsontypes import Json
from .resources import invoice_payments, invoices, payments, subscriptions

if TYPE_CHECKING:
    from .simulator import Simulator

Final = Literal["cancel", "unpaid", "past_due"]
FINALS: tuple[str, ...] = get_args(Final)
RETRY_DAYS = (3, 5, 7)
DAY = 86400
COLLECTABLE = ("open", "uncollectible")
NO_CARD = Card("", later="declines", code="missing", decline_code=None, message="There is no card to charge.")


@dataclass(frozen=True)
class Refusal:
    """Why an attempt brought no money; the reader can confirm it if `asks_reader`."""

    card: Card
    asks_reader: bool


def attempt(
    sim: "Simulator", invoice: Json, method: Json | None, *, reader_present: bool = False, **after_failure: Any
) -> Refusal | None:
    """Charge an invoice once; None says it is paid. A failure is counted and told, with these values set on the invoice."""
    if not invoice["amount_due"]:
        invoices.mark_paid(sim, invoice, None)
        _follow_invoice(sim, invoice)
        return None
    card, intent = CARDS[method["_number"]] if method else NO_CARD, _intent(sim, invoice)
    outcome = card.first if reader_present else card.later
    if method and outcome == "pays":
        complete(sim, invoice, intent, method)
        return None
    if method and outcome == "authenticates":
        action = {"type": "use_stripe_sdk", "use_stripe_sdk": {}}
        values = {"next_action": action, "payment_method": method["id"], "status": "requires_action"}
        sim.update(intent, "payment_intent.requires_action", **values)
        event = "invoice.payment_action_required"
    else:
        payments.decline(sim, intent, card, method["billing_details"] if method else payments.billing_details(None, None))
        event = "invoice.payment_failed"
    sim.store.change(invoice, attempted=True, attempt_count=invoice["attempt_count"] + 1, **after_failure)
    sim.emit(event, invoice)
    _follow_invoice(sim, invoice)
    return Refusal(card, asks_reader=event == "invoice.payment_action_required")


def complete(sim: "Simulator", invoice: Json, intent: Json, method: Json) -> None:
    """The bank pays."""
    payments.take_payment(sim, intent, CARDS[method["_number"]], method)
    invoices.mark_paid(sim, invoice, intent)
    sim.timers.cancel("collect_invoice", invoice["id"])
    _follow_invoice(sim, invoice)


def _intent(sim: "Simulator", invoice: Json) -> Json:
    """The invoice's payment intent, made at the first attempt."""
    intent = invoice_payments.intent_of(sim, invoice)
    if intent is None:
        intent = payments.open_payment_intent(
            sim,
            amount=invoice["amount_due"],
            currency=invoice["currency"],
            customer=invoice["customer"],
            metadata={},
            description="Subscription update",
        )
        invoice_payments.record_payment(sim, invoice, intent)
    return intent


def _follow_invoice(sim: "Simulator", invoice: Json) -> None:
    subscription = sim.store.get("subscription", invoices.subscription_of(invoice) or "")
    if subscription:
        _restate(sim, subscription)


def _restate(sim: "Simulator", subscription: Json) -> None:
    """A subscription in arrears is active again once its latest finalized invoice is no longer open, and the other way round."""
    if subscription["status"] in subscriptions.AT_REST:
        return
    rows = (row for row in sim.store.newest_first("invoice") if invoices.subscription_of(row) == subscription["id"])
    latest = next((row for row in rows if row["status"] not in ("draft", "void")), None)
    if not latest or latest["status"] != "open":
        sim.update(subscription, "customer.subscription.updated", status="active")
    elif latest["attempted"] and subscription["status"] == "active":
        sim.update(subscription, "customer.subscription.updated", status="past_due")


def usual_method(sim: "Simulator", invoice: Json) -> Json | None:
    """The card that renewals are charged to: the subscription's, or else the customer's."""
    subscription = sim.store.get("subscription", invoices.subscription_of(invoice) or "")
    customer = sim.store.get("customer", invoice["customer"])
    method = (subscription or {}).get("default_payment_method")
    if not method and customer and not customer.get("deleted"):
        method = customer["invoice_settings"]["default_payment_method"]
    return sim.store.get("payment_method", method or "")


def attempt_by_schedule(sim: "Simulator", invoice: Json, subscription: Json) -> None:
    """Finalize the draft and try; after a failure again some days later, until the last attempt has failed."""
    if invoice["status"] == "draft" and sim.switch("finalization_fails"):
        invoices.refuse_to_finalize(sim, invoice)
        return
    finalize_draft(sim, invoice)
    tries = invoice.get("_tries", 0) + 1
    again = sim.now() + RETRY_DAYS[tries - 1] * DAY if tries <= len(RETRY_DAYS) else None
    sim.store.change(invoice, _tries=tries)
    refusal = attempt(sim, invoice, usual_method(sim, invoice), next_payment_attempt=again, auto_advance=bool(again))
    if refusal and again:
        sim.timers.set("collect_invoice", invoice["id"], again)
    elif refusal:
        _give_up(sim, subscription)


def _give_up(sim: "Simulator", subscription: Json) -> None:
    final = sim.switch("dunning_final")
    if final == "cancel":
        subscriptions.end(sim, subscription, reason="payment_failed")
    elif final == "unpaid":
        sim.update(subscription, "customer.subscription.updated", status="unpaid")


def finalize_draft(sim: "Simulator", invoice: Json) -> None:
    """A draft cannot be paid; anything else stays as it is."""
    if invoice["status"] == "draft":
        customer = sim.store.get("customer", invoice["customer"])
        assert customer
        invoices.finalize(sim, invoice, customer)


def collect_by_hand(sim: "Simulator", invoice: Json) -> None:
    """Somebody presses 'Charge customer' in the dashboard; the schedule of further attempts stays."""
    finalize_draft(sim, invoice)
    if invoice["status"] not in COLLECTABLE:
        raise ValueError(f"an invoice that is {invoice['status']} cannot be collected")
    attempt(sim, invoice, usual_method(sim, invoice))


def void(sim: "Simulator", invoice: Json) -> None:
    """The invoice was a mistake: nobody owes it."""
    sim.timers.cancel("collect_invoice", invoice["id"])
    invoice_payments.cancel_payments(sim, invoice)
    invoices.close(sim, invoice, "void")
    _follow_invoice(sim, invoice)


def mark_uncollectible(sim: "Simulator", invoice: Json) -> None:
    """The invoice is owed but given up; it can still be paid."""
    sim.timers.cancel("collect_invoice", invoice["id"])
    invoices.close(sim, invoice, "uncollectible")
    _follow_invoice(sim, invoice)


def settle_elsewhere(sim: "Simulator", invoice: Json) -> None:
    """It was paid, but not through Stripe."""
    sim.timers.cancel("collect_invoice", invoice["id"])
    invoice_payments.cancel_payments(sim, invoice)
    sim.store.change(invoice, amount_paid_off_stripe=invoice["amount_due"])
    invoices.mark_paid(sim, invoice, None)
    _follow_invoice(sim, invoice)


def change_card(sim: "Simulator", subscription: Json, number: str) -> None:
    """The reader puts in another card, as in the portal; an invoice that is open is collected with it at once."""
    customer = sim.store.get("customer", subscription["customer"])
    assert customer
    method = payments.create_payment_method(
        sim, CARDS[number], name=customer["name"], email=customer["email"], customer=customer["id"]
    )
    use_card(sim, subscription, method)


def use_card(sim: "Simulator", subscription: Json, method: Json) -> None:
    """Charge this one from now on, beginning with what is owed."""
    sim.update(subscription, "customer.subscription.updated", default_payment_method=method["id"])
    rows = (row for row in sim.store.newest_first("invoice") if invoices.subscription_of(row) == subscription["id"])
    invoice = next((row for row in rows if row["status"] == "open"), None)
    if invoice:
        attempt(sim, invoice, method)
