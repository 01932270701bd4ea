"""Faults to order: the next so many requests that match a method and an address are mishandled in a chosen way."""

import fnmatch
import threading
from dataclasses import asdict, dataclass, field
from typing import Literal, get_args

from .identifiers import random_text
from .jsontypes import Json

Kind = Literal["500", "503", "429", "hang", "drop", "drop_after", "500_after", "hold"]
KINDS: tuple[str, ...] = get_args(Kind)
LONGEST_WAIT = 600.0


@dataclass
class Fault:
    """`kind`:

    - `500`, `503`, `429`: refused before anything is done
    - `hang`: wait `seconds`, then handle it as usual
    - `drop`: close the connection without doing anything
    - `drop_after`: do it, then close the connection without an answer
    - `500_after`: do it, then answer 500
    - `hold`: do it and compute the answer now, but send it only after `seconds` or when released
    """

    kind: Kind
    method: str = "*"
    path: str = "*"
    count: int = 1
    skip: int = 0
    seconds: float = LONGEST_WAIT
    id: str = field(default_factory=lambda: f"fault_{random_text(10)}")
    taken: int = 0
    waiting: int = 0  # how many requests stand still now


class Faults:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._released: dict[str, threading.Event] = {}

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)
            self._released[fault.id] = threading.Event()

    def take(self, method: str, path: str) -> Fault | None:
        """The first fault that applies to this request, which is thereby counted."""
        with self._lock:
            for fault in self._faults:
                if fault.method in ("*", method) and fnmatch.fnmatchcase(path, fault.path):
                    if fault.skip > 0:
                        fault.skip -= 1
                    elif fault.taken < fault.count:
                        fault.taken += 1
                        return fault
        return None

    def wait(self, fault: Fault) -> None:
        """Stand still for the fault's seconds, or until it is released."""
        with self._lock:
            released = self._released.get(fault.id)
            fault.waiting += 1
        if released:
            released.wait(min(fault.seconds, LONGEST_WAIT))
        with self._lock:
            fault.waiting -= 1

    def release(self, fault_id: str | None = None) -> None:
        """Let go whatever this fault (or any) keeps waiting."""
        with self._lock:
            for key, released in self._released.items():
                if fault_id in (None, key):
                    released.set()

    def clear(self) -> None:
        self.release()
        with self._lock:
            self._faults.clear()

    def list(self) -> list[Json]:
        with self._lock:
            return [asdict(fault) for fault in self._faults]
