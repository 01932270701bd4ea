"""Refusals of the schedule and the seats. Views turn them into words; none tells a stranger about other people."""


class SeatRefused(Exception):
    """A seat cannot be had; the subclass says why."""


class SoldOut(SeatRefused):
    """Every seat is sold or held."""


class SalesClosed(SeatRefused):
    """The session has started, ended, been canceled, or was never published."""


class SessionOver(SeatRefused):
    """The door has closed: a seat would be good for nothing."""


class AlreadySeated(SeatRefused):
    """This attendee's e-mail already has an active seat in this session. Told to the booker alone."""


class TooManySeats(SeatRefused):
    """The buyer already has the most seats that one buyer may have in a session."""


class SeatNotHeld(SeatRefused):
    """The seat is neither held nor lapsed: it was canceled, or is confirmed already."""


class SeatNotTaken(SeatRefused):
    """The seat is nobody's for good, or no longer: there is nothing to cancel."""


class NotTheBooker(SeatRefused):
    """Somebody else booked this seat: only they may cancel it."""


class NotCancelable(Exception):
    """The session has begun or is over."""


class DoorClosed(Exception):
    """The door is not open now."""


class NotPublishable(Exception):
    """A session lacks what it needs before readers may see it; the message says what."""
