"""
allauth's pages of second factors where ours differ: `next` goes along until the reader is where they were going, and who has no
other way to show that it is them must have signed in a few minutes ago.
"""

from typing import Any

from allauth.account.internal.flows.reauthentication import get_reauthentication_flows
from allauth.account.utils import get_next_redirect_url, passthrough_next_redirect_url
from allauth.mfa.base import views as base
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from allauth.mfa.webauthn.internal.auth import begin_registration
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html
from django.utils.http import urlencode

from redreport.accounts.mfa_forms import PENDING_SECRET
from redreport.accounts.models import User
from redreport.accounts.selectors import signed_in
from redreport.accounts.views import KeepNext, Limited, RecentSignIn
from redreport.limits import rules


class GoingOn:
    """A page on the way to `next`: forms and links carry it, and where nothing is left to do a button leads there."""

    request: HttpRequest

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)  # type: ignore[misc]
        next_url = get_next_redirect_url(self.request)
        field = format_html('<input type="hidden" name="{}" value="{}">', REDIRECT_FIELD_NAME, next_url) if next_url else ""
        query = "?" + urlencode({REDIRECT_FIELD_NAME: next_url}) if next_url else ""
        return {**context, "go_on_url": next_url, "next_query": query, "redirect_field": field}

    def get_success_url(self) -> str:
        url: str = super().get_success_url()  # type: ignore[misc]
        return passthrough_next_redirect_url(self.request, str(url), REDIRECT_FIELD_NAME)


class ProvenSetUp(RecentSignIn):
    """A factor is set up by who shows that they are the owner: allauth asks those who can be asked for something, these must come
    from signing in."""

    def has_something_to_show(self, user: User) -> bool:
        return bool(get_reauthentication_flows(user))


class SecurityView(GoingOn, base.IndexView):
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user = signed_in(self.request)
        return {**super().get_context_data(**kwargs), "desk_needs_it": settings.STAFF_SECOND_FACTOR and user.is_staff}


class GiveFactorView(GoingOn, KeepNext, base.AuthenticateView):
    """The second step of signing in."""


class SetUpAppView(ProvenSetUp, GoingOn, totp.ActivateTOTPView):
    def form_valid(self, form: Form) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        self.request.session.pop(PENDING_SECRET, None)
        return response


class AddPasskeyView(ProvenSetUp, GoingOn, webauthn.AddWebAuthnView):
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Every key of ours is one that signs in by itself."""
        context = super().get_context_data(**kwargs)
        return {**context, "js_data": {"creation_options": begin_registration(signed_in(self.request), True)}}


class PasskeySignInView(Limited, KeepNext, webauthn.LoginWebAuthnView):
    limit = rules.PASSKEY_TRIED


class PasskeyAgainView(Limited, webauthn.ReauthenticateWebAuthnView):
    limit = rules.PASSKEY_TRIED

    def form_invalid(self, form: Form) -> HttpResponse:
        """The page once more: allauth leads who is signed in to the sign-in page."""
        for message in form.errors.get("credential", []):
            messages.error(self.request, str(message))
        return HttpResponseRedirect(self.passthrough_next_url(self.request.path))


class RecoveryCodesView(GoingOn, recovery_codes.ViewRecoveryCodesView):
    pass
