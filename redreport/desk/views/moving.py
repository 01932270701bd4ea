"""The wizard that moves a session."""

import uuid
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from redreport import clock, wording
from redreport.accounts.selectors import signed_in
from redreport.desk.forms.sessions import MoveForm
from redreport.desk.views.common import desk_page
from redreport.desk.views.walking import Impossible, Preview, Wizard, walk
from sessions_live.errors import NotMovable
from sessions_live.models import LiveSession, ScheduleChange
from sessions_live.operations.moves import refuse_to_move_at_all
from subscriptions.operations.moves import move_live_session_and_follow
from subscriptions.operations.previews import mails_of_session_move, preview_session_move

# Where many readers live, beside the house.
OTHER_ZONES = ("Europe/London", "Asia/Singapore")


@desk_page("sessions_live.change_livesession")
def move_session(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for the new time, show what moving would do, and do it."""
    live_session = get_object_or_404(LiveSession, pk=pk)

    def done(form: forms.Form, number: uuid.UUID) -> str:
        return _change_that_put_it_there(live_session, form)

    def do(form: forms.Form, number: uuid.UUID) -> str:
        try:
            change = move_live_session_and_follow(
                live_session_id=live_session.pk,
                starts_at=form.cleaned_data["starts_at"],
                duration_minutes=form.cleaned_data["minutes"],
                message=form.cleaned_data["message"],
                reason=form.cleaned_data["reason"],
                actor=signed_in(request),
                now=clock.now(),
            )
        except NotMovable as refusal:
            # The race: the first click of two was quicker, and has moved it there.
            live_session.refresh_from_db()
            if address := _change_that_put_it_there(live_session, form):
                return address
            raise Impossible(str(refusal)) from None
        return reverse("admin:desk_change", args=[change.pk])

    wizard = Wizard(
        live_session=live_session,
        title=f"Move “{live_session.title}”",
        button="Move the session",
        form=MoveForm(request.POST) if request.method == "POST" else MoveForm(initial=MoveForm.as_it_stands(live_session)),
        template="move_preview.html",
        look=lambda form: _look(live_session, form),
        do=do,
        done=done,
        impossible=_why_not_at_all(live_session),
    )
    return walk(request, wizard)


def _look(live_session: LiveSession, form: forms.Form) -> Preview:
    said, now = form.cleaned_data, clock.now()
    to: dict[str, Any] = {"starts_at": said["starts_at"], "duration_minutes": said["minutes"]}
    try:
        consequences = preview_session_move(live_session=live_session, **to, now=now)
    except NotMovable as refusal:
        raise Impossible(str(refusal)) from None
    old, new = consequences.live_session.old_starts_at, consequences.live_session.new_starts_at
    values = {
        "consequences": consequences,
        "times": [(wording.house_time(old), wording.house_time(new))]
        + [(wording.time_in_zone(old, zone), wording.time_in_zone(new, zone)) for zone in OTHER_ZONES],
        "clocks": wording.clocks_between(old, new, OTHER_ZONES[0]),
    }
    mails = mails_of_session_move(live_session=live_session, **to, message=said["message"], now=now)
    return Preview(facts=consequences, values=values, mails=mails)


def _change_that_put_it_there(live_session: LiveSession, form: forms.Form) -> str:
    """The page of the move that brought the session to where the form wants it, if it stands there."""
    wanted = (form.cleaned_data["starts_at"], form.cleaned_data["minutes"])
    if (live_session.starts_at, live_session.duration_minutes) != wanted:
        return ""
    moves = live_session.schedule_changes.filter(kind=ScheduleChange.Kind.MOVED).order_by("-version")
    change = moves.first()
    return reverse("admin:desk_change", args=[change.pk]) if change else ""


def _why_not_at_all(live_session: LiveSession) -> str:
    try:
        refuse_to_move_at_all(live_session, clock.now())
    except NotMovable as refusal:
        is_draft = live_session.state == LiveSession.State.DRAFTED
        return "Readers do not see it yet: change its time in its own form." if is_draft else str(refusal)
    return ""
