"""The whole simulator: its objects, its clock, its webhooks and its switches, behind one lock."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .clock import Clock, Timers
from .events import record_event
from .faults import Faults
from .jobs import JOBS
from .jsontypes import Json
from .reply_check import ReplyCheck
from .store import Store
from .webhooks import Webhooks

TICK_SECONDS = 0.2

DEFAULT_SWITCHES: Json = {
    "take_payment_despite_expire": False,
    "next_refund_status": None,
    "next_refund_failure_reason": None,
    "dunning_final": "cancel",
    "tax_rates": {},
    "delayed_payments": False,
    "finalization_fails": False,
}


@dataclass(frozen=True)
class RequestInfo:
    """Which API request causes what is happening now; events carry it."""

    id: str | None = None
    idempotency_key: str | None = None


class Simulator:
    """Use it inside `transaction()`: state is read and written by one thread at a time."""

    def __init__(
        self, *, key: str, base_url: str, folder: Path | None = None, webhook_delay: float = 0, check_replies: bool = False
    ) -> None:
        self.key = key
        self.base_url = base_url
        self.lock = threading.RLock()
        self.store = Store(folder)
        self.faults = Faults()
        self.request = RequestInfo()
        self.reply_check = ReplyCheck() if check_replies else None
        self._webhook_delay = webhook_delay
        self.settings = self._load_settings()
        self._kept: list[str] = []
        self.clock = Clock(self.settings["clock_offset"])
        self.timers = Timers(self, JOBS)
        self.webhooks = Webhooks(self)
        self._closing = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="ticker", daemon=True)

    def _load_settings(self) -> Json:
        """What the controls have set; kept with the objects so that a restart changes nothing."""
        return self.store.get("_settings", "_settings") or self.store.add(
            {
                "id": "_settings",
                "object": "_settings",
                "clock_offset": 0,
                "switches": dict(DEFAULT_SWITCHES),
                "webhooks": {"delay_seconds": self._webhook_delay},
            }
        )

    def start(self) -> None:
        self.webhooks.start()
        self._ticker.start()

    def close(self) -> None:
        """Stop the background threads; what was not delivered stays on disk for the next start."""
        self._closing.set()
        self.webhooks.close()
        self._ticker.join(timeout=2)
        with self.lock:
            self.store.close()

    @contextmanager
    def transaction(self, request: RequestInfo | None = None) -> Iterator[None]:
        """All or nothing. What is due by the clock happens first, so that nobody sees a state that time has overtaken."""
        with self.lock:
            self.timers.run_until(self.clock.now())
            self.request = request or RequestInfo()
            try:
                yield
                self.store.commit()
            except BaseException:
                self.store.rollback()
                self.timers.reload()
                self.webhooks.reload()
                raise
            finally:
                self.request = RequestInfo()
        self.webhooks.wake()

    def _tick(self) -> None:
        while not self._closing.wait(TICK_SECONDS):
            with self.lock:
                self.timers.run_until(self.clock.now())
            self.webhooks.wake()

    def now(self) -> int:
        return self.clock.now()

    def move_clock(self, moment: int) -> None:
        """Move the clock there; whatever falls due on the way happens at its own moment."""
        self.timers.run_until(moment)
        self.clock.set(moment)
        self.store.change(self.settings, clock_offset=self.clock.offset)

    def switch(self, name: str) -> Any:
        return self.settings["switches"].get(name, DEFAULT_SWITCHES[name])

    def set_switches(self, **values: Any) -> None:
        self.store.change(self.settings, switches={**self.settings["switches"], **values})

    def check_sent(self, source: str, body: Json) -> None:
        """Hold what is sent against the SDK's classes, if this process was started to do so."""
        if self.reply_check:
            self.reply_check.check(source, body)

    def emit(self, type: str, obj: Json, previous: Json | None = None) -> Json:
        """Record that this happened to the object, as it is now, and have it delivered once the transaction is through."""
        return record_event(self, type, obj, previous)

    def update(self, obj: Json, event: str | None = None, **values: Any) -> Json:
        """Change an object and, if anything did change, say so in an event."""
        previous = self.store.change(obj, **values)
        if previous and event:
            self.emit(event, obj, previous)
        return obj

    def keep(self) -> None:
        """Remember the account as it is now, for `reset`."""
        with self.lock:
            self._kept = self.store.bodies()

    def reset(self, *, to_kept: bool = False) -> None:
        """Back to an empty account at real time, with no faults and no switches on; or to the account that was kept."""
        with self.lock:
            self.store.refill(self._kept if to_kept else [])
            self.faults.clear()
            self.settings = self._load_settings()
            self.store.commit()
            self.clock.offset = 0
            self.timers.reload()
            self.webhooks.reload()
