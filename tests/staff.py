"""Members of staff at the desk, with permissions or in groups, and second factors as tests give them."""

import time

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.contrib.auth.models import Group, Permission
from django.test import Client

from redreport.accounts.models import User
from tests.factories import make_staff, make_user


def desk_of(user: User | None = None) -> Client:
    """The browser of a member of staff, who may do everything unless said otherwise."""
    client = Client()
    client.force_login(user or make_staff())
    return client


def staff_who_may(*permissions: str) -> User:
    """A member of staff with these permissions and no others: 'app.codename'."""
    user = make_user("Dora Desk", is_staff=True)
    for permission in permissions:
        app, codename = permission.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    return user


def make_member(*roles: str) -> User:
    """A member of staff in these groups."""
    member = make_user(f"Member of {' and '.join(roles) or 'no group'}", is_staff=True)
    member.groups.set(Group.objects.filter(name__in=roles))
    return member


def give_app(user: User) -> str:
    """The user has an authenticator app, and recovery codes; returns the app's key."""
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    RecoveryCodes.activate(user)
    return secret


def code_of(secret: str, *, periods: int = 0) -> str:
    """What the app shows now, or so many half minutes later."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + periods))


def wrong_code_of(secret: str) -> str:
    """Six digits that the app shows neither now nor about now."""
    near = {code_of(secret, periods=periods) for periods in range(-3, 4)}
    return next(code for code in map("{:06}".format, range(10)) if code not in near)


def recovery_codes_of(user: User) -> list[str]:
    """Those that are not used yet."""
    codes: list[str] = Authenticator.objects.get(user=user, type="recovery_codes").wrap().get_unused_codes()
    return codes
