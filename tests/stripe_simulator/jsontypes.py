"""The one type every module shares: a JSON object as Stripe sends it."""

from typing import Any

Json = dict[str, Any]


def public(value: Any) -> Any:
    """A deep copy without the simulator's own notes, which are the keys that begin with an underscore."""
    if isinstance(value, dict):
        return {key: public(item) for key, item in value.items() if not key.startswith("_")}
    if isinstance(value, list):
        return [public(item) for item in value]
    return value


def list_object(url: str, data: list[Json], *, has_more: bool = False) -> Json:
    """Stripe's list envelope."""
    return {"object": "list", "data": data, "has_more": has_more, "url": url}
