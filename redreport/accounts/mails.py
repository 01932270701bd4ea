"""The mails about an account: sign-in codes, proofs of an address, notices that something changed. All of one private kind."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.shortcuts import resolve_url
from django.utils.http import urlencode

from redreport import clock
from redreport.accounts.models import User
from redreport.addresses import address_of
from redreport.outbox import kinds
from redreport.outbox.kinds import MailKind, RenderedMail, Verdict
from redreport.outbox.models import OutgoingMail
from redreport.outbox.queue import queue_mail
from redreport.outbox.render import render_files, render_templates

ACCOUNT_MAIL, WELCOME = "account_mail", "welcome"
SIGN_UP_CODE = "account/email/email_confirmation_signup"
# An invitation or notice that could not be sent for so long would only puzzle its reader.
USEFUL_FOR = timedelta(days=2)


def register_kinds() -> None:
    kinds.register(MailKind(ACCOUNT_MAIL, "account mail", guard=guard, render=render, private=True, sealed=True))
    kinds.register(MailKind(WELCOME, "welcome", guard=guard_welcome, render=render_welcome))


def queue_notice(*, template: str, user: User, to: str = "", now: datetime) -> None:
    """Owe the account's owner a notice of something that they did not do themselves, in the caller's transaction; at the address
    that the account had, where it is said."""
    queue_mail(
        kind=ACCOUNT_MAIL,
        key=f"{ACCOUNT_MAIL}:{uuid.uuid4()}",
        recipient=to or user.email,
        context={"template": template, "user_id": user.pk},
        now=now,
    )


def queue_welcome(*, user: User, now: datetime) -> None:
    """Owe who has signed up, and has just proven the address, word of where things are; once for an account, in the caller's
    transaction. An account that the house made was invited instead: it was mailed no code to sign up with."""
    asked_for_codes = OutgoingMail.objects.filter(kind=ACCOUNT_MAIL, recipient=user.email, context__template=SIGN_UP_CODE)
    if user.last_login is None and asked_for_codes.exists():
        queue_mail(kind=WELCOME, key=f"{WELCOME}:{user.pk}", recipient=user.email, context={"user_id": user.pk}, now=now)


def guard(mail: OutgoingMail, now: datetime) -> Verdict:
    """Withhold a code that no longer signs anybody in, a mail to somebody who is gone, and an answer that comes days late."""
    expires_at = _expiry(mail.read_secret())
    if expires_at is not None and expires_at <= now:
        return Verdict.withhold("code_expired")
    user_id = mail.context.get("user_id")
    if user_id is not None and not User.objects.filter(pk=user_id, is_active=True).exists():
        return Verdict.withhold("no_such_user")
    if mail.created_at + USEFUL_FOR <= now:
        return Verdict.miss("too_late")
    return Verdict.send()


def render(mail: OutgoingMail) -> RenderedMail:
    """From allauth's template names: `<prefix>_subject.txt`, `<prefix>_message.txt`, `<prefix>_message.html`."""
    prefix = mail.context["template"]
    secret = mail.read_secret()
    return render_files(
        subject=f"{prefix}_subject.txt",
        text=f"{prefix}_message.txt",
        html=f"{prefix}_message.html",
        context={
            **secret,
            "email": mail.recipient,
            "asked_at": mail.created_at,
            "minutes_left": _minutes_left(secret),
            "login_url": _address("account_login", secret),
            "signup_url": _address("account_signup", secret),
            "account_url": settings.SITE_URL + resolve_url(settings.LOGIN_REDIRECT_URL),
            "security_url": address_of("mfa_index"),
        },
    )


def guard_welcome(mail: OutgoingMail, now: datetime) -> Verdict:
    """Withhold it from an account that is gone or has another address by now; days later nobody needs a welcome."""
    if not User.objects.filter(pk=mail.context["user_id"], email=mail.recipient, is_active=True).exists():
        return Verdict.withhold("no such user")
    return Verdict.miss("too late") if mail.created_at + USEFUL_FOR <= now else Verdict.send()


def render_welcome(mail: OutgoingMail) -> RenderedMail:
    context = {
        "email": mail.recipient,
        "sessions_url": address_of("sessions:list"),
        "account_url": address_of("pages:account"),
    }
    return render_templates(WELCOME, context)


def _expiry(secret: dict[str, Any]) -> datetime | None:
    return datetime.fromisoformat(secret["expires_at"]) if "expires_at" in secret else None


def _minutes_left(secret: dict[str, Any]) -> int | None:
    expires_at = _expiry(secret)
    return max(1, round((expires_at - clock.now()).total_seconds() / 60)) if expires_at else None


def _address(name: str, secret: dict[str, Any]) -> str:
    """A page of ours that leads on to where the reader was, if they were somewhere."""
    query = "?" + urlencode({"next": secret["next"]}) if "next" in secret else ""
    return address_of(name) + query
