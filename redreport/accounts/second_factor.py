"""
The second factor: an authenticator app or a passkey (allauth's), with recovery codes beside it.

Staff need one for the admin. It counts as given in a session when a factor that still stands was used in it: at sign-in, or when
the site asked for it again. To have set one up is not to have given it, and a session that used a factor which was taken away
since is locked out with it.
"""

from datetime import datetime

from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import decrypt, encrypt
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from redreport import audit
from redreport.accounts.mails import queue_notice
from redreport.accounts.models import User
from redreport.accounts.selectors import reader_of

APP, PASSKEY = Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN
# What of an authenticator's data is secret, and sealed by our adapter.
SECRETS = ("secret", "seed")


class NothingToRemove(Exception):
    """The account has no second factor."""


def factors_of(user: User) -> set[str]:
    """Which second factors the account has: the app, passkeys. Recovery codes are none by themselves."""
    return set(Authenticator.objects.filter(user=user, type__in=(APP, PASSKEY)).values_list("type", flat=True))


def is_given(request: HttpRequest) -> bool:
    """Whether this session was authenticated with a second factor (or a recovery code) that its account still has."""
    user = reader_of(request)
    if user is None:
        return False
    used = {record.get("id") for record in get_authentication_records(request, user) if record.get("method") == "mfa"}
    if not used:
        return False
    standing = dict(Authenticator.objects.filter(user=user).values_list("pk", "type"))
    return bool(used & standing.keys()) and bool({APP, PASSKEY} & set(standing.values()))


def way_to_it(user: User, next_url: str) -> str:
    """The page on which the account's second factor is given or, where it has none, set up; it leads on to `next_url`."""
    pages = {APP: "mfa_reauthenticate", PASSKEY: "mfa_reauthenticate_webauthn"}
    factors = factors_of(user)
    page = next((pages[factor] for factor in pages if factor in factors), "mfa_index")
    return f"{reverse(page)}?{urlencode({REDIRECT_FIELD_NAME: next_url})}"


def remove_second_factor(*, user_id: int, actor: User | str, reason: str, now: datetime) -> None:
    """
    Take all factors and recovery codes from an account whose owner has lost them, and tell the owner by mail. From then on a
    mailed code signs in to it alone, until another factor is set up. Refuses with NothingToRemove.
    """
    with transaction.atomic():
        # The user's row: whoever removes at the same time comes second and finds nothing.
        user = User.objects.select_for_update().get(pk=user_id)
        removed = sorted(Authenticator.objects.filter(user=user).values_list("type", flat=True))
        if not removed:
            raise NothingToRemove
        Authenticator.objects.filter(user=user).delete()
        audit.record(actor=actor, verb="second_factor_removed", target=user, reason=reason, detail={"factors": removed}, now=now)
        queue_notice(template="mfa/email/removed_by_staff", user=user, now=now)


def reseal_secrets() -> int:
    """
    Seal the keys of all apps and recovery codes with the present SECRET_KEY; afterwards a fallback may be taken away. Returns how
    many. Twice is as good as once; raises cryptography's InvalidToken when neither the present key nor a fallback made one.
    """
    sealed = Authenticator.objects.exclude(type=PASSKEY)
    ids = list(sealed.order_by("pk").values_list("pk", flat=True))
    for pk in ids:
        with transaction.atomic():
            # The row's lock: a recovery code that is used meanwhile stays used.
            authenticator = sealed.select_for_update().filter(pk=pk).first()
            if authenticator is not None:
                secrets = {name: encrypt(decrypt(authenticator.data[name])) for name in SECRETS if name in authenticator.data}
                authenticator.data = {**authenticator.data, **secrets}
                authenticator.save(update_fields=["data"])
    return len(ids)
