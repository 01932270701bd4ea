"""Plain pages for what went wrong. Each says whether money moved, what to do next, and carries the request's reference."""

from pathlib import Path

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

# Read when the process starts: whatever breaks later must not break this page too.
SERVER_ERROR_PAGE = Path(settings.BASE_DIR, "templates", "500.html").read_bytes()
# The one place of it that is filled in, with signs that are ours.
REFERENCE = b"<!-- reference -->"


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What could not be read, or was too long to be read: 413 then."""
    status = 413 if isinstance(exception, RequestDataTooBig) else 400
    return render(request, f"{status}.html", status=status)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "403.html", status=403)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(request, "403_csrf.html", status=403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """A file as it is, with the reference: no template, no database, no session."""
    request_id = getattr(request, "request_id", "")
    words = f"<p>Reference: <strong>{request_id}</strong></p>".encode() if request_id else b""
    page = SERVER_ERROR_PAGE.replace(REFERENCE, words)
    return HttpResponse(page, status=500, content_type="text/html; charset=utf-8")
