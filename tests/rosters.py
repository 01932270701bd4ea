"""Rosters: words that somebody planted in a name, and seats by the thousand."""

from datetime import datetime

from django.db import connection

from redreport.accounts.models import User
from sessions_live.models import LiveSession

# What a browser would run, what a spreadsheet would, and the longest that a name may be.
PLANTED = ["<script>alert(1)</script>", '=cmd("calc")', "N" * 120]


def fill(live_session: LiveSession, count: int, *, booker: User, now: datetime) -> None:
    """So many confirmed complimentary seats, each with a mail, in three statements."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO sessions_live_seat (public_id, live_session_id, number, state, attendee_name, attendee_email,"
            " attendee_firm, booked_by_id, held_at, confirmed_at, canceled_by, canceled_reason, restitution, calendar_sequence,"
            " door_version) SELECT gen_random_uuid(), %s, n, 'confirmed', 'Reader ' || n, 'r' || n || 's%s@example.com',"
            " 'Firm ' || n %% 50, %s, %s, %s, '', '', '', 0, 0 FROM generate_series(1, %s) n",
            [live_session.pk, live_session.pk, booker.pk, now, now, count],
        )
        cursor.execute(
            "INSERT INTO subscriptions_seatcoverage (seat_id, kind, approved_by_id, note, created_at)"
            " SELECT id, 'comp', %s, '', %s FROM sessions_live_seat WHERE live_session_id = %s",
            [booker.pk, now, live_session.pk],
        )
        cursor.execute(
            "INSERT INTO outbox_outgoingmail (kind, key, recipient, context, state, reason, due_at, attempts, faults,"
            " duplicate_risk, message_id, sent_at, subject, sent_sha256, created_at, updated_at)"
            " SELECT 'seat_confirmed', 'filled:' || id, attendee_email, jsonb_build_object('seat_id', id), 'sent', '', %s, 1, 0,"
            " 0, '<' || id || '@example.com>', %s, '', '', %s, %s FROM sessions_live_seat WHERE live_session_id = %s",
            [now, now, now, now, live_session.pk],
        )
