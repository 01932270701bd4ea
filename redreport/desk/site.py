"""The site of Django admin as the desk's: who gets in, what its pages may do in a browser, and the pages of its own."""

from typing import Any

from allauth.account.decorators import secure_admin_login
from csp.decorators import csp_replace
from django.conf import settings
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, include, path
from django.utils.decorators import method_decorator

from redreport.accounts.selectors import signed_in

# Django's own scripts write HTML through jQuery, which Trusted Types refuse; the rest of the policy holds in the admin too.
_allow_jquery = csp_replace({"require-trusted-types-for": None})


class DeskSite(AdminSite):
    """Django admin in habits and addresses; staff come in through the same sign-in as everybody else."""

    site_header = site_title = f"{settings.SITE_NAME}: the desk"
    index_title = "The desk"
    index_template = "admin/desk/home.html"
    # What is needed most stands on top; a second list of everything would leave the tables too little room.
    enable_nav_sidebar = False

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        return _allow_jquery(super().admin_view(view, cacheable))

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """The home of the desk, and below it the list of all tables."""
        from redreport import clock
        from redreport.desk.home import look_at_home  # It reads models, which are not loaded yet when this module is.

        home = look_at_home(user=signed_in(request), now=clock.now())
        return super().index(request, {"home": home, **(extra_context or {})})

    @method_decorator(secure_admin_login)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().login(request, extra_context)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """The pages that span both apps stand beside those of the models, under `desk/`, with names like theirs."""
        from redreport.desk import urls  # Views import models, which are not loaded yet when this module is.

        return [path("desk/", include(urls.urlpatterns)), *super().get_urls()]
