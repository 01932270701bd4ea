"""What every resource needs: finding objects, and merging metadata."""

from typing import TYPE_CHECKING, Any

from ..errors import invalid, no_such, not_simulated
from ..jsontypes import Json

if TYPE_CHECKING:
    from ..simulator import Simulator

MAX_URL_LENGTH = 5000


def fetch(sim: "Simulator", kind: str, object_id: str, noun: str, param: str | None = None) -> Json:
    """The object, or Stripe's refusal: 404 for an address, 400 if a parameter named it."""
    obj = sim.store.get(kind, object_id)
    if obj is None or (obj.get("deleted") and param):
        raise no_such(noun, object_id, param)
    return obj


def merged_metadata(old: Json | None, new: Any) -> Json:
    """Keys are added and replaced; an empty value removes its key, and an empty `metadata` all of them."""
    if new == "":
        return {}
    merged = {**(old or {}), **(new or {})}
    return {key: value for key, value in merged.items() if value != ""}


def nullable(value: Any) -> Any:
    """An empty string unsets a field."""
    return None if value == "" else value


def refuse_others(params: Json, simulated: set[str], prefix: str = "") -> None:
    """What Stripe knows and this simulator would silently ignore is refused."""
    for name in params:
        if name not in simulated and name != "expand":
            raise not_simulated(f"{prefix}[{name}]" if prefix else name)


def check_url(value: str, param: str) -> None:
    if not value.startswith(("http://", "https://")) or len(value) > MAX_URL_LENGTH:
        raise invalid("Not a valid URL", param, "url_invalid")


def empty_address() -> Json:
    return {"city": None, "country": None, "line1": None, "line2": None, "postal_code": None, "state": None}


def dollars(amount: int, currency: str) -> str:
    """An amount in words of a message: 25000 usd is $250.00."""
    if amount < 0:
        return f"-{dollars(-amount, currency)}"
    if currency in ("jpy", "krw", "vnd", "clp"):
        return f"{amount:,} {currency.upper()}"
    sign = {"usd": "$", "eur": "€", "gbp": "£"}.get(currency)
    number = f"{amount / 100:,.2f}"
    return f"{sign}{number}" if sign else f"{number} {currency.upper()}"
