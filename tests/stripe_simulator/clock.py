"""The simulator's own time: real time plus an offset that tests move, and what falls due as it passes.

A timer is a stored row, so it survives a restart. When the clock is moved across several timers, each one runs at its
own moment, in order: a year passes as a year would.
"""

import heapq
import sys
import time
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING

from .jsontypes import Json

if TYPE_CHECKING:
    from .simulator import Simulator

Job = Callable[["Simulator", str], None]


class Clock:
    """`now()` in whole seconds since 1970."""

    def __init__(self, offset: float = 0) -> None:
        self.offset = offset
        self._stopped_at: int | None = None

    def now(self) -> int:
        return self._stopped_at if self._stopped_at is not None else int(time.time() + self.offset)

    def stop_at(self, moment: int | None) -> None:
        """Stand still at this moment (None lets it run again)."""
        self._stopped_at = moment

    def set(self, moment: int) -> None:
        self.offset = moment - time.time()


class Timers:
    """What is to happen at which moment of the simulator's clock. One timer for each job and target."""

    def __init__(self, simulator: "Simulator", jobs: dict[str, Job]) -> None:
        self._simulator = simulator
        self._jobs = jobs
        self._heap: list[tuple[int, str]] = []
        self.reload()

    def reload(self) -> None:
        self._heap = [(timer["due_at"], timer["id"]) for timer in self._simulator.store.oldest_first("_timer")]
        heapq.heapify(self._heap)

    def set(self, job: str, target: str, due_at: int) -> None:
        """Run this job for this object at that moment, instead of any moment set before."""
        store = self._simulator.store
        timer_id = f"timer:{job}:{target}"
        timer = store.get("_timer", timer_id)
        if timer:
            store.change(timer, due_at=due_at)
        else:
            store.add({"id": timer_id, "object": "_timer", "job": job, "target": target, "due_at": due_at})
        heapq.heappush(self._heap, (due_at, timer_id))

    def cancel(self, job: str, target: str) -> None:
        timer = self._simulator.store.get("_timer", f"timer:{job}:{target}")
        if timer:
            self._simulator.store.remove(timer)

    def _next(self) -> Json | None:
        while self._heap:
            due_at, timer_id = self._heap[0]
            timer = self._simulator.store.get("_timer", timer_id)
            if timer and timer["due_at"] == due_at:
                return timer
            heapq.heappop(self._heap)  # canceled or moved since
        return None

    def run_until(self, moment: int) -> None:
        """Run whatever falls due up to that moment, each at its own time and committed on its own."""
        store, clock = self._simulator.store, self._simulator.clock
        while (timer := self._next()) and timer["due_at"] <= moment:
            clock.stop_at(timer["due_at"])
            heapq.heappop(self._heap)
            try:
                store.remove(timer)
                self._jobs[timer["job"]](self._simulator, timer["target"])
                store.commit()
            except Exception:
                # A fault of the simulator itself: tell, drop this timer, and go on.
                traceback.print_exc(file=sys.stderr)
                store.rollback()
                store.remove(timer)
                store.commit()
                self.reload()
            finally:
                clock.stop_at(None)
