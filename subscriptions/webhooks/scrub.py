"""What of Stripe's objects may lie in the inbox: enough to see what happened, nothing that names or finds a person.

Everything is dropped but what is listed here: a field that Stripe adds tomorrow is not kept until somebody has looked at it.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

MOST_CHARACTERS = 16_000
MOST_ITEMS = 20
# Tried in turn until what is left is small enough.
DEPTHS = (7, 4, 2, 1)

STRIPE_ID = re.compile(
    r"(?:cs_(?:test|live)_|(?:acct|bpc|bps|ch|cn|cnli|cus|di|dp|du|evt|ii|il|in|inpay|issfr|li|mandate|pi|plink|pm|price|prod|promo"
    r"|py|pyr|re|req|seti|si|sub|sub_sched|txn|txr|we)_)[A-Za-z0-9]{8,100}"
)
WORD = re.compile(r"[a-z][a-z0-9_.]{0,59}")
KEY = re.compile(r"[a-z][a-z0-9_]{0,59}")
# Keys under which Stripe writes one of a fixed set of words. Nobody can type anything into them.
WORDS_UNDER = frozenset(
    [
        *("behavior", "billing_reason", "billing_scheme", "cancellation_reason", "capture_method", "code"),
        *("collection_method", "confirmation_method", "currency", "decline_code", "failure_code", "failure_reason"),
        *("feedback", "fraud_type", "interval", "mode", "network_status", "object", "payment_method_collection"),
        *("payment_status", "pending_reason", "proration_behavior", "reason", "risk_level", "status", "submit_type"),
        *("tax_behavior", "type", "usage_type"),
    ]
)
# Whole branches about a person, a card or an address, whose numbers and words tell something too.
NEVER_UNDER = frozenset(
    [
        *("account_tax_ids", "address", "bank_account", "billing_details", "card", "collected_information"),
        *("custom_fields", "customer_address", "customer_details", "customer_shipping", "customer_tax_ids"),
        *("destination_details", "evidence", "last_payment_error", "next_action", "payment_method_details"),
        *("payment_method_options", "shipping", "shipping_cost", "shipping_details", "tax_ids", "us_bank_account"),
    ]
)
# What we write into Stripe's metadata ourselves.
OWN_METADATA = {
    "order": re.compile(r"RR-[0-9A-Z]{8}"),
    "refund": re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "subscriber": re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "session": re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*"),
}


def scrub(stripe_object: dict[str, Any]) -> dict[str, Any]:
    """A copy with Stripe's ids, states, amounts and times, bounded in depth and size; names, addresses, texts, cards are gone."""
    kept: dict[str, Any] = {}
    for depth in DEPTHS:
        kept = dict(_members(stripe_object, depth))
        if len(json.dumps(kept)) <= MOST_CHARACTERS:
            return kept
    return {name: value for name, value in kept.items() if name in ("id", "object")}


def _members(value: dict[str, Any], depth: int) -> Iterator[tuple[str, Any]]:
    for key, member in value.items():
        if key in NEVER_UNDER or not KEY.fullmatch(key):
            continue
        kept = _own_metadata(member) if key == "metadata" else _kept(key, member, depth)
        if kept not in (None, {}, []):
            yield key, kept


def _kept(key: str, value: Any, depth: int) -> Any:
    if isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return value if _is_harmless(key, value) else None
    if depth <= 1:
        return None
    if isinstance(value, dict):
        return dict(_members(value, depth - 1))
    if isinstance(value, list):
        items = [_kept(key, item, depth - 1) for item in value[:MOST_ITEMS]]
        return [item for item in items if item not in (None, {}, [])]
    return None


def _is_harmless(key: str, value: str) -> bool:
    return bool(STRIPE_ID.fullmatch(value) or (key in WORDS_UNDER and WORD.fullmatch(value)))


def _own_metadata(metadata: Any) -> dict[str, str]:
    given = metadata if isinstance(metadata, dict) else {}
    return {key: str(given[key]) for key, shape in OWN_METADATA.items() if shape.fullmatch(str(given.get(key, "")))}
