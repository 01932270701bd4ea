"""What stays of an hour, for who had a seat: files, addresses, and a rating for the hosts."""

from http import HTTPStatus
from typing import Any

import structlog
from django.core.files.storage import FileSystemStorage
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from redreport import clock
from redreport.answers import SeeOther, hide_address
from sessions_live.errors import FeedbackClosed
from sessions_live.forms import FeedbackForm
from sessions_live.material_files import content_type_of, suffix_of
from sessions_live.material_links import material_behind, material_path
from sessions_live.models import Feedback, Material, Seat
from sessions_live.operations.feedback import give_feedback
from sessions_live.seat_links import REPLAY

log = structlog.get_logger(__name__)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
# As at the door: whoever has the secret address needs no forgery, and a page without referrer has no origin to check.
@csrf_exempt
def replay(request: HttpRequest, token: str) -> HttpResponse:
    """The seat's replay, notes and reading, with links that expire. POST gives the rating of who came in, or changes it."""
    seat = REPLAY.seat_behind(token)
    if seat is None:
        return hide_address(render(request, "sessions_live/replay_dead.html", status=404))
    form = FeedbackForm(request.POST if request.method == "POST" else None, initial=_given(seat))
    if form.is_valid():
        return hide_address(_take_feedback(request, seat, form))
    return hide_address(_page(request, seat, form))


@never_cache
@require_safe
def material(request: HttpRequest, token: str) -> HttpResponseBase:
    """One file as a download, or the way to where it lies."""
    found = material_behind(token)
    if found is None:
        return hide_address(render(request, "sessions_live/material_expired.html", status=404))
    if found.url:
        return hide_address(_lead_to(found.url))
    return hide_address(_file(request, found))


def _given(seat: Seat) -> dict[str, Any]:
    """What its attendee said before."""
    given = Feedback.objects.filter(seat=seat).values("rating", "comment", "given_at").first()
    return dict(given) if given else {}


def _take_feedback(request: HttpRequest, seat: Seat, form: FeedbackForm) -> HttpResponse:
    given = form.cleaned_data
    try:
        give_feedback(seat_id=seat.pk, rating=given["rating"], comment=given["comment"], now=clock.now())
    except FeedbackClosed:
        return _page(request, seat, form, status=HTTPStatus.CONFLICT)
    return SeeOther(request.path)


def _page(request: HttpRequest, seat: Seat, form: FeedbackForm, status: int = 200) -> HttpResponse:
    live_session, now = seat.live_session, clock.now()
    released = live_session.materials.all() if live_session.materials_released_at else Material.objects.none()
    context = {
        "live_session": live_session,
        "is_over": live_session.ends_at <= now,
        "materials": [(material, material_path(material, seat)) for material in released],
        "form": form if seat.takes_feedback(now) else None,
        "given": form.initial,
    }
    return render(request, "sessions_live/replay.html", context, status=status)


def _file(request: HttpRequest, found: Material) -> HttpResponseBase:
    storage, name = found.file.storage, found.file.name or ""
    filename = (slugify(found.title) or found.kind) + suffix_of(name)
    if not isinstance(storage, FileSystemStorage):
        # Signed by us and asked of the store: a bucket sends what it is told here.
        told = {
            "ResponseContentDisposition": f'attachment; filename="{filename}"',
            "ResponseContentType": content_type_of(name),
        }
        return _lead_to(storage.url(name, parameters=told))  # type: ignore[call-arg]
    try:
        file = storage.open(name)
    except FileNotFoundError:
        log.error("material_file_missing", material_id=found.pk)
        return render(request, "sessions_live/material_expired.html", {"is_missing": True}, status=404)
    return FileResponse(file, as_attachment=True, filename=filename, content_type=content_type_of(name))


def _lead_to(address: str) -> HttpResponse:
    response = HttpResponse(status=HTTPStatus.FOUND)
    response["Location"] = address
    return response
