"""allauth's views where ours differ: `next` is never lost on the way in, and a mistyped address can be typed anew."""

from typing import Any

from allauth.account import views
from allauth.account.forms import LoginForm
from allauth.account.internal.flows.login import record_authentication
from allauth.account.internal.flows.manage_email import sync_user_email_address
from allauth.account.stages import LoginStage
from allauth.account.utils import get_next_redirect_url, passthrough_next_redirect_url
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.forms import Form
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode

from redreport.accounts.forms import PasswordLoginForm
from redreport.accounts.known_browser import counted_as
from redreport.accounts.models import User
from redreport.accounts.recent import sign_in_once_more, signed_in_recently
from redreport.accounts.selectors import reader_of
from redreport.limits import rules
from redreport.limits.answers import refusal
from redreport.limits.rules import Limit

# The pages between 'sign in' and being signed in.
ENTRANCE = (
    "account_login",
    "account_login_by_password",
    "account_request_login_code",
    "account_confirm_login_code",
    "account_signup",
    "account_email_verification_sent",
    "mfa_authenticate",
)


class KeepNext:
    """A redirect from one page of the entrance to another takes `next` along; allauth drops it when a code has run out."""

    request: HttpRequest

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
        if isinstance(response, HttpResponseRedirect) and response.url in {reverse(name) for name in ENTRANCE}:
            response["Location"] = passthrough_next_redirect_url(request, response.url, REDIRECT_FIELD_NAME)
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)  # type: ignore[misc]
        next_url = get_next_redirect_url(self.request)
        query = "?" + urlencode({REDIRECT_FIELD_NAME: next_url}) if next_url else ""
        context["password_login_url"] = reverse("account_login_by_password") + query
        context["code_minutes"] = settings.ACCOUNT_LOGIN_BY_CODE_TIMEOUT // 60
        return context


class StartAnew:
    """With a code already on its way these pages still show themselves: perhaps the address was mistyped."""

    def _redirect_to_pending_stage(self, request: HttpRequest, stage: LoginStage) -> None:
        return None


class Limited:
    """What is posted is counted by who asks and, where an address is typed, by that; beyond the limit the answer is 429."""

    limit: Limit
    email_field = ""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        typed = {"email": counted_as(request, request.POST.get(self.email_field, ""))} if self.email_field else {}
        answer = refusal(request, self.limit, **typed)
        if answer is not None:
            return answer
        response: HttpResponseBase = super().post(request, *args, **kwargs)  # type: ignore[misc]
        return response


class SignInView(Limited, KeepNext, StartAnew, views.LoginView):
    """E-mail address → code → in."""

    limit = rules.CODE_ASKED
    email_field = "login"

    def form_valid(self, form: LoginForm) -> HttpResponseBase:
        if form.user is not None:
            # An account made by staff has no address in allauth's table yet: without one the code would prove nothing.
            sync_user_email_address(form.user)
        response: HttpResponseBase = super().form_valid(form)
        return response


class PasswordSignInView(SignInView):
    """The adapter counts the passwords, with those that are asked for again before a change."""

    limit = rules.PASSWORD_PAGE
    email_field = ""
    form_class = PasswordLoginForm
    template_name = "account/login_by_password.html"

    def get_form_class(self) -> type[PasswordLoginForm]:
        return PasswordLoginForm


class TypeCode:
    """A code is digits: telephones show them."""

    def get_form(self, form_class: type[Form] | None = None) -> Form:
        form: Form = super().get_form(form_class)  # type: ignore[misc]
        if "code" in form.fields:
            form.fields["code"].widget.attrs["inputmode"] = "numeric"
        return form


class CountedCodes:
    """Tried codes are counted, and so are mails with another one."""

    _process: Any

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.POST.get("action") in ("resend", "change"):
            email = request.POST.get("email") or str(self._process.state.get("email", ""))
            answer = refusal(request, rules.CODE_ASKED, email=counted_as(request, email))
        else:
            answer = refusal(request, rules.CODE_TRIED)
        if answer is not None:
            return answer
        response: HttpResponseBase = super().post(request, *args, **kwargs)  # type: ignore[misc]
        return response


class ConfirmSignInView(CountedCodes, TypeCode, KeepNext, views.ConfirmLoginCodeView):
    pass


class SignUpView(Limited, KeepNext, StartAnew, views.SignupView):
    """E-mail address, name, firm → code → in."""

    limit = rules.SIGN_UP
    email_field = "email"


class ForgottenPasswordView(Limited, views.PasswordResetView):
    limit = rules.PASSWORD_RESET
    email_field = "email"


class ConfirmResetView(CountedCodes, TypeCode, views.ConfirmPasswordResetCodeView):
    pass


class ConfirmEmailView(CountedCodes, TypeCode, KeepNext, views.ConfirmEmailVerificationCodeView):
    """The code of a new account; whoever proves it has signed in with it, which allauth keeps no record of."""

    def form_valid(self, form: Form) -> HttpResponseBase:
        response: HttpResponseBase = super().form_valid(form)
        if self.request.user.is_authenticated:
            record_authentication(self.request, self.request.user, method="code", email=self.request.user.email)
        return response


class RecentSignIn:
    """
    Who has no password cannot be asked for it before a risky change, so they must have signed in (by code) within the last
    minutes; otherwise they are signed out and do it again. Who has a password is asked for it by allauth.
    """

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        user = reader_of(request)
        if user and not self.has_something_to_show(user) and not signed_in_recently(request):
            return sign_in_once_more(request, request.get_full_path())
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
        return response

    def has_something_to_show(self, user: User) -> bool:
        """Whether this person can be asked for something before the change."""
        return user.has_usable_password()


class EmailChangeView(Limited, RecentSignIn, views.EmailView):
    limit = rules.EMAIL_CHANGE


class PasswordSetView(Limited, RecentSignIn, views.PasswordSetView):
    limit = rules.PASSWORD_CHANGE


class PasswordChangeView(Limited, views.PasswordChangeView):
    limit = rules.PASSWORD_CHANGE
