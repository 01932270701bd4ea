"""Every figure of the books, in the bookkeeper's terms: what it counts, and when. The page and docs/billing.md say the same."""

from dataclasses import dataclass
from enum import StrEnum


class Section(StrEnum):
    """The tables of the books. Sums of money are apart by currency; seats and years are counted."""

    CASH = "cash"
    EARNED = "earned"
    OWED = "owed"
    DUE = "due"
    SEATS = "seats"
    YEARS = "years"


class Unit(StrEnum):
    """What a figure is a number of."""

    MONEY = "money"
    COUNT = "count"
    PERCENT = "percent"


@dataclass(frozen=True)
class Figure:
    """One column. `is_standing` is how it stands at the month's end; else it is what happened in the month."""

    name: str
    section: Section
    label: str
    means: str
    is_standing: bool = False
    unit: Unit = Unit.MONEY


TITLES = {
    Section.CASH: "Cash",
    Section.EARNED: "Earned",
    Section.OWED: "Deferred, at the month's end",
    Section.DUE: "When what is deferred comes due",
    Section.SEATS: "Seats, by the month of their session",
    Section.YEARS: "Years",
}


def _cash(name: str, label: str, means: str) -> Figure:
    return Figure(name, Section.CASH, label, means)


def _earned(name: str, label: str, means: str) -> Figure:
    return Figure(name, Section.EARNED, label, means)


def _owed(name: str, label: str, means: str) -> Figure:
    return Figure(name, Section.OWED, label, means, is_standing=True)


def _due(name: str, label: str, means: str) -> Figure:
    return Figure(name, Section.DUE, label, means)


def _seats(name: str, label: str, means: str, unit: Unit = Unit.COUNT) -> Figure:
    return Figure(name, Section.SEATS, label, means, unit=unit)


def _years(name: str, label: str, means: str, *, is_standing: bool = False, unit: Unit = Unit.COUNT) -> Figure:
    return Figure(name, Section.YEARS, label, means, is_standing, unit)


FIGURES = [
    _cash("payments", "Payments", "What Stripe took for us, tax included, on the day it took it."),
    _cash("offline", "Offline payments", "What came past Stripe, on the day that staff wrote down."),
    _cash("refunds", "Refunds", "What Stripe returned to readers, tax included, by the day on which it was owed."),
    _cash(
        "offline_returned",
        "Returned past Stripe",
        "What staff paid back past Stripe, of whichever payment, tax included, on the day they settled its case with that.",
    ),
    _cash(
        "disputes_taken", "Taken by banks", "What banks took for disputes, on the day they were opened. Inquiries take nothing."
    ),
    _cash("disputes_returned", "Returned by banks", "What came back for disputes that we won."),
    _cash("cash_total", "Cash in all", "All of it together. Stripe's fees are not in it: see below."),
    _cash(
        "tax",
        "Of it tax",
        "The tax in payments, less the tax in what was refunded or lost. It is owed to the tax office.",
    ),
    _earned(
        "earned_seats",
        "Paid seats",
        "A paid seat on the day its session starts, whether its attendee came or not; also one that staff gave for a payment.",
    ),
    _earned(
        "earned_credits",
        "Credits used",
        "A credit on the day the session starts that it paid for, whether its attendee came or not.",
    ),
    _earned(
        "earned_offline",
        "Offline seats",
        "A seat that was paid past Stripe, on the day its session starts, and not before it is paid.",
    ),
    _earned(
        "earned_expired",
        "Credits expired",
        "A credit on the day it expired unused, less those that were carried into the next year after all.",
    ),
    _earned(
        "earned_late",
        "Canceled too late",
        "A seat or a credit that was forfeited, on the day of the cancellation, less those that were restored.",
    ),
    _earned(
        "earned_given_back",
        "Given back",
        "What had been earned, and was refunded, paid back, lost to a bank or canceled by the house afterwards.",
    ),
    _earned(
        "earned_kept",
        "Kept",
        "What is left of a payment once nothing is owed for it any more: a year ended with a smaller refund, a case settled "
        "without giving all of it back, cents of rounding.",
    ),
    _earned("earned_total", "Earned in all", "All of it together, without tax and after discount."),
    _owed("coming", "Coming seats", "Paid seats, also offline ones, whose session has not started."),
    _owed("booked", "Booked credits", "Credits of paid years that are booked on seats whose session has not started."),
    _owed(
        "unused",
        "Unused credits",
        "Credits of paid years that are neither used nor expired, carried-over and returned ones included.",
    ),
    _owed(
        "to_give_back",
        "To be made good",
        "Canceled seats whose money or credit has not gone back: a case stands, or a refund failed and nobody settled its case.",
    ),
    _owed(
        "unassigned",
        "Nothing given yet",
        "Payments for which nothing is given and nothing decided yet: they have a case, or are about to go back.",
    ),
    _owed("owed_total", "Deferred in all", "All of it together, without tax and after discount."),
    _owed(
        "on_its_way",
        "Refunds on their way",
        "Refunds that are owed or under way at Stripe, tax included. They are not deferred any more, and not paid out yet.",
    ),
    _owed(
        "with_bank",
        "With banks",
        "What banks hold for disputes that are not decided. It is ours until they decide, so it stands against the rest.",
    ),
    _owed("tax_held", "Tax", "The tax of all payments so far, less the tax of what was refunded or lost."),
    _owed(
        "difference", "Check", "Cash so far, less tax, earned, deferred and refunds on their way, plus what banks hold. Always 0."
    ),
    _due("due_coming", "Coming seats", "Paid seats, by the month of their session."),
    _due("due_booked", "Booked credits", "Booked credits, by the month of the session they are booked on."),
    _due("due_unused", "Unused credits", "Unused credits, by the month in which they expire."),
    _due(
        "due_total",
        "Due in all",
        "All of it: what is deferred, but for what is to be made good or has nothing given yet.",
    ),
    _seats("seats_sold", "Sold", "Seats taken by a paid order."),
    _seats("seats_by_credit", "By credit", "Seats taken with a credit."),
    _seats("seats_offline", "Offline", "Seats that were paid past Stripe."),
    _seats("seats_given", "Complimentary", "Seats given by the house."),
    _seats("seats_total", "Seats in all", "All seats that were not canceled."),
    _seats("capacity", "Capacity", "Of the sessions that are published or over, and not canceled."),
    _seats("fill", "Fill", "Seats in all by capacity.", Unit.PERCENT),
    _seats("attended", "Attended", "Seats whose attendee came."),
    _seats("no_shows", "No-shows", "Seats whose attendee did not come."),
    _years("years_new", "New", "Years paid for the first time."),
    _years("years_renewed", "Renewed", "Years paid again."),
    _years("years_ended", "Ended", "Agreements that ended."),
    _years("years_running", "Running", "Agreements with a paid year on that day.", is_standing=True),
    _years(
        "annual_recurring",
        "Annual recurring revenue",
        "What the running years were paid, without tax and after discount.",
        is_standing=True,
        unit=Unit.MONEY,
    ),
    _years("refunds_count", "Refunds", "How many went through."),
    _years("disputes_opened", "Disputes", "How many were opened, inquiries included."),
    _years("disputes_lost", "Disputes lost", "How many were lost."),
]

