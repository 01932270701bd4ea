"""The wizard that writes to everybody on a roster."""

import uuid

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from redreport import clock
from redreport.accounts.selectors import signed_in
from redreport.desk.announcements import (
    NotAnnounceable,
    announce,
    owed_after_announcement,
    refuse_to_announce,
    render_announcement,
)
from redreport.desk.forms.sessions import AnnouncementForm
from redreport.desk.models import Announcement
from redreport.desk.views.common import desk_page
from redreport.desk.views.walking import Impossible, Preview, Wizard, walk
from sessions_live.models import LiveSession
from subscriptions.operations.previews import SampleMail


@desk_page("desk.add_announcement")
def announce_to_session(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for the words, show the mail and how many get it, and owe it to them."""
    live_session = get_object_or_404(LiveSession, pk=pk)

    def done(form: forms.Form, number: uuid.UUID) -> str:
        known = Announcement.objects.filter(public_id=number).first()
        return _address_of(known) if known else ""

    def do(form: forms.Form, number: uuid.UUID) -> str:
        try:
            announcement = announce(
                live_session_id=live_session.pk,
                request_id=number,
                subject=form.cleaned_data["subject"],
                body=form.cleaned_data["body"],
                to_waiting=form.cleaned_data["to_waiting"],
                actor=signed_in(request),
                now=clock.now(),
            )
        except NotAnnounceable as refusal:
            raise Impossible(str(refusal)) from None
        return _address_of(announcement)

    wizard = Wizard(
        live_session=live_session,
        title=f"Announce to everybody in “{live_session.title}”",
        button="Send it",
        form=AnnouncementForm(request.POST if request.method == "POST" else None),
        template="announce_preview.html",
        look=lambda form: _look(live_session, form),
        do=do,
        done=done,
        impossible=_why_not_at_all(live_session),
    )
    return walk(request, wizard)


def _look(live_session: LiveSession, form: forms.Form) -> Preview:
    subject, body, to_waiting = (form.cleaned_data[name] for name in ("subject", "body", "to_waiting"))
    announcement = Announcement(live_session=live_session, subject=subject, body=body)
    owed = owed_after_announcement(announcement, to_waiting=to_waiting)
    if not owed:
        raise Impossible("Nobody has a seat in it, so there is nobody to write to.")
    going = sum("seat_id" in mail.context for mail in owed)
    waiting = len(owed) - going
    mails = [SampleMail("Who has a seat", render_announcement(announcement))] if going else []
    if waiting:
        mails.append(SampleMail("Who waits for a seat", render_announcement(announcement, is_waiting=True)))
    values = {
        "going": going,
        "waiting": waiting,
        # The same words, sent by another form before: perhaps meant, perhaps a colleague was quicker.
        "said_before": live_session.announcements.filter(subject=subject, body=body).first(),
    }
    return Preview(facts=(going, waiting), values=values, mails=mails)


def _address_of(announcement: Announcement) -> str:
    return reverse("admin:desk_announcement", args=[announcement.public_id])


def _why_not_at_all(live_session: LiveSession) -> str:
    try:
        refuse_to_announce(live_session)
    except NotAnnounceable as refusal:
        return str(refusal)
    return ""
