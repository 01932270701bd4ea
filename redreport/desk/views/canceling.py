"""The wizard that cancels a session."""

import uuid

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from redreport import clock
from redreport.accounts.selectors import signed_in
from redreport.desk.forms.sessions import CancelForm
from redreport.desk.jobs.effects import Effects
from redreport.desk.views.common import desk_page
from redreport.desk.views.walking import Impossible, Preview, Wizard, walk
from sessions_live.errors import NotCancelable
from sessions_live.models import LiveSession, ScheduleChange
from sessions_live.operations.cancellations import preview_cancel
from subscriptions.operations.cancel import cancel_live_session_and_settle
from subscriptions.operations.previews import (
    CancelConsequences,
    mails_of_session_cancellation,
    preview_session_cancellation,
)


@desk_page("sessions_live.change_livesession")
def cancel_session(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask why, show what canceling would do and give back, and do it."""
    live_session = get_object_or_404(LiveSession, pk=pk)

    def done(form: forms.Form, number: uuid.UUID) -> str:
        return _address_of_cancellation(live_session) if live_session.state == LiveSession.State.CANCELED else ""

    def do(form: forms.Form, number: uuid.UUID) -> str:
        try:
            canceled = cancel_live_session_and_settle(
                live_session_id=live_session.pk,
                actor=signed_in(request),
                reason=form.cleaned_data["reason"],
                message=form.cleaned_data["message"],
                now=clock.now(),
            )
        except NotCancelable:
            live_session.refresh_from_db()
            raise Impossible(_why_not(live_session)) from None
        return _address_of_cancellation(canceled)

    wizard = Wizard(
        live_session=live_session,
        title=f"Cancel “{live_session.title}”",
        button="Cancel the session",
        form=CancelForm(request.POST if request.method == "POST" else None),
        template="cancel_preview.html",
        look=lambda form: _look(live_session, form),
        do=do,
        done=done,
        impossible=_why_not_at_all(live_session),
    )
    return walk(request, wizard)


def effects_of(consequences: CancelConsequences) -> Effects:
    """The numbers of a cancellation in the words of every preview of the desk's."""
    return Effects(
        seats_canceled=consequences.live_session.seats_taken,
        refunds=consequences.refunds,
        credits_returned=consequences.credits_returned,
        cases=consequences.cases,
        mails=consequences.mails,
    )


def _sentence(consequences: CancelConsequences) -> str:
    effects = effects_of(consequences)
    return "Nobody has a seat, and nobody is written to." if effects == Effects() else effects.sentence()


def _look(live_session: LiveSession, form: forms.Form) -> Preview:
    now = clock.now()
    try:
        consequences = preview_session_cancellation(live_session=live_session, now=now)
    except NotCancelable:
        raise Impossible(_why_not(live_session)) from None
    mails = mails_of_session_cancellation(live_session=live_session, message=form.cleaned_data["message"], now=now)
    values = {"consequences": consequences, "sentence": _sentence(consequences)}
    return Preview(facts=(consequences, live_session.starts_at), values=values, mails=mails)


def _address_of_cancellation(live_session: LiveSession) -> str:
    """Where it is watched. Of a draft, of which nobody knew, there is nothing to watch."""
    change = live_session.schedule_changes.filter(kind=ScheduleChange.Kind.CANCELED).first()
    if change:
        return reverse("admin:desk_change", args=[change.pk])
    return reverse("admin:desk_changes", args=[live_session.pk])


def _why_not_at_all(live_session: LiveSession) -> str:
    try:
        preview_cancel(live_session=live_session, now=clock.now())
    except NotCancelable:
        return _why_not(live_session)
    return ""


def _why_not(live_session: LiveSession) -> str:
    if live_session.state == LiveSession.State.CANCELED:
        return "It is canceled already."
    return "It is over." if live_session.state == LiveSession.State.ENDED else "It has begun."
