"""The site of Django admin as the desk's: who gets in, what its pages may do in a browser, and the pages of its own."""

from typing import Any

from allauth.account.decorators import secure_admin_login
from allauth.account.utils import get_next_redirect_url
from csp.decorators import csp_replace
from django.conf import settings
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, include, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect

from redreport.accounts import second_factor
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

    def has_permission(self, request: HttpRequest) -> bool:
        """Staff, and with a second factor: before it is given nothing opens under the admin's addresses but the way out."""
        is_staff: bool = super().has_permission(request)
        return is_staff and (not settings.STAFF_SECOND_FACTOR or second_factor.is_given(request))

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """The home of the desk, and below it the list of all tables."""
        from redreport import clock
        from redreport.desk.home import look_at_home  # It reads models, which are not loaded yet when this module is.

        home = look_at_home(user=signed_in(request), now=clock.now())
        return super().index(request, {"home": home, **(extra_context or {})})

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        # Django's own would refuse to sign out who may not come in.
        is_way_out = view == self.logout
        guarded = never_cache(csrf_protect(view)) if is_way_out else super().admin_view(view, cacheable)
        return _allow_jquery(guarded)

    @method_decorator(never_cache)
    @method_decorator(secure_admin_login)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """
        Leads whoever is not in yet to the site's sign-in, then to the second factor, then on. Django's own form is never shown:
        it takes passwords without counting the tries.
        """
        next_url = get_next_redirect_url(request) or reverse("admin:index")
        if not self.has_permission(request):
            return HttpResponseRedirect(second_factor.way_to_it(signed_in(request), next_url))
        return HttpResponseRedirect(next_url)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """A password is changed where readers change theirs: it is asked for again there, and a mail tells of it."""
        return HttpResponseRedirect(reverse("account_change_password"))

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """The pages that span both apps stand beside those of the models, under `desk/`, with names like theirs."""
        from redreport.desk import urls  # Views import models, which are not loaded yet when this module is.

        return [path("desk/", include(urls.urlpatterns)), *super().get_urls()]
