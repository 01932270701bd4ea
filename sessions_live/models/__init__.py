"""The schedule and the seats, with what the database itself refuses."""

from sessions_live.models.around import Feedback, Material, Question
from sessions_live.models.schedule import CalendarFeed, Host, LiveSession, ScheduleChange, SessionNews
from sessions_live.models.seats import DoorEntry, HandOver, Seat
from sessions_live.models.waitlist import WaitlistEntry

__all__ = [
    "CalendarFeed",
    "DoorEntry",
    "Feedback",
    "HandOver",
    "Host",
    "LiveSession",
    "Material",
    "Question",
    "ScheduleChange",
    "Seat",
    "SessionNews",
    "WaitlistEntry",
]
