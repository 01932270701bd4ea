"""What can be done to a session, in one list: every page of the desk that leads to it asks here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from redreport.accounts.models import User
from redreport.desk.addresses import Act, Way, ways
from sessions_live.models import LiveSession

State = LiveSession.State
# Sessions to which readers were promised something.
GIVEN = (State.PUBLISHED, State.ENDED)


@dataclass(frozen=True)
class SessionAct(Act):
    """An act on a session in one of these states."""

    states: Sequence[str] = tuple(State.values)
    # What it is called beside the session's title, in a row of many; those without are not there.
    in_row: str = ""


SEATS = [
    SessionAct("Check in", "desk_check_in", "sessions_live.change_seat"),
    SessionAct("Waitlist", "desk_waitlist", "sessions_live.change_waitlistentry"),
    SessionAct("Give a seat…", "desk_comp", "subscriptions.add_seatcoverage"),
    SessionAct("Record an offline payment…", "desk_offline", "subscriptions.add_seatcoverage"),
    SessionAct("Import attendance…", "desk_import_attendance", "sessions_live.change_seat"),
    SessionAct("Print", "desk_roster_print", "desk.view_rosterseat"),
    SessionAct("Export…", "desk_roster_export", "desk.export_rosterseat"),
]
WHOLE = [
    SessionAct("Preview", "desk_preview_session", "sessions_live.change_livesession", [State.DRAFTED], "Preview"),
    SessionAct("Announce…", "desk_announce", "desk.add_announcement", GIVEN, "Announce…"),
    SessionAct("Send hosts their doors…", "desk_host_doors", "outbox.change_outgoingmail", [State.PUBLISHED]),
    SessionAct("Move this session…", "desk_move_session", "sessions_live.change_livesession", [State.PUBLISHED], "Move…"),
    SessionAct(
        "Cancel this session…",
        "desk_cancel_session",
        "sessions_live.change_livesession",
        [State.DRAFTED, State.PUBLISHED],
        "Cancel…",
    ),
]
WATCH = [SessionAct("What became of it", "desk_changes", "desk.view_rosterseat")]


def session_ways(acts: Sequence[SessionAct], *, live_session: LiveSession, user: User) -> list[Way]:
    """Those of the acts that the user may do to this session as it stands, in their order."""
    as_it_stands = [act for act in acts if live_session.state in act.states]
    return ways(as_it_stands, user=user, arguments=[live_session.pk])


def row_ways(live_session: LiveSession, user: User) -> list[Way]:
    """The same for a row of a list of sessions, in few words."""
    acts = [replace(act, label=act.in_row) for act in WHOLE if act.in_row]
    return session_ways(acts, live_session=live_session, user=user)
