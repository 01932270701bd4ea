"""What all pages share that show what would happen before it does: a number of their own, so that a second click is the same act,
and what was typed, which is sent on beside what was seen."""

import uuid
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, QueryDict

from redreport.accounts.selectors import signed_in
from redreport.desk.jobs.kinds import JobKind, Wishes
from redreport.desk.jobs.planning import Plan
from redreport.desk.jobs.running import start_job
from redreport.desk.models import Job
from sessions_live.models import LiveSession

CHANGED = "Something has changed since you looked: this is what would happen now. Nothing was done."


def is_confirmed(request: HttpRequest) -> bool:
    """Whether the button was pressed under what was shown."""
    return "confirm" in request.POST


def has_seen(request: HttpRequest, seen: str, otherwise: str = CHANGED) -> bool:
    """Whether what was shown is still what would happen; if not, the next page says so."""
    if request.POST.get("seen") == seen:
        return True
    messages.warning(request, otherwise)
    return False


def request_id_of(request: HttpRequest) -> uuid.UUID:
    """The number of the page that was confirmed; one that was tampered with counts as a new one."""
    try:
        return uuid.UUID(request.POST.get("request_id", ""))
    except ValueError:
        return uuid.uuid4()


def begun_before(request: HttpRequest) -> Job | None:
    """The job that this very page has begun, when its button is pressed again."""
    return Job.objects.filter(public_id=request_id_of(request)).first() if is_confirmed(request) else None


def begin_job(
    request: HttpRequest, *, kind: JobKind, plan: Plan, wishes: Wishes, live_session: LiveSession | None = None, now: datetime
) -> Job:
    """What was confirmed begins: all of the plan but the rows that it refuses. Confirmed again it is the same job."""
    return start_job(
        kind=kind,
        drafts=[row.draft for row in plan.rows if not row.refusal],
        wishes=wishes,
        preview=plan.effects.sentence(),
        request_id=request_id_of(request),
        live_session=live_session,
        actor=signed_in(request),
        now=now,
    )


def to_confirm(form: forms.Form, seen: str) -> dict[str, Any]:
    """The values of `_to_confirm.html`: a new number, what is seen on this page, and what was typed on the one before."""
    return {"seen": seen, "request_id": uuid.uuid4(), "sent_on": _sent_on(form)}


def _sent_on(form: forms.Form) -> list[tuple[str, str]]:
    """What was sent, as the form has it by now: the text of a file is put in the place of what was typed."""
    sent = form.data
    if not isinstance(sent, QueryDict):
        return []
    return [(name, value) for name in map(form.add_prefix, form.fields) for value in sent.getlist(name)]
