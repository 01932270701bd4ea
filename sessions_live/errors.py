"""Refusals of the schedule and the seats. Views turn them into words; none tells a stranger about other people."""


class SeatRefused(Exception):
    """A seat cannot be had; the subclass says why."""


class SoldOut(SeatRefused):
    """Every seat is sold or held."""


class SalesClosed(SeatRefused):
    """The session has started, ended, been canceled, or was never published."""


class NotHosting(Exception):
    """They do not host this session, have no address, or no reader sees the session."""


class SessionOver(SeatRefused):
    """The door has closed: a seat would be good for nothing."""


class AlreadySeated(SeatRefused):
    """An attendee's e-mail, which is `email`, already has an active seat in this session. Told to the booker alone."""

    def __init__(self, email: str) -> None:
        super().__init__()
        self.email = email


class TooManySeats(SeatRefused):
    """The buyer already has the most seats that one buyer may have in a session."""


class SeatNotHeld(SeatRefused):
    """The seat is neither held nor lapsed: it was canceled, or is confirmed already."""


class SeatNotTaken(SeatRefused):
    """The seat is nobody's for good, or no longer: there is nothing to cancel."""


class NotTheBooker(SeatRefused):
    """Somebody else booked this seat: only they may cancel it or hand it over."""


class AlreadyEntered(SeatRefused):
    """Its attendee has come in already: the seat cannot change hands any more."""


class TooManyHandOvers(SeatRefused):
    """The seat has changed hands as often as it may."""


class NotWaiting(Exception):
    """The reader does not wait for a seat in this session, or no longer."""


class NothingToWaitFor(Exception):
    """There are seats to be had, or the waitlist of this session is closed: joining it makes no sense."""


class OfferGone(Exception):
    """The offer has lapsed, or was declined: its seat is somebody else's by now."""


class NotMovable(Exception):
    """A session cannot be moved, or not to then; the message says why."""


class TooManyQuestions(Exception):
    """This seat has asked all the questions it may."""


class SeatTakenOver(Exception):
    """The seat's participant came in from another device. Entering from this one ends that: it must be asked for in words."""


class NotCancelable(Exception):
    """The session has begun or is over."""


class NotCheckedIn(Exception):
    """The attendee has not come in: there is nothing to take back."""


class NothingToRelease(Exception):
    """The session has nothing to release, or is not over; the message says which."""


class FeedbackClosed(Exception):
    """A rating is for who came in, from the end of the hour on and for as long as policy says."""


class DoorClosed(Exception):
    """The door is not open now."""


class MeetingUnavailable(Exception):
    """The meeting's provider gives no address just now; a minute later it may."""


class NotPublishable(Exception):
    """A session lacks what it needs before readers may see it; the message says what."""
