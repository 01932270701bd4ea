"""What may be asked about a person."""

from allauth.account.models import EmailAddress
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

from redreport.accounts.models import User


def reader_of(request: HttpRequest) -> User | None:
    """Who is signed in, if anybody is."""
    return request.user if isinstance(request.user, User) else None


def signed_in(request: HttpRequest) -> User:
    """Who is signed in, for pages that nobody else reaches."""
    user = reader_of(request)
    assert user is not None
    return user


def has_proven_email(user: User | AnonymousUser) -> bool:
    """True if the user has shown, by a code mailed to it, that the address of the account is theirs."""
    if not isinstance(user, User):
        return False
    return EmailAddress.objects.filter(user=user, email=user.email, verified=True).exists()
