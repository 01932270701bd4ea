"""What may be asked about a person."""

from allauth.account.models import EmailAddress
from django.contrib.auth.models import AnonymousUser

from redreport.accounts.models import User


def has_proven_email(user: User | AnonymousUser) -> bool:
    """True if the user has shown, by a code mailed to it, that the address of the account is theirs."""
    if not isinstance(user, User):
        return False
    return EmailAddress.objects.filter(user=user, email=user.email, verified=True).exists()
