"""The controls as typed calls, for tests and scripts. It needs nothing but the simulator's address."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any, Literal

Json = dict[str, Any]
FaultKind = Literal["500", "503", "429", "hang", "drop", "drop_after", "500_after", "hold"]


class ControlError(Exception):
    """The simulator did not understand the control."""


class SimulatorControl:
    def __init__(self, base_url: str) -> None:
        self._base = base_url.rstrip("/") + "/_simulator/"

    def _call(self, method: str, name: str, given: Json | None = None) -> Json:
        body = None if given is None else json.dumps(given).encode()
        request = urllib.request.Request(self._base + name, body, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                answer: Json = json.load(response)
                return answer
        except urllib.error.HTTPError as error:
            raise ControlError(json.load(error)["error"]) from None

    def state(self) -> Json:
        """`now`, `faults`, and `objects` by kind, with the simulator's own notes (keys with an underscore)."""
        return self._call("GET", "state")

    def objects(self, kind: str, *, after: str = "") -> list[Json]:
        """All objects of that kind, oldest first: 'event', 'refund', 'checkout.session'; or those after the one of that id."""
        found: list[Json] = self._call("POST", "objects/list", {"kind": kind, "after": after})["objects"]
        return found

    def differences(self) -> list[str]:
        """Where replies and webhooks, since the process started, were not what the SDK's annotated classes say."""
        found: list[str] = self._call("GET", "differences")["differences"]
        return found

    def plant(self, object_id: str, **values: Any) -> None:
        """Set fields of an object to anything, for answers that Stripe should not give; no event tells of it."""
        self._call("POST", "objects", {"id": object_id, "values": values})

    def keep(self) -> None:
        """Remember the account as it is now, with what the controls have set; the faults aside."""
        self._call("POST", "keep", {})

    def reset(self, *, to_kept: bool = False) -> None:
        """An empty account at real time, no faults, default webhook settings; or the account of the last `keep`, at real time."""
        self._call("POST", "reset", {"to_kept": to_kept})

    def now(self) -> int:
        return int(self._call("GET", "clock")["now"])

    def advance(self, seconds: int) -> int:
        """Let that much time pass; what falls due happens on the way. Returns the new time."""
        return int(self._call("POST", "clock", {"advance_seconds": seconds})["now"])

    def set_clock(self, moment: int) -> int:
        return int(self._call("POST", "clock", {"now": moment})["now"])

    def take_payment_despite_expire(self, on: bool = True) -> None:
        """Sessions expired from now on can still be paid on their page: Stripe's race between expiry and payment."""
        self._call("POST", "switches", {"take_payment_despite_expire": on})

    def pay(
        self,
        session: str,
        *,
        card: str = "4242424242424242",
        email: str = "",
        name: str = "",
        authenticate: Literal["complete", "fail"] | None = None,
        promotion_code: str = "",
        country: str = "",
        postal_code: str = "",
        tax_id: str = "",
    ) -> Json:
        """What the Checkout page would do with this card: `outcome` (paid, declined, invalid, authenticate, closed),
        `message`, `redirect`, `attempt`."""
        given: Json = {"session": session, "card": card, "email": email, "name": name, "promotion_code": promotion_code}
        given |= {"country": country, "postal_code": postal_code, "tax_id": tax_id}
        return self._call("POST", "pay", given | ({"authenticate": authenticate} if authenticate else {}))

    def allow_delayed_payments(self, on: bool = True) -> None:
        """The account takes bank debits too: sessions made from now on offer them, unless the request leaves them out."""
        self._call("POST", "switches", {"delayed_payments": on})

    def fail_finalization(self, on: bool = True) -> None:
        """Renewals' invoices that fall due from now on stay drafts: tax cannot be reckoned for want of an address."""
        self._call("POST", "switches", {"finalization_fails": on})

    def pay_by_debit(self, session: str, *, email: str = "", name: str = "", country: str = "", promotion_code: str = "") -> Json:
        """Pay from a bank account: as `pay`, but the session completes unpaid until `settle_debit`."""
        given: Json = {"session": session, "email": email, "name": name, "country": country, "promotion_code": promotion_code}
        return self._call("POST", "pay_by_debit", given)

    def settle_debit(self, session: str, status: Literal["succeeded", "failed"]) -> None:
        """What the bank says days later."""
        self._call("POST", "settle_debit", {"session": session, "status": status})

    def set_tax(self, rates: dict[str, float]) -> None:
        """Percent by country, instead of those set before; a country without a rate is charged no tax."""
        self._call("POST", "tax", {"rates": rates})

    def next_refund(
        self,
        status: Literal["succeeded", "pending", "requires_action", "failed", "fails_later"],
        *,
        reason: str | None = None,
    ) -> None:
        """The fate of the next refund."""
        self._call("POST", "refunds", {"next_status": status, "failure_reason": reason})

    def settle_refund(
        self, refund: str, status: Literal["succeeded", "failed", "canceled"], *, reason: str | None = None
    ) -> None:
        self._call("POST", "refunds", {"refund": refund, "status": status, "failure_reason": reason})

    def open_dispute(
        self, charge_or_intent: str, *, inquiry: bool = False, amount: int | None = None, reason: str = "fraudulent"
    ) -> str:
        """The bank disputes this payment, or only inquires about it (which withdraws no money). Returns the dispute's id."""
        given: Json = {"charge": charge_or_intent, "inquiry": inquiry, "amount": amount, "reason": reason}
        return str(self._call("POST", "disputes", given)["dispute"])

    def settle_dispute(self, dispute: str, outcome: Literal["won", "lost", "warning_closed", "escalated"]) -> None:
        """The bank decides. `warning_closed` ends an inquiry; `escalated` makes it a dispute, and the money is withdrawn."""
        self._call("POST", "disputes", {"dispute": dispute, "outcome": outcome})

    def warn_of_fraud(self, charge_or_intent: str) -> str:
        """The card's network suspects a fraud. Returns the early fraud warning's id."""
        return str(self._call("POST", "fraud_warnings", {"charge": charge_or_intent})["warning"])

    def change_card(self, subscription: str, card: str) -> Json:
        """Another card for this subscription; an open invoice is collected with it at once."""
        return self._call("POST", "card", {"subscription": subscription, "card": card})

    def set_dunning(self, final: Literal["cancel", "unpaid", "past_due"]) -> None:
        """What becomes of a subscription when the last attempt at a renewal has failed; usually it ends (`cancel`)."""
        self._call("POST", "dunning", {"final": final})

    def collect(self, invoice: str) -> str:
        """'Charge customer' in the dashboard. Returns the invoice's status; a decline leaves it open."""
        return self._invoice(invoice, "collect")

    def void_invoice(self, invoice: str) -> None:
        self._invoice(invoice, "void")

    def mark_uncollectible(self, invoice: str) -> None:
        self._invoice(invoice, "mark_uncollectible")

    def pay_invoice(self, invoice: str, *, card: str = "4242424242424242") -> str:
        """The reader pays on the invoice's page. Returns the invoice's status: still `open` if declined or asked by the bank."""
        return self._invoice(invoice, "pay", card=card)

    def answer_bank(self, invoice: str, answer: Literal["complete", "fail"]) -> str:
        """The reader answers the bank on the invoice's page. Returns the invoice's status."""
        return self._invoice(invoice, "answer_bank", answer=answer)

    def _invoice(self, invoice: str, action: str, **given: str) -> str:
        return str(self._call("POST", "invoices", {"invoice": invoice, "action": action, **given})["status"])

    def pause_subscription(self, subscription: str) -> None:
        """As in the dashboard: status `paused`, no credit for the unused time."""
        self._call("POST", "subscriptions", {"subscription": subscription, "action": "pause"})

    def resume_subscription(self, subscription: str) -> None:
        """As in the dashboard: it goes on in its old rhythm, and nothing is asked for the time between."""
        self._call("POST", "subscriptions", {"subscription": subscription, "action": "resume"})

    def portal(self, customer: str, action: Literal["cancel", "resume", "card", "details"], **fields: str) -> str:
        """What the portal's page would do with these fields (`subscription`, or `card_number`, or `name`, `email`, `phone`,
        `line1`, `city`, `state`, `postal_code`, `country`, `tax_id`); what it says is wrong, empty if it did it."""
        return str(self._call("POST", "portal", {"customer": customer, "action": action, **fields})["problem"])

    def fault(
        self,
        kind: FaultKind,
        *,
        method: str = "*",
        path: str = "*",
        count: int = 1,
        skip: int = 0,
        seconds: float | None = None,
    ) -> str:
        """Mishandle the next `count` requests that match, after `skip` of them; `path` is a shell pattern. Returns its id."""
        given: Json = {"kind": kind, "method": method, "path": path, "count": count, "skip": skip}
        return str(self._call("POST", "faults", given | ({"seconds": seconds} if seconds is not None else {}))["id"])

    def faults(self) -> list[Json]:
        found: list[Json] = self._call("GET", "faults")["faults"]
        return found

    def wait_until_waiting(self, fault: str, timeout: float = 10) -> None:
        """Return once a request stands still because of this `hang` or `hold`."""
        deadline = time.monotonic() + timeout
        while not any(row["id"] == fault and row["waiting"] for row in self.faults()):
            if time.monotonic() > deadline:
                raise TimeoutError("no request is waiting")
            time.sleep(0.01)

    def release(self, fault: str | None = None) -> None:
        """Let go what `hang` or `hold` keeps waiting."""
        self._call("POST", "faults/release", {"id": fault})

    def clear_faults(self) -> None:
        self._call("POST", "faults/clear", {})

    def webhooks(self, **settings: Any) -> Json:
        """Set any of: withheld, delay_seconds, copies, order (created, reversed, shuffled), concurrency, timeout_seconds,
        retry_seconds, longest_retry_seconds, attempts. Returns them all."""
        return self._call("POST", "webhooks", settings)

    def withhold_webhooks(self) -> None:
        self.webhooks(withheld=True)

    def release_webhooks(self, order: Literal["created", "reversed", "shuffled"] = "created") -> None:
        """Deliver what was kept back, in this order, strictly one after the other unless it is the usual order."""
        self.webhooks(withheld=False, order=order, **({} if order == "created" else {"concurrency": 1}))

    def deliver(self, events: Sequence[str]) -> list[Json]:
        """Post these events again, now, one after the other in this order; the answers' status codes."""
        results: list[Json] = self._call("POST", "webhooks/deliver", {"events": list(events)})["results"]
        return results

    def switch_endpoint(self, endpoint: str, *, enabled: bool) -> None:
        """Disable an endpoint, as Stripe does with one that fails for days, or enable it again."""
        self._call("POST", "endpoints", {"endpoint": endpoint, "enabled": enabled})

    def roll_secret(self, endpoint: str, *, keep_old: bool = True) -> str:
        """A new signing secret; webhooks are signed with the old one too until this is called with `keep_old=False`, which
        ends the old one (or, if there is none, makes a new secret that is valid alone). Returns the secret that stays."""
        return str(self._call("POST", "endpoints/roll_secret", {"endpoint": endpoint, "keep_old": keep_old})["secret"])

    def deliveries(self) -> list[Json]:
        """Every delivery with its `state` (pending, succeeded, failed) and its `attempts`."""
        found: list[Json] = self._call("GET", "webhooks/deliveries")["deliveries"]
        return found

    def wait_for_deliveries(self, timeout: float = 30) -> None:
        """Return once nothing is pending any more."""
        deadline = time.monotonic() + timeout
        while any(row["state"] == "pending" for row in self.deliveries()):
            if time.monotonic() > deadline:
                raise TimeoutError("webhooks are still pending")
            time.sleep(0.02)

    def prune_idempotency_keys(self, older_than_seconds: int = 0) -> int:
        return int(self._call("POST", "idempotency/prune", {"older_than_seconds": older_than_seconds})["pruned"])
