"""Where the mail provider tells us what came back: django-anymail's addresses, open only while a secret is set, and its events in
our words. Whatever the provider calls a mail, our own Message-ID is looked for in all it says."""

import re
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

import structlog
from anymail import signals
from anymail import urls as anymail_urls
from anymail.exceptions import AnymailConfigurationError, AnymailError
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.urls import URLPattern

from redreport import clock
from redreport.outbox.bounces import Returned, note_bounce
from redreport.text import EMAIL_LENGTH

log = structlog.get_logger(__name__)

RETURNED = {
    signals.EventType.BOUNCED: Returned.BOUNCED,
    signals.EventType.REJECTED: Returned.REJECTED,
    signals.EventType.FAILED: Returned.REJECTED,
    signals.EventType.COMPLAINED: Returned.COMPLAINED,
    signals.EventType.DEFERRED: Returned.PUT_OFF,
}
UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# 'SoftBounce' is Postmark's word, 'Transient' Amazon's; a code that begins with 4 is every server's.
PASSING_TYPE = "SoftBounce"
PASSING_WORD = "Transient"
PASSING_CODE = re.compile(r"(?:smtp; ?)?4\d\d\b|(?:smtp; ?)?4\.\d{1,3}\.\d{1,3}\b")


def tracking_addresses() -> list[URLPattern]:
    """Anymail's addresses for news of sent mails; those for mail that comes in stay away."""
    patterns = [pattern for pattern in anymail_urls.urlpatterns if str(pattern.name).endswith("_tracking_webhook")]
    return [URLPattern(pattern.pattern, _guarded(pattern.callback), name=pattern.name) for pattern in patterns]


def _guarded(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """404 while no secret is set, or for a provider whose key we lack; 400 for what it sent and nobody can read."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not settings.ANYMAIL["WEBHOOK_SECRET"]:
            raise Http404
        try:
            return view(request, *args, **kwargs)
        except AnymailConfigurationError:
            raise Http404 from None
        except (AnymailError, ValueError, LookupError, TypeError, AttributeError) as error:
            # The class alone: its text may quote an address.
            log.warning("bounce_unreadable", error=type(error).__name__)
            return HttpResponseBadRequest()

    return guarded


def listen() -> None:
    """Have every event that a provider tells of written down; called once from AppConfig.ready()."""
    signals.tracking.connect(_hear, dispatch_uid="redreport.outbox.provider")


def _hear(sender: object, event: Any, esp_name: str, **_: Any) -> None:
    returned = RETURNED.get(event.event_type)
    if returned is None:
        return
    now, recipient = clock.now(), event.recipient or ""
    note_bounce(
        returned=Returned.PUT_OFF if returned == Returned.BOUNCED and _is_passing(event) else returned,
        message_id=_our_message_id(event),
        # We write to no longer one: it is somebody else's.
        recipient=recipient if len(recipient) <= EMAIL_LENGTH else "",
        said=event.mta_response or event.description or event.reject_reason or "",
        happened_at=event.timestamp or now,
        now=now,
    )


def _our_message_id(event: Any) -> str:
    """SendGrid and Mailgun name it, Amazon lists it among the headers, Postmark quotes it where the bounce is sent along."""
    host = re.escape(urlsplit(settings.SITE_URL).hostname or "")
    found = re.search(f"{UUID}@{host}(?![\\w.-])", f"{event.message_id} {event.esp_event!r}")
    return f"<{found[0]}>" if found else ""


def _is_passing(event: Any) -> bool:
    """Whether another mail may well arrive: a full box, a server that is away."""
    told = event.esp_event if isinstance(event.esp_event, dict) else {}
    if told.get("Type") == PASSING_TYPE or str(event.description or "").startswith(PASSING_WORD):
        return True
    return PASSING_CODE.match(str(event.mta_response or "")) is not None
