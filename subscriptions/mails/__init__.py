"""The mails that come of buying, one module a subject."""

from subscriptions.mails import (
    auto_booking,
    bookings,
    cancellations,
    declines,
    dunning,
    invitations,
    moves,
    notices,
    offers,
    refunds,
    renewals,
    seat_moves,
    unused_credits,
    years,
)
from subscriptions.mails.auto_booking import queue_auto_booked, queue_not_booked
from subscriptions.mails.bookings import queue_hold_lapsed, queue_seat_confirmed, queue_seats_given, was_confirmed_again
from subscriptions.mails.cancellations import mails_of_cancellation, queue_seat_canceled
from subscriptions.mails.common import coverage_text
from subscriptions.mails.dunning import (
    failure_was_told,
    queue_payment_action_needed,
    queue_payment_failed,
    queue_payment_recovered,
    queue_year_lapsed,
)
from subscriptions.mails.invitations import queue_credits_granted, queue_invitation
from subscriptions.mails.moves import queue_booking_moved
from subscriptions.mails.notices import queue_renewal_notice
from subscriptions.mails.refunds import queue_payment_refunded, queue_refund_failed
from subscriptions.mails.renewals import queue_renewal_changed, queue_year_ended_by_house
from subscriptions.mails.seat_moves import mails_of_seat_move, queue_seat_moved
from subscriptions.mails.unused_credits import queue_credits_left
from subscriptions.mails.years import queue_year_started

__all__ = [
    "coverage_text",
    "failure_was_told",
    "mails_of_cancellation",
    "mails_of_seat_move",
    "queue_auto_booked",
    "queue_booking_moved",
    "queue_credits_granted",
    "queue_credits_left",
    "queue_hold_lapsed",
    "queue_invitation",
    "queue_not_booked",
    "queue_payment_action_needed",
    "queue_payment_failed",
    "queue_payment_recovered",
    "queue_payment_refunded",
    "queue_refund_failed",
    "queue_renewal_changed",
    "queue_renewal_notice",
    "queue_seat_canceled",
    "queue_seat_confirmed",
    "queue_seat_moved",
    "queue_seats_given",
    "queue_year_ended_by_house",
    "queue_year_lapsed",
    "queue_year_started",
    "register",
    "was_confirmed_again",
]


def register() -> None:
    """Make the kinds known to the outbox."""
    for module in (
        auto_booking,
        bookings,
        cancellations,
        declines,
        dunning,
        invitations,
        moves,
        notices,
        offers,
        refunds,
        renewals,
        seat_moves,
        unused_credits,
        years,
    ):
        module.register()
