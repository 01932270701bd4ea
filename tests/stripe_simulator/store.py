"""Every object the simulator knows, in memory, and on disk if a folder is given.

An object is a plain dict with `id` and `object`. Keys that begin with an underscore are the simulator's own notes, and
kinds that do (`_delivery`, `_timer`) are never shown by the API. All writing goes through `add`, `change` and `remove`,
so that a failed request can be undone whole, and a finished one reaches the disk whole before anybody is told of it.
"""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .jsontypes import Json

ABSENT: Any = object()
"""As a value for `Store.change`: the field is left out altogether, as Stripe does with some instead of sending null."""


class Store:
    """Not thread-safe by itself: the simulator's lock is held around each use."""

    def __init__(self, folder: Path | None = None) -> None:
        self._objects: dict[str, Json] = {}
        self._ids_by_kind: dict[str, dict[str, None]] = {}
        self._before: dict[str, str | None] = {}
        self._disk = _open_database(folder) if folder else None
        if self._disk:
            for (body,) in self._disk.execute("SELECT body FROM objects ORDER BY position"):
                self._remember(json.loads(body))

    def _remember(self, obj: Json) -> None:
        self._objects[obj["id"]] = obj
        self._ids_by_kind.setdefault(obj["object"], {})[obj["id"]] = None

    def _forget(self, object_id: str) -> None:
        obj = self._objects.pop(object_id)
        del self._ids_by_kind[obj["object"]][object_id]

    def find(self, object_id: str) -> Json | None:
        """The object of that id, whatever its kind."""
        return self._objects.get(object_id)

    def get(self, kind: str, object_id: str) -> Json | None:
        obj = self._objects.get(object_id)
        return obj if obj and obj["object"] == kind else None

    def oldest_first(self, kind: str) -> Iterator[Json]:
        return (self._objects[object_id] for object_id in list(self._ids_by_kind.get(kind, ())))

    def newest_first(self, kind: str) -> Iterator[Json]:
        return (self._objects[object_id] for object_id in reversed(list(self._ids_by_kind.get(kind, ()))))

    def add(self, obj: Json) -> Json:
        """Keep a new object; its id must be free."""
        if obj["id"] in self._objects:
            raise ValueError(f"{obj['id']} exists already")
        self._before.setdefault(obj["id"], None)
        self._remember(obj)
        return obj

    def change(self, obj: Json, **values: Any) -> Json:
        """Set these top-level values; returns the former values of those that differ (Stripe's `previous_attributes`)."""
        previous = {key: obj.get(key) for key, value in values.items() if obj.get(key, ABSENT) != value}
        if previous:
            self._before.setdefault(obj["id"], json.dumps(obj))
            for key in previous:
                if values[key] is ABSENT:
                    del obj[key]
                else:
                    obj[key] = values[key]
        return {key: value for key, value in previous.items() if not key.startswith("_")}

    def remove(self, obj: Json) -> None:
        self._before.setdefault(obj["id"], json.dumps(obj))
        self._forget(obj["id"])

    def commit(self) -> None:
        """Write what changed since the last commit to disk, all of it or nothing."""
        if self._disk and self._before:
            with self._disk:
                for object_id in self._before:
                    obj = self._objects.get(object_id)
                    if obj is None:
                        self._disk.execute("DELETE FROM objects WHERE id = ?", [object_id])
                    else:
                        self._disk.execute(
                            "INSERT INTO objects (id, body) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
                            [object_id, json.dumps(obj)],
                        )
        self._before.clear()

    def rollback(self) -> None:
        """Put everything back as it was at the last commit."""
        for object_id, body in self._before.items():
            if body is None:
                if object_id in self._objects:
                    self._forget(object_id)
                continue
            obj = self._objects.get(object_id)
            if obj is None:
                self._remember(json.loads(body))
            else:
                obj.clear()
                obj.update(json.loads(body))
        self._before.clear()

    def clear(self) -> None:
        """Forget everything, on disk too."""
        self._objects.clear()
        self._ids_by_kind.clear()
        self._before.clear()
        if self._disk:
            with self._disk:
                self._disk.execute("DELETE FROM objects")

    def bodies(self) -> list[str]:
        """Every object as JSON, oldest first: what `refill` takes."""
        return [json.dumps(obj) for obj in self._objects.values()]

    def refill(self, bodies: list[str]) -> None:
        """Forget everything but these objects."""
        self.clear()
        for body in bodies:
            self.add(json.loads(body))

    def snapshot(self) -> dict[str, list[Json]]:
        """All objects by kind, oldest first."""
        return {kind: list(self.oldest_first(kind)) for kind in sorted(self._ids_by_kind)}

    def close(self) -> None:
        if self._disk:
            self._disk.close()


def _open_database(folder: Path) -> sqlite3.Connection:
    """A journalled file that outlives a killed process. It need not outlive a power cut, so it never waits for the disk."""
    folder.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(folder / "simulator.sqlite3", check_same_thread=False)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = OFF")
    database.execute(
        "CREATE TABLE IF NOT EXISTS objects (position INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE, body TEXT NOT NULL)"
    )
    database.commit()
    return database
