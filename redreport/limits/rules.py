"""All limits, each with its numbers: how often, in what time, counted by what. docs/operations.md lists them for the house."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Rate:
    """So many within a window that begins with the first of them."""

    most: int
    within: timedelta


@dataclass(frozen=True)
class Limit:
    """
    `rates` names by what it is counted, in the order in which it is asked: `ip`, `email`, `user`, or another value of the
    caller's. The shortest window comes first, so that what it refuses uses up none of the longer ones.

    `is_closed` says what happens when nothing can be counted. Where a secret can be guessed or a stranger be mailed, nothing is
    let through uncounted; where a reader buys or comes in, they are not kept out by a table.
    """

    name: str
    rates: Mapping[str, tuple[Rate, ...]]
    is_closed: bool = False


CODE_ASKED = Limit("code_asked", {"ip": (Rate(20, MINUTE),), "email": (Rate(3, MINUTE), Rate(12, HOUR))}, is_closed=True)
CODE_TRIED = Limit("code_tried", {"ip": (Rate(30, MINUTE), Rate(300, HOUR))}, is_closed=True)
PASSWORD_TRIED = Limit(
    "password_tried", {"ip": (Rate(10, MINUTE),), "email": (Rate(5, 5 * MINUTE), Rate(50, DAY))}, is_closed=True
)
# The page itself: what is posted to it without a password too.
PASSWORD_PAGE = Limit("password_page", {"ip": (Rate(30, MINUTE),)}, is_closed=True)
SECOND_FACTOR_TRIED = Limit("second_factor_tried", {"user": (Rate(5, 5 * MINUTE), Rate(50, DAY))}, is_closed=True)
# A code of an authenticator app, once: longer than any code counts.
SECOND_FACTOR_USED = Limit("second_factor_used", {"code": (Rate(1, 5 * MINUTE),)}, is_closed=True)
PASSKEY_TRIED = Limit("passkey_tried", {"ip": (Rate(20, MINUTE),)}, is_closed=True)
SIGN_UP = Limit("sign_up", {"ip": (Rate(20, MINUTE),), "email": (Rate(3, MINUTE), Rate(12, HOUR))}, is_closed=True)
PASSWORD_RESET = Limit("password_reset", {"ip": (Rate(20, MINUTE),), "email": (Rate(3, MINUTE), Rate(12, HOUR))}, is_closed=True)
EMAIL_CHANGE = Limit("email_change", {"user": (Rate(10, MINUTE), Rate(30, HOUR))}, is_closed=True)
PASSWORD_CHANGE = Limit("password_change", {"user": (Rate(5, MINUTE), Rate(30, HOUR))}, is_closed=True)
# One rate: each is a statement of every purchase.
ORDER_START = Limit("order_start", {"user": (Rate(20, 10 * MINUTE),)})
WAITLIST_JOIN = Limit("waitlist_join", {"user": (Rate(10, MINUTE), Rate(60, HOUR))})
# Each mails somebody who never asked for it.
HAND_OVER = Limit("hand_over", {"user": (Rate(10, MINUTE), Rate(40, DAY))}, is_closed=True)
DOOR_ENTRY = Limit("door_entry", {"link": (Rate(20, MINUTE),)})
QUESTION = Limit("question", {"link": (Rate(10, MINUTE),)})
UNSUBSCRIBE = Limit("unsubscribe", {"ip": (Rate(60, MINUTE),)})
ENQUIRY = Limit("enquiry", {"ip": (Rate(5, 10 * MINUTE), Rate(20, DAY))}, is_closed=True)
EXPORT = Limit("export", {"user": (Rate(5, HOUR),)}, is_closed=True)
ERASURE = Limit("erasure", {"user": (Rate(10, HOUR),)}, is_closed=True)
UNKNOWN_FEED = Limit("unknown_feed", {"ip": (Rate(20, MINUTE), Rate(200, HOUR))})

LIMITS = {limit.name: limit for limit in list(globals().values()) if isinstance(limit, Limit)}
