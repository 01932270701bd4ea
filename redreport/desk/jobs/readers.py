"""Importing readers who had signed up by mail."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from redreport.desk.jobs import kinds
from redreport.desk.jobs.effects import Effects
from redreport.desk.jobs.kinds import Draft, JobKind, Refused, Wishes
from redreport.desk.models import JobItem
from redreport.desk.readers_file import ReaderRow
from redreport.wording import counted
from subscriptions.errors import CreditsNotGrantable, ReaderNotImportable
from subscriptions.operations.importing import ImportPlan, ReaderToImport, import_reader, plan_imports


def drafts_of(rows: Sequence[ReaderRow]) -> list[Draft]:
    """A draft for each row, with what importing it would do; three queries however many rows there are."""
    plans = iter(plan_imports([row.reader for row in rows if not row.fault]))
    return [_draft(row, None if row.fault else next(plans)) for row in rows]


def _draft(row: ReaderRow, plan: ImportPlan | None) -> Draft:
    if plan is None:
        return Draft(row.about, values={"refusal": row.fault})
    effects = {"accounts": int(not plan.is_known), "credits_granted": plan.credits}
    planned = {"mails": 1, **effects} if any(effects.values()) else {"unchanged": 1}
    known = ["has an account, which stays as it is"] if plan.is_known else []
    before = [f"was given {counted(row.reader.credits, 'credit')} for this note before"] if plan.granted_before else []
    said = f" ({'; '.join(known + before)})" if known or before else ""
    values = {"reader": _as_values(row.reader), "planned": planned, "refusal": plan.refusal}
    return Draft(row.about + said, values=values)


def _plan(draft: Draft, wishes: Wishes, now: datetime) -> Effects:
    if draft.values["refusal"]:
        raise Refused(draft.values["refusal"])
    return Effects(**draft.values["planned"])


def _carry_out(item: JobItem, now: datetime) -> str:
    reader = _reader_in(item.values["reader"])
    try:
        done = import_reader(reader=reader, actor=item.job.made_by, now=now)
    except (ReaderNotImportable, CreditsNotGrantable) as refusal:
        raise Refused(str(refusal)) from refusal
    if done.changes_nothing:
        return "Nothing to do: it was imported before."
    account = "Credits granted to the account there was." if done.is_known else "Account opened, invitation mailed."
    return f"{account} {counted(done.credits, 'credit')}." if done.credits else account


def _as_values(reader: ReaderToImport) -> dict[str, Any]:
    return {
        "email": reader.email,
        "name": reader.name,
        "firm": reader.firm,
        "credits": reader.credits,
        "expires_at": reader.expires_at.isoformat() if reader.expires_at else None,
        "reference": reader.reference,
    }


def _reader_in(values: dict[str, Any]) -> ReaderToImport:
    expires_at = values["expires_at"]
    return ReaderToImport(**{**values, "expires_at": datetime.fromisoformat(expires_at) if expires_at else None})


IMPORT_READERS = JobKind("import_readers", "Import readers", "accounts.add_user", _plan, _carry_out)


def register() -> None:
    """Make the kind known."""
    kinds.register(IMPORT_READERS)
