"""What programs read: the calendar of all sessions, a reader's own, and the schedule as JSON."""

import hashlib
import uuid

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.views.decorators.http import require_POST, require_safe

from redreport import clock
from redreport.accounts.decorators import signed_in_or_back_to
from redreport.accounts.recent import proven_recently
from redreport.accounts.selectors import has_proven_email, signed_in
from redreport.answers import SeeOther, hide_address
from redreport.limits import rules
from redreport.limits.answers import refusal
from sessions_live import selectors
from sessions_live.calendar import own_feed, public_feed
from sessions_live.operations.feeds import make_calendar_feed, renew_calendar_feed
from sessions_live.schedule_json import schedule_json, seats_json

CALENDAR = "text/calendar; charset=utf-8; method=PUBLISH"


@require_safe
def public(request: HttpRequest) -> HttpResponse:
    """Every published session for anybody's calendar, without any link into it."""
    response = if_changed(request, public_feed(selectors.sessions_of_feed(now=clock.now())), CALENDAR)
    response["Cache-Control"] = "public, max-age=300"
    return response


@require_safe
def own(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """A reader's own seats with their doors. Whoever has the address reads them: it is as secret as the doors are."""
    owner = selectors.owner_of_feed(key=key)
    # An address that was changed and not proven since may be somebody else's, and so may its seats.
    if owner is None or not owner.is_active or not has_proven_email(owner):
        # Counted only here: a reader behind the same address as somebody who guesses keeps their feed.
        too_many_guesses = refusal(request, rules.UNKNOWN_FEED)
        if too_many_guesses is not None:
            return too_many_guesses
        raise Http404
    response = if_changed(request, own_feed(selectors.seats_of_feed(user=owner, now=clock.now())), CALENDAR)
    response["Cache-Control"] = "private, no-cache"
    return hide_address(response)


@require_safe
def schedule_as_json(request: HttpRequest) -> HttpResponse:
    """The schedule for other people's programs, from any page on the web."""
    now = clock.now()
    response = if_changed(request, schedule_json(selectors.public_cards(now=now), now), "application/json")
    response["Cache-Control"] = "public, max-age=60"
    response["Access-Control-Allow-Origin"] = "*"
    return response


@require_safe
def seats(request: HttpRequest, slug: str) -> HttpResponse:
    """How one session stands, the same for everybody and kept for some seconds, so that many open pages ask the database little.
    Two queries."""
    now = clock.now()
    card = selectors.session_card(slug=slug, now=now)
    if card is None:
        raise Http404
    response = if_changed(request, seats_json(card, now), "application/json")
    response["Cache-Control"] = "public, max-age=10"
    return response


@signed_in_or_back_to("pages:account")
@require_POST
@proven_recently(back_to="pages:account")
def change_own_address(request: HttpRequest) -> HttpResponse:
    """Make the reader's calendar address; with the key of the one they have, replace it."""
    user, key = signed_in(request), request.POST.get("key", "")
    if not key:
        make_calendar_feed(user=user, now=clock.now())
    elif (old := _key_in(key)) is not None:
        renew_calendar_feed(user=user, key=old, now=clock.now())
    return SeeOther(f"{reverse('pages:account')}#calendar")


def if_changed(request: HttpRequest, content: bytes, content_type: str) -> HttpResponse:
    """These bytes, or 304 for a program that has them already."""
    etag = quote_etag(hashlib.sha256(content).hexdigest()[:32])
    response = HttpResponse(content, content_type=content_type)
    response["ETag"] = etag
    answer = get_conditional_response(request, etag=etag, response=response)
    return answer if isinstance(answer, HttpResponse) else response


def _key_in(sent: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(sent)
    except ValueError:
        return None
