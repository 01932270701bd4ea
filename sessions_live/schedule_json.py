"""The schedule for other people's programs. Names of fields and their meaning stay: what is added is a new field."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from redreport import policy
from redreport.addresses import address_of
from redreport.wording import are_few, iso_utc, seats_left
from sessions_live.models import LiveSession
from sessions_live.selectors import SessionCard


def schedule_json(cards: Iterable[SessionCard], now: datetime) -> bytes:
    """The sessions, soonest first. The same sessions in the same states are the same bytes."""
    said = {"zone": str(policy.HOUSE_ZONE), "sessions": [_session(card, now) for card in cards]}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


def seats_json(card: SessionCard, now: datetime) -> bytes:
    """How one session stands, for its own page, which compares it with what it shows: the state, the seats that are left, and the
    words for them as the page prints them."""
    live_session = card.live_session
    left = card.seats_left if card.is_open else 0
    said = {
        "state": sale_state(card, now),
        "starts_at": iso_utc(live_session.starts_at),
        "seats_left": left,
        "capacity": live_session.capacity,
        "words": seats_left(left, live_session.capacity),
        "few": are_few(left),
    }
    return json.dumps(said, separators=(",", ":")).encode()


def sale_state(card: SessionCard, now: datetime) -> str:
    """'on_sale', 'sold_out', 'started', 'ended' or 'canceled'."""
    live_session = card.live_session
    if live_session.state == LiveSession.State.CANCELED:
        return "canceled"
    if live_session.state == LiveSession.State.ENDED or live_session.ends_at <= now:
        return "ended"
    if not card.is_open:
        return "started"
    return "on_sale" if card.seats_left else "sold_out"


def _session(card: SessionCard, now: datetime) -> dict[str, Any]:
    live_session = card.live_session
    return {
        "id": live_session.slug,
        "title": live_session.title,
        "section": live_session.section,
        "section_name": live_session.get_section_display(),
        "question": live_session.question,
        "hosts": [host.name for host in card.hosts],
        "starts_at": iso_utc(live_session.starts_at),
        "ends_at": iso_utc(live_session.ends_at),
        "state": sale_state(card, now),
        "seats_left": card.seats_left if card.is_open else 0,
        "url": address_of("sessions:detail", live_session.slug),
    }
