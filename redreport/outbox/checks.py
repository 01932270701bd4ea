"""What a deployment is told before it sends mail."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register


@register(deploy=True)
def postal_address_is_set(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """Optional mails name the sender's postal address; without it they are withheld."""
    if settings.POSTAL_ADDRESS:
        return []
    return [
        Warning("Optional mails are withheld: they must name a postal address.", hint="Set POSTAL_ADDRESS.", id="outbox.W001")
    ]


@register(deploy=True)
def bounces_are_heard_of(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """The provider's webhook names itself by name and password; another form of secret would refuse all it says."""
    secret = settings.ANYMAIL["WEBHOOK_SECRET"]
    if not secret or ":" in secret:
        return []
    return [Warning("BOUNCE_WEBHOOK_SECRET is no name:password, so no bounce is heard of.", id="outbox.W002")]
