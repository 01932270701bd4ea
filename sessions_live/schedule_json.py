"""The schedule for other people's programs. Names of fields and their meaning stay: what is added is a new field."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from redreport import policy
from redreport.addresses import address_of
from sessions_live.models import LiveSession
from sessions_live.selectors import SessionCard


def schedule_json(cards: Iterable[SessionCard], now: datetime) -> bytes:
    """The sessions, soonest first. The same sessions in the same states are the same bytes."""
    said = {"zone": str(policy.HOUSE_ZONE), "sessions": [_session(card, now) for card in cards]}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


def _session(card: SessionCard, now: datetime) -> dict[str, Any]:
    live_session = card.live_session
    return {
        "id": live_session.slug,
        "title": live_session.title,
        "section": live_session.section,
        "section_name": live_session.get_section_display(),
        "question": live_session.question,
        "hosts": [host.name for host in card.hosts],
        "starts_at": _utc(live_session.starts_at),
        "ends_at": _utc(live_session.ends_at),
        "state": _state(card, now),
        "seats_left": card.seats_left if card.is_open else 0,
        "url": address_of("sessions:detail", live_session.slug),
    }


def _state(card: SessionCard, now: datetime) -> str:
    live_session = card.live_session
    if live_session.state == LiveSession.State.CANCELED:
        return "canceled"
    if live_session.state == LiveSession.State.ENDED or live_session.ends_at <= now:
        return "ended"
    if not card.is_open:
        return "started"
    return "on_sale" if card.seats_left else "sold_out"


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
