"""Where allauth meets the house: its mails go through the outbox, and its words are ours."""

import time
import uuid
from datetime import datetime, timedelta
from typing import Any

import structlog
from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.email_verification_by_code import EMAIL_VERIFICATION_CODE_SESSION_KEY
from allauth.account.internal.stagekit import unstash_login
from allauth.account.utils import get_next_redirect_url
from allauth.core import context as request_context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse

from redreport import clock
from redreport.accounts.known_browser import counted_as, is_known
from redreport.accounts.mails import ACCOUNT_MAIL
from redreport.accounts.models import User
from redreport.limits import rules
from redreport.limits.answers import refusal
from redreport.limits.counting import give_back
from redreport.limits.visitors import ip_of
from redreport.outbox.models import OutgoingMail
from redreport.outbox.queue import queue_mail

log = structlog.get_logger(__name__)

# Somebody who types another person's address again and again must not fill that person's mailbox.
MAILS_PER_HOUR = 20
# What a mail says and no id gives back; it rests encrypted until the mail is done with.
SECRETS = ("code", "ip", "user_agent", "from_email", "to_email", "deleted_email")
TOO_MANY_ATTEMPTS = (
    "Too many attempts. Wait a few minutes, then ask for a new code. If you have set a password, try that instead."
)


class AccountAdapter(DefaultAccountAdapter):
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "incorrect_code": "That code is not right. Use the newest one we mailed you.",
        "too_many_login_attempts": TOO_MANY_ATTEMPTS,
        "incorrect_password": "That password is not right.",
        "email_password_mismatch": "The e-mail address or the password is not right.",
    }

    def add_message(self, request: HttpRequest, level: int, *args: Any, message: str | None = None, **kwargs: Any) -> None:
        """allauth says 'too many attempts' of wrong codes as well, where no waiting is needed."""
        if message == TOO_MANY_ATTEMPTS:
            message = "Three wrong tries. Ask for a new code."
        super().add_message(request, level, *args, message=message, **kwargs)

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """A password is tried: wrong ones are counted, for an address without an account too."""
        email = counted_as(request, str(credentials.get("email", "")))
        answer = refusal(request, rules.PASSWORD_TRIED, email=email)
        if answer is not None:
            raise ImmediateHttpResponse(answer)
        user: User | None = super().authenticate(request, **credentials)
        if user is not None:
            give_back(rules.PASSWORD_TRIED, ip=ip_of(request), email=email)
        return user

    def get_client_ip(self, request: HttpRequest) -> str:
        """Said in the mail that tells of a change; what our own proxies did not write is not believed."""
        return ip_of(request)

    def get_reauthentication_methods(self, user: User | AnonymousUser) -> list[dict[str, Any]]:
        """
        Who has a second factor is asked for that, never for the password alone: with a password and a session that is open
        somewhere nobody takes the factor off. The app comes before passkeys, and those before recovery codes.
        """
        methods = {method["url"]: method for method in super().get_reauthentication_methods(user)}
        code, passkey = reverse("mfa_reauthenticate"), reverse("mfa_reauthenticate_webauthn")
        if not isinstance(user, User) or not {code, passkey} & methods.keys():
            return list(methods.values())
        has_app = is_mfa_enabled(user, [Authenticator.Type.TOTP])
        words = {
            code: "Type a code from the app" if has_app else "Type a recovery code",
            passkey: "Use a passkey",
        }
        order = [code, passkey] if has_app else [passkey, code]
        return [{**methods[url], "description": words[url]} for url in order if url in methods]

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Queue the mail, private; it is rendered from its templates when a worker sends it."""
        now = clock.now()
        request: HttpRequest = request_context.request
        # Its reader's own browser has a limit of its own, and gets its mail though a stranger has filled the mailbox.
        if self._mailbox_is_full(email, now) and not is_known(request, email):
            log.warning("account_mail_dropped", template=template_prefix)
            return
        user = context.get("user")
        secret = {name: context[name] for name in SECRETS if context.get(name)}
        if "code" in secret:
            secret["expires_at"] = _code_expires_at(template_prefix, request, now).isoformat()
        next_url = get_next_redirect_url(request)
        if next_url:
            secret["next"] = next_url
        with transaction.atomic():
            queue_mail(
                kind=ACCOUNT_MAIL,
                key=f"{ACCOUNT_MAIL}:{uuid.uuid4()}",
                recipient=email,
                context={"template": template_prefix, "user_id": user.pk if user is not None else None},
                secret=secret,
                now=now,
            )

    def _mailbox_is_full(self, email: str, now: datetime) -> bool:
        recent = OutgoingMail.objects.filter(kind=ACCOUNT_MAIL, recipient=email, created_at__gt=now - timedelta(hours=1))
        return recent.count() >= MAILS_PER_HOUR


def _code_expires_at(template_prefix: str, request: HttpRequest, now: datetime) -> datetime:
    """A code asked for again lives no longer than the first one would have: allauth counts from the beginning."""
    if template_prefix.endswith("login_code"):
        lifetime, state = app_settings.LOGIN_BY_CODE_TIMEOUT, _pending_login(request)
    elif template_prefix.endswith("password_reset_code"):
        lifetime, state = app_settings.PASSWORD_RESET_BY_CODE_TIMEOUT, None
    else:
        lifetime = app_settings.EMAIL_VERIFICATION_BY_CODE_TIMEOUT
        state = request.session.get(EMAIL_VERIFICATION_CODE_SESSION_KEY)
    asked_again = request.POST.get("action") == "resend"
    elapsed = time.time() - state["at"] if asked_again and state else 0
    return now + timedelta(seconds=lifetime - elapsed)


def _pending_login(request: HttpRequest) -> dict[str, Any] | None:
    login = unstash_login(request, peek=True)
    if login is None:
        return None
    data: dict[str, Any] = login.state.get("stages", {}).get("login_by_code", {}).get("data", {})
    return data if "at" in data else None
