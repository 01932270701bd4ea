"""The personal door of an attendee: the waiting page, the entry, a question to the hosts."""

import uuid
from typing import Any

from csp.decorators import csp_update
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from redreport import clock, policy
from redreport.limits import rules
from redreport.limits.answers import refusal
from sessions_live.errors import DoorClosed, MeetingUnavailable, SeatTakenOver, TooManyQuestions
from sessions_live.forms import QuestionForm
from sessions_live.models import DoorEntry, LiveSession, Seat
from sessions_live.operations.attendance import enter_by_door, last_entry
from sessions_live.operations.questions import ask_question
from sessions_live.seat_links import DOOR
from sessions_live.selectors import questions_of
from sessions_live.views.common import to_the_meeting, without_referrer

# A random name for the browser, so that the seat's second device is told from its first; sent to the doors alone.
DEVICE_COOKIE = "door_device"
DEVICE_COOKIE_SECONDS = 60 * 60 * 24


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
# Whoever has the secret address needs no forgery, and from a page without referrer browsers send 'Origin: null', which the check
# against forgery refuses. It needs no cookies this way, as in a mail program's own browser.
@csrf_exempt
# The meeting's provider sends the browser on to hosts of its own, and browsers hold a form to where its redirects lead, by the
# policy of the page with the form. 'http:' means https as well.
@csp_update({"form-action": ["http:"]})  # type: ignore[arg-type]
def door(request: HttpRequest, token: str) -> HttpResponse:
    """A mail scanner's GET changes nothing; the reader's POST records the entry and leads to the meeting."""
    seat = DOOR.seat_behind(token)
    if seat is None:
        return _dead(request)
    if request.method == "POST":
        return refusal(request, rules.DOOR_ENTRY, link=str(seat.public_id)) or _enter(request, seat)
    return _door_page(request, seat, QuestionForm())


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@csrf_exempt
@csp_update({"form-action": ["http:"]})  # type: ignore[arg-type]
def question(request: HttpRequest, token: str) -> HttpResponse:
    """Ask the hosts something; then back at the door, which lists what was asked."""
    seat = DOOR.seat_behind(token)
    if seat is None:
        return _dead(request)
    if request.method != "POST":
        return _back_to_the_door(token)
    return refusal(request, rules.QUESTION, link=str(seat.public_id)) or _ask(request, seat, token)


def _ask(request: HttpRequest, seat: Seat, token: str) -> HttpResponse:
    form = QuestionForm(request.POST)
    if not form.is_valid():
        return _door_page(request, seat, form, status=400)
    try:
        ask_question(seat=seat, text=form.cleaned_data["text"], now=clock.now())
    except TooManyQuestions:
        form.add_error(
            "text", f"You have asked {policy.MOST_QUESTIONS_PER_SEAT} questions already. Please leave room for the others."
        )
        return _door_page(request, seat, form, status=409)
    except DoorClosed:
        return _door_page(request, seat, QuestionForm(), status=409)
    return _back_to_the_door(token)


def _enter(request: HttpRequest, seat: Seat) -> HttpResponse:
    device = _device_of(request)
    takes_over = request.POST.get("takes_over") == "yes"
    try:
        address = enter_by_door(seat=seat, device=device, takes_over=takes_over, now=clock.now())
    except SeatTakenOver:
        return _door_page(request, seat, QuestionForm(), status=409)
    except DoorClosed:
        return _door_page(request, seat, QuestionForm(), status=409, is_refused=True)
    except MeetingUnavailable:
        return _door_page(request, seat, QuestionForm(), status=503, is_refused=True)
    return _remembered(device, to_the_meeting(address))


def _door_page(
    request: HttpRequest, seat: Seat, form: QuestionForm, *, status: int = 200, is_refused: bool = False
) -> HttpResponse:
    live_session, device, now = seat.live_session, _device_of(request), clock.now()
    asked = list(questions_of(seat))
    context = {
        "seat": seat,
        "token": DOOR.token(seat),
        "live_session": live_session,
        "is_open": live_session.is_door_open(now),
        "is_over": now > live_session.door_closes_at,
        "opens_at": live_session.door_opens_at,
        "closes_at": live_session.door_closes_at,
        "asked": asked,
        "form": form,
        "may_ask": live_session.state == LiveSession.State.PUBLISHED and now < live_session.ends_at,
        "has_room": len(asked) < policy.MOST_QUESTIONS_PER_SEAT,
        "is_refused": is_refused,
        "device": device,
        **_device_context(seat, device),
    }
    return _remembered(device, without_referrer(render(request, "sessions_live/door.html", context, status=status)))


def _device_context(seat: Seat, device: uuid.UUID) -> dict[str, Any]:
    """Whether somebody is in from another device, and whether this one was in before."""
    last = last_entry(seat)
    is_elsewhere = last is not None and last.device != device
    was_here = is_elsewhere and DoorEntry.objects.filter(seat=seat, device=device).exists()
    return {"elsewhere_since": last.entered_at if last and is_elsewhere else None, "was_here": was_here}


def _device_of(request: HttpRequest) -> uuid.UUID:
    """The browser's name: of its cookie; where it keeps none, of the form it was sent; else a new one."""
    for name in (request.COOKIES.get(DEVICE_COOKIE), request.POST.get("device")):
        try:
            return uuid.UUID(name)
        except (TypeError, ValueError):
            continue
    return uuid.uuid4()


def _remembered(device: uuid.UUID, response: HttpResponse) -> HttpResponse:
    """Named with the page already: who clicks twice, or never gets the answer, is still the same device."""
    response.set_cookie(
        DEVICE_COOKIE,
        str(device),
        max_age=DEVICE_COOKIE_SECONDS,
        path="/door/",
        secure=settings.HTTPS,
        httponly=True,
        samesite="Lax",
    )
    return response


def _back_to_the_door(token: str) -> HttpResponse:
    return without_referrer(HttpResponse(status=303, headers={"Location": reverse("sessions:door", args=[token])}))


def _dead(request: HttpRequest) -> HttpResponse:
    return without_referrer(render(request, "sessions_live/door_dead.html", status=404))
