"""What stays of an hour, mailed once to everybody who had a seat: in other words to who came than to who missed it."""

from datetime import datetime

from redreport import clock
from redreport.outbox.kinds import MailKind, RenderedMail, Topic, Verdict
from redreport.outbox.kinds import register as register_kind
from redreport.outbox.models import OutgoingMail
from redreport.outbox.render import render_optional
from sessions_live.mails.common import booking_context, seat_of, stands
from sessions_live.models import Seat
from sessions_live.seat_links import REPLAY

FOLLOW_UP = "follow_up"
FOLLOW_UPS = Topic("follow_ups", "Notes and replay after a session you had a seat in", is_wanted_unasked=True)


def register() -> None:
    """Make the mail known to the outbox. It is private: its link opens the replay to whoever has it."""
    register_kind(MailKind(FOLLOW_UP, "follow-up", guard=_guard, render=_render, private=True, topic=FOLLOW_UPS))


def _guard(mail: OutgoingMail, now: datetime) -> Verdict:
    return stands(seat_of(mail), mail)


def _render(mail: OutgoingMail) -> RenderedMail:
    """Who came, and what is there, is asked at the moment of sending: staff may have corrected either."""
    seat = seat_of(mail)
    live_session = seat.live_session
    is_released = live_session.materials_released_at is not None
    context = {
        **booking_context(seat),
        "materials": list(live_session.materials.all()) if is_released else [],
        "came": seat.state == Seat.State.ATTENDED,
        "takes_feedback": seat.takes_feedback(clock.now()),
        "replay_url": REPLAY.url(seat),
    }
    return render_optional("follow_up", context, mail=mail, topic=FOLLOW_UPS)
