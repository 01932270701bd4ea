"""What mail programs and assistants read of a seat: schema.org's EventReservation, as JSON-LD in the HTML of a mail."""

import json
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.utils.safestring import SafeString, mark_safe

from redreport.addresses import address_of
from sessions_live.models import LiveSession, Seat

CONTEXT = "https://schema.org"
# What would end the element that the text stands in, or be read as the beginning of another.
_ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def reservation(seat: Seat, *, holder: str = "", is_withdrawn: bool = False) -> SafeString:
    """The seat as its attendee's reservation, or as that of `holder`, who had it before; `is_withdrawn`: it stands no longer.

    It leads to the session's page and never to the door: programs that read it keep it where others look.
    """
    return _script_text(
        {
            "@context": CONTEXT,
            "@type": "EventReservation",
            "reservationNumber": str(seat.public_id),
            "reservationStatus": f"{CONTEXT}/{'ReservationCancelled' if is_withdrawn else 'ReservationConfirmed'}",
            "underName": {"@type": "Person", "name": holder or seat.attendee_name},
            "reservationFor": _event(seat.live_session),
        }
    )


def _event(live_session: LiveSession) -> dict[str, Any]:
    page = address_of("sessions:detail", live_session.slug)
    is_canceled = live_session.state == LiveSession.State.CANCELED
    return {
        "@type": "Event",
        "name": live_session.title,
        "startDate": _utc(live_session.starts_at),
        "endDate": _utc(live_session.ends_at),
        "eventStatus": f"{CONTEXT}/{'EventCancelled' if is_canceled else 'EventScheduled'}",
        "eventAttendanceMode": f"{CONTEXT}/OnlineEventAttendanceMode",
        "location": {"@type": "VirtualLocation", "url": page},
        "organizer": {"@type": "Organization", "name": settings.SITE_NAME, "url": settings.SITE_URL},
        "url": page,
    }


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _script_text(values: dict[str, Any]) -> SafeString:
    return mark_safe(json.dumps(values, ensure_ascii=False).translate(_ESCAPES))
