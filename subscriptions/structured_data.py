"""A session as schema.org describes events, for search engines: what its page says to readers, with what a seat costs."""

from typing import Any

from django.conf import settings

from redreport.addresses import address_of
from redreport.money import decimal_text
from redreport.wording import iso_utc
from sessions_live.models import LiveSession, ScheduleChange
from sessions_live.selectors import SessionCard
from subscriptions.models import Price

SCHEMA = "https://schema.org"
PUBLISHER = "The Red Report"


def event_data(card: SessionCard, price: Price | None, change: ScheduleChange | None) -> dict[str, Any]:
    """An Event whose page is ours; `change` is the last one of its schedule. It has an Offer until it starts, sold out or not."""
    live_session = card.live_session
    page = address_of("sessions:detail", live_session.slug)
    offer = _offer(card, price, page) if card.is_open and price else {}
    return {
        "@context": SCHEMA,
        "@type": "Event",
        "@id": f"{page}#event",
        "name": live_session.title,
        "description": live_session.question,
        "url": page,
        "startDate": iso_utc(live_session.starts_at),
        "endDate": iso_utc(live_session.ends_at),
        **_status(live_session, change),
        "eventAttendanceMode": f"{SCHEMA}/OnlineEventAttendanceMode",
        "location": {"@type": "VirtualLocation", "url": page},
        "organizer": {"@type": "Organization", "name": PUBLISHER, "url": f"{settings.SITE_URL}/"},
        "performer": [{"@type": "Person", "name": host.name} for host in card.hosts],
        "isAccessibleForFree": False,
        **offer,
    }


def _status(live_session: LiveSession, change: ScheduleChange | None) -> dict[str, str]:
    if live_session.state == LiveSession.State.CANCELED:
        return {"eventStatus": f"{SCHEMA}/EventCancelled"}
    if live_session.moved_at and change and change.old_starts_at != live_session.starts_at:
        return {"eventStatus": f"{SCHEMA}/EventRescheduled", "previousStartDate": iso_utc(change.old_starts_at)}
    return {"eventStatus": f"{SCHEMA}/EventScheduled"}


def _offer(card: SessionCard, price: Price, page: str) -> dict[str, Any]:
    live_session = card.live_session
    return {
        "offers": {
            "@type": "Offer",
            "url": page,
            "price": decimal_text(price.amount_minor),
            "priceCurrency": price.currency.upper(),
            "availability": f"{SCHEMA}/InStock" if card.seats_left else f"{SCHEMA}/SoldOut",
            "validFrom": iso_utc(live_session.published_at or live_session.created_at),
            "validThrough": iso_utc(live_session.starts_at),
        }
    }
