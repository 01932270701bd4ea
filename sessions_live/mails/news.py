"""New sessions, for readers who asked to be told."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse

from redreport import clock, wording
from redreport.accounts.models import User
from redreport.outbox.kinds import MailKind, RenderedMail, Topic, Verdict
from redreport.outbox.kinds import register as register_kind
from redreport.outbox.models import OutgoingMail
from redreport.outbox.render import render_optional
from sessions_live.models import LiveSession, Seat

NEWS = "session_news"
NEW_SESSIONS = Topic("new_sessions", "New sessions, once their dates are set", is_wanted_unasked=False)


def register() -> None:
    """Make the mail known to the outbox."""
    register_kind(MailKind(NEWS, "new sessions", guard=_guard, render=_render, topic=NEW_SESSIONS))


def _guard(mail: OutgoingMail, now: datetime) -> Verdict:
    reader = User.objects.filter(pk=mail.context["user_id"], is_active=True).first()
    if reader is None or reader.email != mail.recipient:
        return Verdict.withhold("the account is gone or has another address")
    if not _still_new(mail, now):
        return Verdict.withhold("none of the sessions can be booked, or the reader has a seat in each")
    return Verdict.send()


def _render(mail: OutgoingMail) -> RenderedMail:
    coming = _still_new(mail, clock.now())
    first = coming[0]
    context: dict[str, Any] = {
        "first": first,
        "sessions": [(live_session, _page_of(live_session)) for live_session in coming],
        "reader": User.objects.get(pk=mail.context["user_id"]),
        "schedule_url": settings.SITE_URL + reverse("sessions:list"),
        "first_day": wording.short_day(wording.house_day(first.starts_at)),
    }
    return render_optional("session_news", context, mail=mail, topic=NEW_SESSIONS)


def _still_new(mail: OutgoingMail, now: datetime) -> Sequence[LiveSession]:
    """The sessions of this news that are on sale and in which the reader has no seat yet, soonest first."""
    seated = Seat.objects.filter(attendee_email=mail.recipient, state__in=Seat.ACTIVE)
    told = LiveSession.objects.filter(news=mail.context["news_id"]).exclude(pk__in=seated.values("live_session"))
    return [live_session for live_session in told.order_by("starts_at", "pk") if live_session.is_on_sale(now)]


def _page_of(live_session: LiveSession) -> str:
    return settings.SITE_URL + reverse("sessions:detail", args=[live_session.slug])
