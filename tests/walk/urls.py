"""The site's addresses, those of a development copy, and some at which things go wrong."""

from pathlib import Path

from allauth.core.ratelimit import respond_429
from django.conf import settings
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from redreport import urls
from redreport.urls import handler400, handler403, handler404, handler500

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


def breaks(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("unforeseen")


def forbids(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied


def cannot_read(request: HttpRequest) -> HttpResponse:
    raise SuspiciousOperation


def file(request: HttpRequest, name: str) -> HttpResponse:
    """A page that is sent as it lies there."""
    return HttpResponse(Path(settings.BASE_DIR, "templates", name).read_bytes())


urlpatterns = [
    path("wrong/500/", breaks, name="error_500"),
    path("wrong/403/", forbids, name="error_403"),
    path("wrong/400/", cannot_read, name="error_400"),
    path("wrong/429/", respond_429, name="error_429"),
    path("wrong/<str:name>", file, name="file"),
    path("dev/", include("redreport.local.urls")),
    *urls.urlpatterns,
]
