"""For every request: its bounds, one log line with a reference that a reader can quote, who may keep the answer, its headers."""

import time
import uuid
from collections.abc import Callable

import structlog
from django.conf import settings
from django.contrib import admin
from django.contrib.auth import SESSION_KEY
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.utils.cache import patch_cache_control

from redreport import policy
from redreport.logs import route_of

log = structlog.get_logger("redreport.request")

PROBES = {"healthz", "readyz"}
# The pages that take a file, and how long it may be.
UPLOADS = {
    "/admin/sessions_live/material/add/": policy.LARGEST_MATERIAL_BYTES,
    "/admin/desk/readers/import/": settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
}
# What no page of ours asks a browser for.
UNUSED_FEATURES = (
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "usb",
)
PERMISSIONS = ", ".join(f"{feature}=()" for feature in UNUSED_FEATURES)
# For what is no page: stylesheets, pictures, answers that are given before any view is asked.
POLICY_OF_OTHERS = "default-src 'none'; frame-ancestors 'none'"
PICTURES = (".png", ".ico", ".svg")


class HeadersMiddleware:
    """
    The outermost: every answer forbids features that we do not use, is not to be taken into other people's pages, and has a
    content security policy. The pictures of a shared link may be shown by whoever shares it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        is_picture = request.path.startswith(settings.STATIC_URL) and request.path.endswith(PICTURES)
        response["Permissions-Policy"] = PERMISSIONS
        response["Cross-Origin-Resource-Policy"] = "cross-origin" if is_picture else "same-origin"
        # Django's own page of a traceback needs its styles.
        if not settings.DEBUG:
            response.headers.setdefault("Content-Security-Policy", POLICY_OF_OTHERS)
        return response


class CompressionMiddleware(GZipMiddleware):
    """
    Compresses what anybody may read. What no cache may keep holds somebody's doors, addresses or sums: it goes uncompressed, for
    the length of a compressed page tells who can read the wire and plant words in it what else is there (BREACH).
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if "no-store" in response.get("Cache-Control", "") or "private" in response.get("Cache-Control", ""):
            return response
        return super().process_response(request, response)


class RequestLogMiddleware:
    """
    Gives the request an id, which stands in its log lines, in the X-Request-ID header and on error pages. The line names the
    route, not the path: paths hold tokens and order numbers. No query string, address, cookie or user is logged.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = uuid.uuid4().hex[:12]
        request.request_id = request_id  # type: ignore[attr-defined]
        started = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response = self.get_response(request)
            route = route_of(request)
            if route not in PROBES or response.status_code != 200:
                elapsed_ms = round((time.perf_counter() - started) * 1000)
                log.info("request", method=request.method, route=route, status=response.status_code, ms=elapsed_ms)
        response["X-Request-ID"] = request_id
        return response


class BoundsMiddleware:
    """
    404 for an address with unprintable characters, or with NUL in its query: PostgreSQL takes none. 413 for a body over
    DATA_UPLOAD_MAX_MEMORY_SIZE, unread: Django bounds forms but not files. A page that takes a file may be sent one more.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.isprintable() or "%00" in request.META.get("QUERY_STRING", ""):
            raise Http404
        if _announced_bytes(request) > _most_bytes(request.path):
            raise RequestDataTooBig
        return self.get_response(request)


class UploadsMiddleware:
    """413 for a long body from anybody who is not in the admin, unread: to look for the form's token would be to take it in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        is_long = _announced_bytes(request) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if is_long and not admin.site.has_permission(request):
            raise RequestDataTooBig
        return self.get_response(request)


class PrivatePagesMiddleware:
    """What was made for somebody signed in is kept by no cache, nor shown by 'back' after signing out."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        # Who did not ask the session made the same page for everybody.
        if request.session.accessed and SESSION_KEY in request.session:
            patch_cache_control(response, private=True, no_store=True)
        return response


def _most_bytes(path: str) -> int:
    return settings.DATA_UPLOAD_MAX_MEMORY_SIZE + UPLOADS.get(path, 0)


def _announced_bytes(request: HttpRequest) -> int:
    length = request.META.get("CONTENT_LENGTH") or ""
    return int(length) if length.isdecimal() and len(length) < 20 else 0
