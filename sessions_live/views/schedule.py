"""The schedule's pages."""

from collections import Counter

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from redreport import clock
from redreport.accounts.selectors import reader_of
from sessions_live import selectors
from sessions_live.calendar import public_entry, seat_entry
from sessions_live.calendar_links import public_address
from sessions_live.models import LiveSession
from sessions_live.seat_links import REPLAY


@require_safe
def schedule(request: HttpRequest) -> HttpResponse:
    """Coming and past sessions, of one section if the reader chose one."""
    now = clock.now()
    section = request.GET.get("section", "")
    if section and section not in LiveSession.Section.values:
        raise Http404
    coming = selectors.coming_cards(now=now)
    counts = Counter(card.live_session.section for card in coming)
    return render(
        request,
        "sessions_live/list.html",
        {
            "coming": [card for card in coming if section in ("", card.live_session.section)],
            "coming_count": len(coming),
            "past": selectors.past_cards(now=now, section=section),
            "sections": [{"value": each, "label": each.label, "coming": counts[each]} for each in LiveSession.Section],
            "section": section,
            "section_label": LiveSession.Section(section).label if section else "",
            "public_calendar": public_address(),
        },
    )


@require_safe
def detail(request: HttpRequest, slug: str) -> HttpResponse:
    """One session; what the reader can do about it is the booking tag's part."""
    card = _card_or_404(slug)
    context = {
        "live_session": card.live_session,
        "card": card,
        "change": selectors.last_change(card.live_session),
        "replay_url": _replay_url(request, card.live_session),
    }
    return render(request, "sessions_live/detail.html", context)


@require_safe
def calendar(request: HttpRequest, slug: str) -> HttpResponse:
    """The session as a calendar file; for whoever sits in it their own entry with the door, for all others without any link."""
    live_session, now = _card_or_404(slug).live_session, clock.now()
    user = reader_of(request)
    seat = selectors.taken_seat(user=user, live_session=live_session) if user else None
    entry = seat_entry(seat, now) if seat else public_entry(live_session, now)
    response = HttpResponse(entry, content_type="text/calendar; charset=utf-8; method=PUBLISH")
    response["Content-Disposition"] = f'attachment; filename="{live_session.slug}.ics"'
    if seat:
        # It holds a door: nobody between us and its reader keeps it.
        response["Cache-Control"] = "private, no-store"
    return response


def _replay_url(request: HttpRequest, live_session: LiveSession) -> str:
    """Where what stays of the hour is, for who had a seat in it; before its end nowhere."""
    user = reader_of(request)
    if user is None or clock.now() < live_session.ends_at:
        return ""
    seat = selectors.taken_seat(user=user, live_session=live_session)
    return REPLAY.url(seat) if seat else ""


def _card_or_404(slug: str) -> selectors.SessionCard:
    card = selectors.session_card(slug=slug, now=clock.now())
    if card is None:
        raise Http404
    return card
