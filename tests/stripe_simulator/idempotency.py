"""Idempotency keys, as Stripe treats them.

The first answer under a key is stored in the same transaction as what it caused, whatever its status, and repeated for
the same request. Requests that were refused before anything began (unknown parameters, rate limits) leave no answer.
"""

import hashlib
import json
import threading
from typing import TYPE_CHECKING

from .errors import ApiError
from .form import Form
from .jsontypes import Json

if TYPE_CHECKING:
    from .simulator import Simulator


class IdempotencyKeys:
    def __init__(self, simulator: "Simulator") -> None:
        self._sim = simulator
        self._lock = threading.Lock()
        self._under_way: set[str] = set()

    def begin(self, key: str, path: str, form: Form) -> Json | None:
        """The stored answer if there is one; otherwise the key is taken until `finish`.

        Refuses a key that came with another request (400), or whose first request is still being handled (409).
        """
        with self._sim.lock, self._lock:
            stored = self._sim.store.get("_idempotency", f"idempotency:{key}")
            if stored:
                if stored["path"] != path:
                    raise ApiError(
                        400,
                        "idempotency_error",
                        "Keys for idempotent requests can only be used for the same endpoint they were first used for "
                        f"('{path}' vs '{stored['path']}'). Try using a key other than '{key}' if you meant to execute a "
                        "different request.",
                    )
                if stored["fingerprint"] != fingerprint(form):
                    raise ApiError(
                        400,
                        "idempotency_error",
                        "Keys for idempotent requests can only be used with the same parameters they were first used with. "
                        f"Try using a key other than '{key}' if you meant to execute a different request.",
                    )
                return stored
            if key in self._under_way:
                raise ApiError(
                    409,
                    "idempotency_error",
                    "There is currently another in-progress request using this Idempotent Key (that probably means you "
                    "submitted twice, and the other request is still going through): "
                    f"{key}. Please try again later.",
                    code="idempotency_key_in_use",
                )
            self._under_way.add(key)
            return None

    def keep(self, key: str, path: str, form: Form, *, status: int, body: str, request_id: str) -> None:
        """Store the answer; called inside the transaction that it belongs to."""
        self._sim.store.add(
            {
                "id": f"idempotency:{key}",
                "object": "_idempotency",
                "path": path,
                "fingerprint": fingerprint(form),
                "status": status,
                "body": body,
                "request_id": request_id,
                "created": self._sim.now(),
            }
        )

    def finish(self, key: str) -> None:
        with self._lock:
            self._under_way.discard(key)

    def prune(self, older_than: int) -> int:
        """Forget the keys first used before that moment, as Stripe may after 24 hours; says how many."""
        old = [row for row in self._sim.store.oldest_first("_idempotency") if row["created"] < older_than]
        for row in old:
            self._sim.store.remove(row)
        return len(old)


def fingerprint(form: Form) -> str:
    return hashlib.sha256(json.dumps(form, sort_keys=True).encode()).hexdigest()
