"""Signed webhooks, delivered from a queue in the background: at least once, in no promised order, and retried.

A delivery is a stored row (one event for one endpoint), so what was not delivered before a restart is delivered after it.
Waits and signatures go by real time, whatever the simulator's own clock says: receivers check the signature's age.
"""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from .identifiers import new_id
from .jsontypes import Json, public
from .webhook_post import Outcome, post_event

if TYPE_CHECKING:
    from .simulator import Simulator

DEFAULTS: Json = {
    "withheld": False,  # keep everything back until this is off again
    "delay_seconds": 0,  # wait this long before the first attempt
    "copies": 1,  # deliver everything this many times
    "order": "created",  # of what is due at one moment: created, reversed or shuffled
    "concurrency": 4,  # deliveries under way at once; 1 keeps the order strictly
    "timeout_seconds": 10,
    "retry_seconds": 0.5,  # before the first retry; doubled each time
    "longest_retry_seconds": 300,
    "attempts": 16,
}
MAX_CONCURRENCY = 16


class Webhooks:
    def __init__(self, simulator: "Simulator") -> None:
        self._sim = simulator
        self._wake = threading.Event()
        self._pending: dict[str, Json] = {}
        self._under_way: set[str] = set()
        self._closing = False
        self._pool = ThreadPoolExecutor(MAX_CONCURRENCY, thread_name_prefix="webhook")
        self._dispatcher = threading.Thread(target=self._dispatch, name="webhook-dispatcher", daemon=True)
        self.reload()

    def reload(self) -> None:
        rows = self._sim.store.oldest_first("_delivery")
        self._pending = {row["id"]: row for row in rows if row["state"] == "pending"}

    def setting(self, name: str) -> Any:
        return self._sim.settings["webhooks"].get(name, DEFAULTS[name])

    def configure(self, **values: Any) -> None:
        """Set any of the settings in DEFAULTS; an unknown one is refused."""
        unknown = set(values) - set(DEFAULTS)
        if unknown:
            raise ValueError(f"unknown webhook setting: {', '.join(sorted(unknown))}")
        self._sim.store.change(self._sim.settings, webhooks={**self._sim.settings["webhooks"], **values})

    def queue(self, event: Json, endpoint: Json) -> None:
        """Have this event delivered to this endpoint; called inside a transaction, seen by the queue after it."""
        for _ in range(self.setting("copies")):
            row = self._sim.store.add(
                {
                    "id": new_id("_delivery"),
                    "object": "_delivery",
                    "event": event["id"],
                    "event_type": event["type"],
                    "endpoint": endpoint["id"],
                    "state": "pending",
                    "attempts": [],
                    "next_attempt_at": time.time() + self.setting("delay_seconds"),
                }
            )
            self._pending[row["id"]] = row

    def start(self) -> None:
        self._dispatcher.start()

    def close(self) -> None:
        self._closing = True
        self.wake()
        self._dispatcher.join(timeout=2)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def wake(self) -> None:
        self._wake.set()

    def _dispatch(self) -> None:
        while not self._closing:
            self._wake.clear()
            with self._sim.lock:
                for row in self._due():
                    self._under_way.add(row["id"])
                    self._pool.submit(self._deliver, row["id"])
            self._wake.wait(timeout=0.1 if self._pending else 5)

    def _due(self) -> list[Json]:
        """What may start now, in the order wished for."""
        if self.setting("withheld") or not self._pending:
            return []
        room = self.setting("concurrency") - len(self._under_way)
        if room <= 0:
            return []
        now = time.time()
        due = [row for row in self._pending.values() if row["id"] not in self._under_way and row["next_attempt_at"] <= now]
        if self.setting("order") == "reversed":
            due.reverse()
        elif self.setting("order") == "shuffled":
            random.shuffle(due)
        return due[:room]

    def _deliver(self, delivery_id: str) -> None:
        try:
            with self._sim.lock:
                row = self._pending.get(delivery_id)
                job = self._job(row) if row else None
            if row and job:
                self._sim.check_sent(f"webhook {row['event_type']}", public(job["event"]))
                outcome = post_event(**job)
                with self._sim.lock:
                    self._settle(row, outcome)
                    self._sim.store.commit()
            elif row:
                with self._sim.lock:
                    self._pending.pop(delivery_id, None)
                    self._sim.store.change(row, state="failed", reason="endpoint gone or disabled")
                    self._sim.store.commit()
        finally:
            with self._sim.lock:
                self._under_way.discard(delivery_id)
            self.wake()

    def _job(self, row: Json) -> Json | None:
        """What to post where; nothing if the endpoint is gone or was switched off since."""
        endpoint = self._sim.store.get("webhook_endpoint", row["endpoint"])
        event = self._sim.store.get("event", row["event"])
        if not event or not endpoint or endpoint["status"] != "enabled":
            return None
        return {"event": dict(event), "endpoint": dict(endpoint), "timeout": self.setting("timeout_seconds")}

    def _settle(self, row: Json, outcome: Outcome) -> None:
        attempts = [*row["attempts"], {"at": time.time(), "status": outcome.status, "error": outcome.error}]
        if outcome.succeeded:
            self._pending.pop(row["id"], None)
            self._sim.store.change(row, attempts=attempts, state="succeeded")
            self._count_down(row)
        elif len(attempts) >= self.setting("attempts"):
            self._pending.pop(row["id"], None)
            self._sim.store.change(row, attempts=attempts, state="failed")
        else:
            wait = min(self.setting("retry_seconds") * 2 ** (len(attempts) - 1), self.setting("longest_retry_seconds"))
            self._sim.store.change(row, attempts=attempts, next_attempt_at=time.time() + wait)

    def _count_down(self, row: Json) -> None:
        """`pending_webhooks` counts the endpoints that have not had the event yet."""
        event = self._sim.store.get("event", row["event"])
        if event:
            waiting = [endpoint for endpoint in event["_waiting"] if endpoint != row["endpoint"]]
            self._sim.store.change(event, _waiting=waiting, pending_webhooks=len(waiting))

    def deliver_now(self, event_ids: list[str]) -> list[Json]:
        """Post these events, one after the other, to every enabled endpoint; call it without the lock.

        What was queued for them, or given up, counts as delivered where the endpoint answers 2xx.
        """
        results = []
        for event_id in event_ids:
            with self._sim.lock:
                event = self._sim.store.get("event", event_id)
                endpoints = [dict(row) for row in self._sim.store.oldest_first("webhook_endpoint") if row["status"] == "enabled"]
            if not event:
                raise LookupError(event_id)
            self._sim.check_sent(f"webhook {event['type']}", public(event))
            for endpoint in endpoints:
                outcome = post_event(event=dict(event), endpoint=endpoint, timeout=self.setting("timeout_seconds"))
                results.append({"event": event_id, "endpoint": endpoint["id"], "status": outcome.status, "error": outcome.error})
                with self._sim.lock:
                    for row in self._sim.store.oldest_first("_delivery"):
                        same = row["event"] == event_id and row["endpoint"] == endpoint["id"]
                        if same and outcome.succeeded and row["state"] != "succeeded":
                            self._settle(row, outcome)
                    self._sim.store.commit()
        return results
