"""All that is known of a person in one file, made when it is asked for."""

import json
from datetime import datetime
from typing import Any

from redreport import audit
from redreport.accounts.models import User
from redreport.accounts.privacy.parts import parts

SCHEMA = "red-report-live/export/1"


def export_account(*, user: User, now: datetime) -> bytes:
    """The file, and a line in the audit trail that it was taken."""
    audit.record(actor=user, verb="exported", target=user, now=now)
    return json.dumps(export_of(user=user, now=now), indent=2, ensure_ascii=False).encode()


def export_of(*, user: User, now: datetime) -> dict[str, Any]:
    """
    What each app keeps of the account, by its name. Amounts are in minor units of the currency beside them: 25000 in usd is $250.
    Times are UTC. Of other people it has only what the account's owner typed about them.
    """
    file: dict[str, Any] = {
        "schema": SCHEMA,
        "made_at": at(now),
        "units": {"amount_minor": "minor units of the currency beside it: 25000 in usd is 250.00", "times": "ISO 8601, UTC"},
    }
    for part in parts():
        file |= part.export(user, now)
    return file


def at(moment: datetime | None) -> str | None:
    """'2027-01-06T16:00:00Z'."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment else None
