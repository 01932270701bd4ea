"""What every page of the desk has in common: who may see it, and the clothes of Django admin."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeAlias

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from redreport.accounts.selectors import signed_in

View: TypeAlias = Callable[..., HttpResponseBase]
# A page that asks, then asks whether it is right, then has it done.
GET_OR_POST = require_http_methods(["GET", "HEAD", "POST"])
LONGEST_REASON = 200


def desk_page(permission: str) -> Callable[[View], View]:
    """A page of the desk, for staff who have this permission; others who are staff are refused, readers are led to sign in."""

    def decorate(view: View) -> View:
        @wraps(view)
        def allowed(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            require(request, permission)
            return view(request, *args, **kwargs)

        # `admin_view` is looked up when the page is asked for: this module is read before the site is whole.
        @never_cache
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            response: HttpResponseBase = admin.site.admin_view(allowed)(request, *args, **kwargs)
            return response

        # Read by the test that asks every address in every role.
        guarded.desk_permission = permission  # type: ignore[attr-defined]
        return guarded

    return decorate


def require(request: HttpRequest, permission: str) -> None:
    """Refuses with PermissionDenied staff who lack a permission that only the page's subject tells."""
    if not signed_in(request).has_perm(permission):
        raise PermissionDenied


def reason_given(request: HttpRequest) -> str:
    """Why, as it was typed beside a button; without what no database takes."""
    return request.POST.get("reason", "").replace("\x00", "").strip()[:LONGEST_REASON]


def render_page(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """A template under `admin/desk/`, with what the frame of Django admin needs; `title` is its heading."""
    return render(request, f"admin/desk/{template}", {**admin.site.each_context(request), **context}, status=status)
