"""What the clock does to subscriptions: the announcement, the renewal, its invoice an hour later, and dunning.

A renewal that cannot be collected is tried again after each of RETRY_DAYS; when the last attempt has failed too, the
subscription ends, as with Stripe's usual settings.
"""

from typing import TYPE_CHECKING

from .cards import CARDS
from .jsontypes import Json
from .resources import invoices, payments, subscriptions
from .resources.upcoming import DRAFT_SECONDS, items_of_next_period, renews, upcoming_invoice

if TYPE_CHECKING:
    from .simulator import Simulator

RETRY_DAYS = (3, 5, 7)
DAY = 86400


def announce_when_due(sim: "Simulator", subscription_id: str) -> None:
    """`invoice.upcoming`: an invoice that does not exist yet, and so has no id here."""
    subscription = sim.store.get("subscription", subscription_id)
    if subscription and renews(subscription):
        announced = upcoming_invoice(sim, subscription)
        del announced["id"]
        sim.emit("invoice.upcoming", announced)


def renew_when_due(sim: "Simulator", subscription_id: str) -> None:
    """The next period begins; its invoice is a draft for an hour."""
    subscription = sim.store.get("subscription", subscription_id)
    if not subscription or not renews(subscription):
        return
    period, items = subscriptions.current_period(subscription), items_of_next_period(subscription)
    previous = sim.store.change(subscription, items={**subscription["items"], "data": items})
    customer = sim.store.get("customer", subscription["customer"])
    assert customer
    invoice = subscriptions.invoice_period(
        sim,
        subscription,
        customer,
        billing_reason="subscription_cycle",
        period=period,
        automatically_finalizes_at=sim.now() + DRAFT_SECONDS,
    )
    previous |= sim.store.change(subscription, latest_invoice=invoice["id"])
    sim.emit("customer.subscription.updated", subscription, previous)
    sim.timers.set("collect_invoice", invoice["id"], sim.now() + DRAFT_SECONDS)
    subscriptions.schedule(sim, subscription)


def collect_when_due(sim: "Simulator", invoice_id: str) -> None:
    """Finalize the draft, and try to collect what is due; also every further try."""
    invoice = sim.store.get("invoice", invoice_id)
    subscription = sim.store.get("subscription", invoices.subscription_of(invoice) or "") if invoice else None
    if not invoice or not subscription or invoice["status"] not in ("draft", "open") or subscription["status"] == "canceled":
        return
    pause = subscription["pause_collection"]
    if pause and invoice["status"] == "draft":
        _set_aside(sim, invoice, pause["behavior"])
        return
    customer = sim.store.get("customer", subscription["customer"])
    assert customer
    if invoice["status"] == "draft":
        invoices.finalize(sim, invoice, customer)
    _collect(sim, invoice, subscription)


def _set_aside(sim: "Simulator", invoice: Json, behavior: str) -> None:
    """Collection is paused: nobody is charged for this invoice."""
    transitions = invoice["status_transitions"]
    if behavior == "void":
        sim.update(invoice, "invoice.voided", status="void", status_transitions={**transitions, "voided_at": sim.now()})
    elif behavior == "mark_uncollectible":
        sim.update(
            invoice,
            "invoice.marked_uncollectible",
            status="uncollectible",
            status_transitions={**transitions, "marked_uncollectible_at": sim.now()},
        )


def _collect(sim: "Simulator", invoice: Json, subscription: Json) -> None:
    if not invoice["amount_due"]:
        invoices.mark_paid(sim, invoice, None)
        return
    method = sim.store.get("payment_method", subscription["default_payment_method"] or "")
    intent = _intent(sim, invoice)
    card = CARDS[method["_number"]] if method else CARDS["4000000000000002"]
    if method and card.later == "pays":
        payments.take_payment(sim, intent, card, method)
        invoices.mark_paid(sim, invoice, intent)
        sim.update(subscription, "customer.subscription.updated", status="active")
        return
    if method and card.later == "authenticates":
        sim.update(intent, "payment_intent.requires_action", status="requires_action")
        event = "invoice.payment_action_required"
    else:
        payments.decline(sim, intent, card, method["billing_details"] if method else payments.billing_details(None, None))
        event = "invoice.payment_failed"
    _try_again(sim, invoice, subscription, event)


def _intent(sim: "Simulator", invoice: Json) -> Json:
    for row in sim.store.newest_first("invoice_payment"):
        if row["invoice"] == invoice["id"]:
            intent = sim.store.get("payment_intent", row["payment"]["payment_intent"])
            assert intent
            return intent
    intent = payments.open_payment_intent(
        sim,
        amount=invoice["amount_due"],
        currency=invoice["currency"],
        customer=invoice["customer"],
        metadata={},
        description="Subscription update",
    )
    invoices.record_payment(sim, invoice, intent)
    return intent


def _try_again(sim: "Simulator", invoice: Json, subscription: Json, event: str) -> None:
    """Past due until a later try succeeds; after the last one it is over."""
    attempts = invoice["attempt_count"] + 1
    again = sim.now() + RETRY_DAYS[attempts - 1] * DAY if attempts <= len(RETRY_DAYS) else None
    sim.store.change(invoice, attempted=True, attempt_count=attempts, next_payment_attempt=again, auto_advance=bool(again))
    sim.emit(event, invoice)
    if again:
        sim.timers.set("collect_invoice", invoice["id"], again)
        sim.update(subscription, "customer.subscription.updated", status="past_due")
    else:
        subscriptions.end(sim, subscription, reason="payment_failed")


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
    invoice = sim.store.get("invoice", subscription["latest_invoice"] or "")
    if invoice and invoice["status"] == "open":
        sim.timers.cancel("collect_invoice", invoice["id"])
        _collect(sim, invoice, subscription)
