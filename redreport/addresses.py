"""Where our own pages are found from outside: in mails, in calendars, at Stripe."""

from django.conf import settings
from django.urls import reverse


def address_of(name: str, *args: object) -> str:
    """The absolute address of a page of ours, by the name of its address."""
    return settings.SITE_URL + reverse(name, args=args)
