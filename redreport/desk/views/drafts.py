"""A session that readers cannot see yet: as it will look, published, and copied."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from redreport import clock
from redreport.accounts.selectors import signed_in
from redreport.desk.views.common import desk_page
from redreport.wording import house_time
from sessions_live.errors import NotPublishable
from sessions_live.models import LiveSession
from sessions_live.operations.drafts import duplicate_live_session
from sessions_live.operations.schedule import publish_live_session, what_is_missing
from sessions_live.selectors import draft_card
from subscriptions.models import Plan
from subscriptions.selectors import current_prices


@require_safe
@desk_page("sessions_live.view_livesession")
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """The page of a draft as readers will have it, by the template that makes theirs; what is published has its own page."""
    live_session = _seen_by(request, pk)
    if live_session.state != LiveSession.State.DRAFTED:
        return HttpResponseRedirect(reverse("sessions:detail", args=[live_session.slug]))
    now = clock.now()
    context: dict[str, Any] = {
        "live_session": live_session,
        "missing": what_is_missing(live_session=live_session, now=now),
        "may_publish": _may_change(request, live_session),
        "price": current_prices().get(Plan.SINGLE_SEAT),
        "card": draft_card(live_session),
    }
    return render(request, "admin/desk/session_preview.html", context)


@require_POST
@desk_page("sessions_live.change_livesession")
def publish(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a draft to readers and open its sale; a second click changes nothing."""
    live_session = _seen_by(request, pk)
    _refuse_unless_changed_by(request, live_session)
    try:
        publish_live_session(live_session_id=pk, actor=signed_in(request), now=clock.now())
    except NotPublishable as reason:
        messages.error(request, f"{live_session.title} was not published. {reason}")
        return HttpResponseRedirect(reverse("admin:desk_preview_session", args=[pk]))
    messages.success(request, f"{live_session.title} is published: readers see it, and its seats are on sale.")
    return HttpResponseRedirect(reverse("admin:sessions_live_livesession_change", args=[pk]))


@require_POST
@desk_page("sessions_live.add_livesession")
def duplicate(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a draft like this session, a month later, and open it; a second click opens the same one."""
    _seen_by(request, pk)
    draft, is_new = duplicate_live_session(live_session_id=pk, actor=signed_in(request), now=clock.now())
    when = house_time(draft.starts_at)
    if is_new:
        messages.success(request, f"This is the copy, a draft for {when}. It needs a meeting address of its own.")
    else:
        messages.info(request, f"There was a copy already, this draft for {when}. No other one was made.")
    return HttpResponseRedirect(reverse("admin:sessions_live_livesession_change", args=[draft.pk]))


def _seen_by(request: HttpRequest, pk: int) -> LiveSession:
    """The session, if it is one of those that the admin shows to this member of staff."""
    model_admin = admin.site.get_model_admin(LiveSession)
    live_session: LiveSession | None = model_admin.get_queryset(request).filter(pk=pk).first()
    if live_session is None or not model_admin.has_view_permission(request, live_session):
        raise Http404
    return live_session


def _may_change(request: HttpRequest, live_session: LiveSession) -> bool:
    return admin.site.get_model_admin(LiveSession).has_change_permission(request, live_session)


def _refuse_unless_changed_by(request: HttpRequest, live_session: LiveSession) -> None:
    if not _may_change(request, live_session):
        raise PermissionDenied
