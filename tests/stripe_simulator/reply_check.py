"""Every reply and every webhook held against the SDK's annotated classes, while tests run (`--check-replies`)."""

import json
import threading
from collections.abc import Iterator
from typing import Any

from .jsontypes import Json

MOST_KEPT = 200
MOST_REMEMBERED = 20_000


class ReplyCheck:
    """Collects where something sent is not what the SDK says of the pinned version; safe to use from any thread."""

    def __init__(self) -> None:
        # Only here: the simulator itself does without the tests around it.
        from tests import stripe_shapes

        self._shapes = stripe_shapes
        self._lock = threading.Lock()
        self._found: dict[str, None] = {}
        self._right: set[int] = set()

    def check(self, source: str, body: Json) -> None:
        """Look at one body, which came of `source`: an object, a list of them, or an event with its object."""
        found = [f"{source}: {difference}" for difference in self._differences(body)]
        if found:
            with self._lock:
                self._found |= dict.fromkeys(found[: MOST_KEPT - len(self._found)])

    def found(self) -> list[str]:
        with self._lock:
            return list(self._found)

    def _differences(self, body: Any) -> Iterator[str]:
        if body.get("object") == "list":
            for item in body["data"]:
                yield from self._differences(item)
            return
        # Lists show the same objects again and again: what was right once is not looked at twice.
        fingerprint = hash(json.dumps(body))
        if fingerprint in self._right:
            return
        found = list(self._shapes.class_differences(body, self._shapes.class_of(body), body["object"]))
        if body["object"] == "event":
            found += self._differences(body["data"]["object"])
        yield from found
        if not found:
            self._remember(fingerprint)

    def _remember(self, fingerprint: int) -> None:
        with self._lock:
            if len(self._right) >= MOST_REMEMBERED:
                self._right.clear()
            self._right.add(fingerprint)
