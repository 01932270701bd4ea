"""The roster is no table: it is a session's seats, seen with what covers them and what was mailed."""

from sessions_live.models import Seat


class RosterSeat(Seat):
    """A seat as a row of its session's roster."""

    class Meta:
        proxy = True
        ordering = ["live_session__starts_at", "attendee_name"]
        verbose_name = "roster seat"
        verbose_name_plural = "rosters"
        permissions = [("export_rosterseat", "Can export rosters")]
