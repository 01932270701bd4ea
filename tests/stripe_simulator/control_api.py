"""The controls below /_simulator: what tests may do that Stripe would not let them. JSON in, JSON out."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import bank_debits, invoice_page
from .cards import CARDS
from .checkout_payment import Payer, authenticate, pay, pay_by_debit
from .collection import COLLECTABLE, FINALS, change_card, collect_by_hand, mark_uncollectible, void
from .faults import KINDS, Fault
from .jsontypes import Json
from .portal_actions import act
from .resources import disputes, endpoints, fraud_warnings, payments, portal, refunds, subscription_pauses
from .simulator import DEFAULT_SWITCHES
from .webhooks import DEFAULTS

if TYPE_CHECKING:
    from .api import Api
    from .simulator import Simulator


class ControlApi:
    def __init__(self, simulator: "Simulator", api: "Api") -> None:
        self._sim = simulator
        self._api = api
        self._actions: dict[str, Callable[[Json], Json]] = {
            "GET state": self._state,
            "GET differences": self._differences,
            "POST objects": self._plant,
            "POST objects/list": self._list,
            "POST keep": self._keep,
            "POST reset": self._reset,
            "GET clock": self._clock,
            "POST clock": self._move_clock,
            "POST switches": self._switches,
            "POST pay": self._pay,
            "POST pay_by_debit": self._pay_by_debit,
            "POST settle_debit": self._settle_debit,
            "POST tax": self._set_tax,
            "POST refunds": self._refunds,
            "POST card": self._change_card,
            "POST disputes": self._disputes,
            "POST dunning": self._set_dunning,
            "POST invoices": self._invoices,
            "POST subscriptions": self._subscriptions,
            "POST fraud_warnings": self._warn_of_fraud,
            "POST portal": self._portal,
            "GET faults": self._faults,
            "POST faults": self._add_fault,
            "POST faults/release": self._release_fault,
            "POST faults/clear": self._clear_faults,
            "GET webhooks": self._webhooks,
            "POST webhooks": self._configure_webhooks,
            "GET webhooks/deliveries": self._deliveries,
            "POST webhooks/deliver": self._deliver,
            "POST endpoints": self._switch_endpoint,
            "POST endpoints/roll_secret": self._roll_secret,
            "POST idempotency/prune": self._prune,
        }

    def answer(self, method: str, path: str, given: Json) -> Json:
        """Raises LookupError, TypeError or ValueError for what it does not understand."""
        name = f"{method} {path.removeprefix('/_simulator/').strip('/')}"
        if name not in self._actions:
            raise LookupError(f"no such control: {name}")
        return self._actions[name](given)

    def _state(self, given: Json) -> Json:
        with self._sim.transaction():
            return {"now": self._sim.now(), "objects": self._sim.store.snapshot(), "faults": self._sim.faults.list()}

    def _list(self, given: Json) -> Json:
        """The objects of one kind, oldest first; those after the one of an id, if one is given."""
        newest: list[Json] = []
        with self._sim.transaction():
            for obj in self._sim.store.newest_first(given["kind"]):
                if obj["id"] == given.get("after"):
                    break
                newest.append(obj)
            return {"objects": newest[::-1]}

    def _differences(self, given: Json) -> Json:
        """Where something sent since the start was not what the SDK's classes say; a reset does not forget it."""
        if not self._sim.reply_check:
            raise ValueError("replies are checked only with --check-replies")
        return {"differences": self._sim.reply_check.found()}

    def _plant(self, given: Json) -> Json:
        """Fields of an object, set as they are given and told nobody."""
        with self._sim.transaction():
            obj = self._sim.store.find(given["id"])
            if not obj:
                raise LookupError(given["id"])
            self._sim.store.change(obj, **given["values"])
            return {"id": obj["id"]}

    def _keep(self, given: Json) -> Json:
        self._sim.keep()
        return {}

    def _reset(self, given: Json) -> Json:
        self._sim.reset(to_kept=bool(given.get("to_kept")))
        return {}

    def _clock(self, given: Json) -> Json:
        return {"now": self._sim.now()}

    def _move_clock(self, given: Json) -> Json:
        with self._sim.transaction():
            moment = given["now"] if "now" in given else self._sim.now() + given["advance_seconds"]
            self._sim.move_clock(int(moment))
            return {"now": self._sim.now()}

    def _switches(self, given: Json) -> Json:
        with self._sim.transaction():
            unknown = set(given) - set(DEFAULT_SWITCHES)
            if unknown:
                raise ValueError(f"unknown switch: {', '.join(sorted(unknown))}")
            self._sim.set_switches(**given)
            return dict(self._sim.settings["switches"])

    def _pay(self, given: Json) -> Json:
        """Pay a Checkout Session as its page would; `authenticate` answers the bank at once."""
        with self._sim.transaction():
            session = self._session(given)
            payer = Payer(
                card=given.get("card", "4242424242424242"),
                email=given.get("email", ""),
                name=given.get("name", ""),
                terms_accepted=True,
                **{name: given[name] for name in ("promotion_code", "country", "postal_code", "tax_id") if name in given},
            )
            result = pay(self._sim, session, payer)
            if result.outcome == "authenticate" and "authenticate" in given:
                succeeded = given["authenticate"] == "complete"
                result = authenticate(self._sim, session, result.attempt, succeeded=succeeded)
            return result.as_json()

    def _session(self, given: Json) -> Json:
        session = self._sim.store.get("checkout.session", given["session"])
        if not session:
            raise LookupError(given["session"])
        return session

    def _pay_by_debit(self, given: Json) -> Json:
        """Pay a Checkout Session from a bank account: it completes now and is settled by `settle_debit`."""
        filled_in = {name: given[name] for name in ("email", "name", "promotion_code", "country", "tax_id") if name in given}
        with self._sim.transaction():
            session = self._session(given)
            return pay_by_debit(self._sim, session, Payer(card="", terms_accepted=True, **filled_in)).as_json()

    def _settle_debit(self, given: Json) -> Json:
        if given["status"] not in ("succeeded", "failed"):
            raise ValueError(f"a bank debit cannot be made {given['status']}")
        with self._sim.transaction():
            session = self._session(given)
            bank_debits.settle(self._sim, session, succeeded=given["status"] == "succeeded")
            return {"session": session["id"], "payment_status": session["payment_status"]}

    def _set_tax(self, given: Json) -> Json:
        """Percent by country, instead of those set before."""
        rates = {str(country): float(percent) for country, percent in given["rates"].items()}
        if any(len(country) != 2 or not country.isupper() or not 0 <= percent <= 100 for country, percent in rates.items()):
            raise ValueError("rates are percentages by country code")
        with self._sim.transaction():
            self._sim.set_switches(tax_rates=rates)
        return {"rates": rates}

    def _refunds(self, given: Json) -> Json:
        """Order the fate of the next refund (`next_status`), or settle one now (`refund`, `status`)."""
        with self._sim.transaction():
            if "next_status" in given:
                self._sim.set_switches(
                    next_refund_status=given["next_status"], next_refund_failure_reason=given.get("failure_reason")
                )
                return dict(self._sim.settings["switches"])
            refund = self._sim.store.get("refund", given["refund"])
            if not refund:
                raise LookupError(given["refund"])
            if given["status"] == "succeeded":
                refunds.succeed(self._sim, refund)
            elif given["status"] == "failed":
                refunds.fail(self._sim, refund, given.get("failure_reason"))
            elif given["status"] == "canceled":
                refunds.call_off(self._sim, refund)
            else:
                raise ValueError(f"a refund cannot be made {given['status']}")
            return {"refund": refund["id"], "status": refund["status"]}

    def _change_card(self, given: Json) -> Json:
        """Another card for a subscription."""
        with self._sim.transaction():
            subscription = self._sim.store.get("subscription", given["subscription"])
            if not subscription or given["card"] not in CARDS:
                raise LookupError("no such subscription or card")
            change_card(self._sim, subscription, given["card"])
            return {"subscription": subscription["id"], "status": subscription["status"]}

    def _set_dunning(self, given: Json) -> Json:
        """What becomes of a subscription when the last attempt at a renewal has failed."""
        if given["final"] not in FINALS:
            raise ValueError(f"unknown end of dunning: {given['final']}")
        with self._sim.transaction():
            self._sim.set_switches(dunning_final=given["final"])
            return {"final": given["final"]}

    def _invoices(self, given: Json) -> Json:
        """What a person does to an invoice, in the dashboard or (`pay`) on its page."""
        with self._sim.transaction():
            invoice = self._sim.store.get("invoice", given["invoice"])
            if not invoice:
                raise LookupError(given["invoice"])
            message = self._act_on_invoice(invoice, given)
            return {"invoice": invoice["id"], "status": invoice["status"], "message": message}

    def _act_on_invoice(self, invoice: Json, given: Json) -> str:
        action = given["action"]
        if action == "collect":
            collect_by_hand(self._sim, invoice)
        elif invoice["status"] not in COLLECTABLE:
            raise ValueError(f"an invoice that is {invoice['status']} cannot be asked to {action}")
        elif action == "void":
            void(self._sim, invoice)
        elif action == "mark_uncollectible":
            mark_uncollectible(self._sim, invoice)
        elif action == "pay":
            return invoice_page.pay(self._sim, invoice, CARDS[given["card"]])
        elif action == "answer_bank":
            return invoice_page.answer_bank(self._sim, invoice, succeeded=given["answer"] == "complete")
        else:
            raise ValueError(f"unknown action: {action}")
        return ""

    def _subscriptions(self, given: Json) -> Json:
        """Pause a subscription or let it go on, as in the dashboard and without any invoice."""
        with self._sim.transaction():
            subscription = self._sim.store.get("subscription", given["subscription"])
            wanted = {"pause": "active", "resume": "paused"}[given["action"]]
            if not subscription or subscription["status"] != wanted:
                raise LookupError(f"no such subscription that is {wanted}")
            act = subscription_pauses.pause_now if given["action"] == "pause" else subscription_pauses.go_on
            act(self._sim, subscription)
            return {"subscription": subscription["id"], "status": subscription["status"]}

    def _disputes(self, given: Json) -> Json:
        """Open one (`charge` or its payment intent), or decide one (`dispute`, `outcome`)."""
        with self._sim.transaction():
            if "dispute" in given:
                dispute = self._sim.store.get("dispute", given["dispute"])
                if not dispute:
                    raise LookupError(given["dispute"])
                disputes.settle(self._sim, dispute, given["outcome"])
            else:
                dispute = disputes.open_dispute(
                    self._sim,
                    payments.charge_of(self._sim, given["charge"]),
                    inquiry=given.get("inquiry", False),
                    amount=given.get("amount"),
                    reason=given.get("reason", "fraudulent"),
                )
            return {"dispute": dispute["id"], "status": dispute["status"]}

    def _warn_of_fraud(self, given: Json) -> Json:
        with self._sim.transaction():
            charge = payments.charge_of(self._sim, given["charge"])
            return {"warning": fraud_warnings.warn(self._sim, charge)["id"]}

    def _portal(self, given: Json) -> Json:
        """What a form of the portal's page does, by the account's default portal settings."""
        with self._sim.transaction():
            customer = self._sim.store.get("customer", given["customer"])
            if not customer:
                raise LookupError(given["customer"])
            features = portal.default_configuration(self._sim)["features"]
            fields = {"expiry": "12/34", "cvc": "123", **{name: str(value) for name, value in given.items()}}
            return {"problem": act(self._sim, customer, features, fields)}

    def _faults(self, given: Json) -> Json:
        return {"faults": self._sim.faults.list()}

    def _add_fault(self, given: Json) -> Json:
        fault = Fault(**given)
        if fault.kind not in KINDS:
            raise ValueError(f"unknown kind of fault: {fault.kind}")
        self._sim.faults.add(fault)
        return {"id": fault.id}

    def _release_fault(self, given: Json) -> Json:
        self._sim.faults.release(given.get("id"))
        return {}

    def _clear_faults(self, given: Json) -> Json:
        self._sim.faults.clear()
        return {}

    def _webhooks(self, given: Json) -> Json:
        return {name: self._sim.webhooks.setting(name) for name in DEFAULTS}

    def _configure_webhooks(self, given: Json) -> Json:
        with self._sim.transaction():
            self._sim.webhooks.configure(**given)
            return self._webhooks({})

    def _deliveries(self, given: Json) -> Json:
        with self._sim.transaction():
            return {"deliveries": list(self._sim.store.oldest_first("_delivery"))}

    def _deliver(self, given: Json) -> Json:
        results: Any = self._sim.webhooks.deliver_now(given["events"])
        return {"results": results}

    def _endpoint(self, given: Json) -> Json:
        endpoint = self._sim.store.get("webhook_endpoint", given["endpoint"])
        if not endpoint:
            raise LookupError(given["endpoint"])
        return endpoint

    def _switch_endpoint(self, given: Json) -> Json:
        """Disable an endpoint, as Stripe does with one that fails for days, or enable it again."""
        with self._sim.transaction():
            endpoint = self._endpoint(given)
            self._sim.store.change(endpoint, status="enabled" if given["enabled"] else "disabled")
            return {"endpoint": endpoint["id"], "status": endpoint["status"]}

    def _roll_secret(self, given: Json) -> Json:
        with self._sim.transaction():
            endpoint = self._endpoint(given)
            return {"secret": endpoints.roll_secret(self._sim, endpoint, keep_former=given.get("keep_old", True))}

    def _prune(self, given: Json) -> Json:
        with self._sim.transaction():
            older_than = self._sim.now() - given.get("older_than_seconds", 0) + 1
            return {"pruned": self._api.idempotency_keys.prune(older_than)}
