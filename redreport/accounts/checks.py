"""What a deployment is told before staff sign in to it."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register


@register(deploy=True)
def staff_give_a_second_factor(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """A mailed code or a password alone is to open the admin of a local copy, and of no other site."""
    if settings.STAFF_SECOND_FACTOR:
        return []
    return [
        Warning("The admin opens without a second factor.", hint="Take STAFF_SECOND_FACTOR=0 away.", id="accounts.W001"),
    ]
