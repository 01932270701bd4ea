"""What every page and mail may say about the house itself."""

from dataclasses import dataclass
from types import ModuleType

from django.conf import settings

from redreport import policy


@dataclass(frozen=True)
class House:
    """`rules` is redreport.policy: templates print its values, so that no page states a number of its own."""

    name: str
    site_url: str
    support_email: str
    rules: ModuleType


def the_house() -> House:
    return House(name=settings.SITE_NAME, site_url=settings.SITE_URL, support_email=settings.MAIL_REPLY_TO, rules=policy)
