"""What the clock does to subscriptions: the announcement, the renewal, and its invoice an hour later."""

from typing import TYPE_CHECKING

from .collection import attempt_by_schedule, finalize_draft, mark_uncollectible, void
from .jsontypes import Json
from .resources import invoices, subscriptions
from .resources.upcoming import DRAFT_SECONDS, items_of_next_period, renews, upcoming_invoice

if TYPE_CHECKING:
    from .simulator import Simulator


def announce_when_due(sim: "Simulator", subscription_id: str) -> None:
    """`invoice.upcoming`: an invoice that does not exist yet, and so has no id here."""
    subscription = sim.store.get("subscription", subscription_id)
    if subscription and renews(subscription):
        announced = upcoming_invoice(sim, subscription)
        del announced["id"]
        sim.emit("invoice.upcoming", announced)


def renew_when_due(sim: "Simulator", subscription_id: str) -> None:
    """The next period begins; its invoice is a draft for an hour, or for good where an earlier one was never paid."""
    subscription = sim.store.get("subscription", subscription_id)
    if not subscription or not renews(subscription):
        return
    period, items = subscriptions.current_period(subscription), items_of_next_period(subscription)
    previous = sim.store.change(subscription, items={**subscription["items"], "data": items})
    customer = sim.store.get("customer", subscription["customer"])
    assert customer
    collected = subscription["status"] != "unpaid"
    invoice = subscriptions.invoice_period(
        sim,
        subscription,
        customer,
        billing_reason="subscription_cycle",
        period=period,
        auto_advance=collected,
        automatically_finalizes_at=sim.now() + DRAFT_SECONDS if collected else None,
    )
    previous |= sim.store.change(subscription, latest_invoice=invoice["id"])
    sim.emit("customer.subscription.updated", subscription, previous)
    if collected:
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
    else:
        attempt_by_schedule(sim, invoice, subscription)


def _set_aside(sim: "Simulator", invoice: Json, behavior: str) -> None:
    """Collection is paused: nobody is charged for this invoice, and what is kept as a draft waits for a person."""
    if behavior == "keep_as_draft":
        sim.update(invoice, "invoice.updated", auto_advance=False, automatically_finalizes_at=None)
        return
    finalize_draft(sim, invoice)
    close = void if behavior == "void" else mark_uncollectible
    close(sim, invoice)
