"""Lists: newest first, filtered by creation, and paged by the ids at their edges."""

import itertools
from collections.abc import Iterable
from typing import Any

from .errors import invalid, no_such
from .jsontypes import Json, list_object

DEFAULT_LIMIT, MAX_LIMIT = 10, 100


def listing(url: str, params: Json, newest_first: Iterable[Json]) -> Json:
    """One page of these objects, by the parameters that all of Stripe's lists share."""
    limit = params.get("limit", DEFAULT_LIMIT)
    if not 1 <= limit <= MAX_LIMIT:
        raise invalid(f"This value must be between 1 and {MAX_LIMIT} (inclusive).", "limit")
    if "starting_after" in params and "ending_before" in params:
        raise invalid("You can only specify one of `starting_after` and `ending_before`.", "starting_after")
    rows = [obj for obj in newest_first if created_matches(obj, params.get("created"))]
    if "starting_after" in params:
        rows = rows[_position(rows, params["starting_after"], "starting_after") + 1 :]
    if "ending_before" in params:
        before = rows[: _position(rows, params["ending_before"], "ending_before")]
        return list_object(url, before[-limit:], has_more=len(before) > limit)
    return list_object(url, rows[:limit], has_more=len(rows) > limit)


def _position(rows: list[Json], object_id: str, param: str) -> int:
    for index, obj in enumerate(rows):
        if obj["id"] == object_id:
            return index
    raise no_such("object", object_id, param)


def created_matches(obj: Json, created: Any) -> bool:
    if created is None:
        return True
    if isinstance(created, int):
        return bool(obj["created"] == created)
    moment = obj["created"]
    return not (
        ("gt" in created and moment <= created["gt"])
        or ("gte" in created and moment < created["gte"])
        or ("lt" in created and moment >= created["lt"])
        or ("lte" in created and moment > created["lte"])
    )


def having(rows: Iterable[Json], params: Json, *names: str) -> Iterable[Json]:
    """Those that equal the parameters of these names, where given."""
    wanted = {name: params[name] for name in names if name in params}
    return itertools.filterfalse(lambda obj: any(obj.get(name) != value for name, value in wanted.items()), rows)
