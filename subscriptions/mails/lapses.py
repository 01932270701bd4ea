"""Why held seats were given back, in the words of the mail about it."""

from dataclasses import dataclass, replace
from datetime import datetime

from redreport import policy
from redreport.wording import span_in_words
from sessions_live.models import LiveSession
from subscriptions.models import Order


@dataclass(frozen=True)
class Lapse:
    """`what_happened`, and `what_if` money comes all the same. Where a bank may still pay, nothing is said of charges."""

    what_happened: str
    what_if: str
    is_uncharged: bool = True

    def said_of(self, quantity: int) -> "Lapse":
        """The same, of one seat or of several."""
        words = ONE if quantity == 1 else SEVERAL
        return replace(self, what_happened=self.what_happened.format(**words), what_if=self.what_if.format(**words))


ONE = {
    "seat": "seat",
    "was": "was",
    "is_": "is",
    "it_is": "it is",
    "a_seat": "a seat",
    "one_is": "one is",
    "a_seat_is": "a seat is",
}
SEVERAL = {
    "seat": "seats",
    "was": "were",
    "is_": "are",
    "it_is": "they are",
    "a_seat": "all of them",
    "one_is": "they are",
    "a_seat_is": "seats are",
}

LAPSED = Lapse(
    "The {seat} we held for you {was} not paid for in time, so {it_is} on sale again.",
    "If you did pay, there is nothing to ask for: you get {a_seat} if {one_is} left, or all of your money back.",
)
BEGUN = Lapse(
    "The session has begun, so seats are no longer sold.",
    "Should a payment still arrive, all of it comes back.",
)
CANCELED = Lapse("We canceled this session.", "Should a payment still arrive, all of it comes back.")
CAME_TO_NOTHING = Lapse(
    "Your order was completed too late: when it reached us, no seat could be given for it any more.",
    "There was nothing to pay, so nothing comes back.",
)
NOT_PAID_BY_THE_BANK = Lapse(
    "Your bank did not make the payment, so we gave back the {seat} we held for you.",
    "If {a_seat_is} left, you can reserve again and pay in another way.",
)
NOT_ARRIVED = Lapse(
    f"Your bank had not moved the money {span_in_words(policy.PAID_BEFORE_START)} before the start, "
    "so the {seat} we held for you {is_} on sale again.",
    "If the payment still arrives, you get {a_seat} if {one_is} left, or all of it back, without asking. "
    "Please do not pay for it twice.",
    is_uncharged=False,
)
CANCELED_MEANWHILE = Lapse(
    "We canceled this session. Your bank is still moving the money of your payment.",
    "When it has arrived, all of it comes back without your asking.",
    is_uncharged=False,
)


def lapse_of(order: Order, now: datetime) -> Lapse:
    """What became of the order's hold."""
    return _lapse_of(order, now).said_of(order.quantity)


def _lapse_of(order: Order, now: datetime) -> Lapse:
    assert order.live_session is not None
    if order.came_to_nothing:
        return CAME_TO_NOTHING
    is_canceled = order.live_session.state == LiveSession.State.CANCELED
    if order.under_way_since:
        if order.state == Order.State.FAILED:
            return NOT_PAID_BY_THE_BANK
        return CANCELED_MEANWHILE if is_canceled else NOT_ARRIVED
    if is_canceled:
        return CANCELED
    return BEGUN if order.live_session.starts_at <= now else LAPSED
