"""Meetings that staff make by hand: one address for everybody, typed into the session's form."""

from sessions_live.models import LiveSession, Seat


class PlainAddress:
    """The session's own address, for hosts and attendees alike."""

    def is_ready(self, live_session: LiveSession) -> bool:
        return bool(live_session.meeting_url)

    def attendee_url(self, seat: Seat) -> str:
        return seat.live_session.meeting_url

    def host_url(self, live_session: LiveSession) -> str:
        return live_session.meeting_url