BY_NAME = {figure.name: figure for figure in FIGURES}

# Sums of other figures: their rows are those of all of these.
TOTALS = {
    "cash_total": ("payments", "offline", "refunds", "offline_returned", "disputes_taken", "disputes_returned"),
    "earned_total": (
        *("earned_seats", "earned_credits", "earned_offline", "earned_expired"),
        *("earned_late", "earned_given_back", "earned_kept"),
    ),
    "owed_total": ("coming", "booked", "unused", "to_give_back", "unassigned"),
    "tax_held": ("tax",),
    "due_total": ("due_coming", "due_booked", "due_unused"),
    "seats_total": ("seats_sold", "seats_by_credit", "seats_offline", "seats_given"),
}
# Reckoned from others, without rows of their own.
RECKONED = ("fill", "difference")

# To which figure of what was earned an event's line belongs; all others are what is kept.
EARNED_BY_EVENT = {
    "seat": "earned_seats",
    "credit": "earned_credits",
    "offline_seat": "earned_offline",
    "offline": "earned_offline",
    "expired": "earned_expired",
    "carried_over": "earned_expired",
    "late": "earned_late",
    "restored": "earned_late",
    "refund": "earned_given_back",
    "dispute": "earned_given_back",
    "offline_returned": "earned_given_back",
    "paid_back": "earned_given_back",
    "seat_given": "earned_seats",
    "canceled": "earned_given_back",
}
KEPT = "earned_kept"

# What an event is called where its line is listed.
EVENT_WORDS = {
    "payment": "Payment",
    "offline": "Offline payment",
    "refund": "Refund",
    "dispute": "Dispute lost",
    "offline_returned": "Offline payment given back",
    "paid_back": "Paid back past Stripe",
    "case_settled": "Case settled",
    "seat_given": "Seat given by hand",
    "booked": "Seat booked with a credit",
    "seat": "Session of a paid seat",
    "credit": "Session of a seat by credit",
    "offline_seat": "Session of a seat paid past Stripe",
    "late": "Canceled too late",
    "restored": "Credit restored",
    "canceled": "Seat canceled",
    "taken_back": "Canceled seat settled",
    "returned": "Credit returned",
    "expired": "Credits expired",
    "carried_over": "Credits carried over",
    "revoked": "Credits taken back",
    "dispute_opened": "Dispute opened",
    "dispute_won": "Dispute won",
    "standing": "As it stands",
    "due": "Owed",
    "year_paid": "Year paid",
    "year_ended": "Year over",
    "confirmed": "Seat",
    "attended": "Seat, attended",
    "no_show": "Seat, nobody came",
    "published": "Session",
    "ended": "Session",
}

FEES = (
    "Stripe's fees are not in these books: Stripe takes them from what it pays out and tells us of none. Its own report on the "
    "balance has them."
)

RULES = [
    "Amounts are without tax and after discount, but for cash, refunds on their way and what banks hold. Months are those of "
    "the house's time zone, and each currency is apart.",
    "A payment is divided into as many equal parts as it bought seats or credits, in whole cents. The larger parts go first: of "
    "a year's $2,500.00 the first four credits that are earned are worth $208.34 each, the other eight $208.33. Which credit "
    "that was does not matter. Credits carried over or returned keep belonging to the payment they came from; credits given by "
    "staff, and all that a promotion of 100 % bought, are worth nothing.",
    "A refund is taken from what is still owed for its payment, the last parts first. Only what exceeds that lowers what was "
    "earned, in the month of the refund. Once nothing is owed any more, what is left of the payment is earned.",
    "A seat given up too late is earned on the day of the cancellation: nothing is owed for it from then on. A seat that was "
    "handed over, or moved to another session, is earned on the day of the session in which it is now.",
    "While a bank has not decided a dispute, what the payment bought is owed as before.",
    FEES,
]
