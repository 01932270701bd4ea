"""Refusals in the reader's words: what happened, whether money moved, what to do next."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from redreport import policy
from sessions_live.errors import (
    AlreadyEntered,
    AlreadySeated,
    NotCancelable,
    NothingToWaitFor,
    NotWaiting,
    OfferGone,
    SalesClosed,
    SeatNotTaken,
    SoldOut,
    TooManyHandOvers,
    TooManySeats,
)
from sessions_live.models import LiveSession
from subscriptions.errors import (
    CatalogNotReady,
    CreditExpiresBefore,
    CreditUsedHere,
    EmailNotProven,
    GatewayError,
    GatewayRefused,
    HeldSeatsStay,
    NoCredit,
    NothingAtStripe,
    ObjectBusy,
    OrderNotOpen,
    OtherOrderOpen,
    PaidMeanwhile,
    PaymentUnderWay,
    PortalUnavailable,
    PriceChanged,
    TooManyLapsedHolds,
    YearAlreadyRunning,
    YearNotRunning,
)

NOT_CHARGED = "Nothing was charged."
# Where Stripe's word is missing, an order may be paid already: no page of ours may deny it.
NOT_KNOWN = (
    "This attempt charged nothing. "
    "If you already paid on Stripe's page, do not pay again: we confirm it as soon as Stripe answers."
)


@dataclass(frozen=True)
class Problem:
    """A plain page that says what happened."""

    heading: str
    what_happened: str
    status: int = 409
    money: str = NOT_CHARGED
    next_label: str = ""


PROBLEMS: dict[type[Exception], Problem] = {
    SoldOut: Problem(
        "This session is sold out",
        "The last seat was taken before yours could be held. If a held seat is not paid for, it comes back on sale.",
        next_label="See whether a seat is left",
    ),
    SalesClosed: Problem("Seats are no longer sold", "This session has started, or does not take place."),
    AlreadySeated: Problem(
        "This person already has a seat", "The e-mail address you gave already has a seat in this session. One person, one seat."
    ),
    NothingToWaitFor: Problem(
        "There is nothing to wait for",
        "Seats are on sale, or it is too late to offer one: the session’s page says which.",
    ),
    NotWaiting: Problem(
        "No seat is offered to you just now",
        "You are not on the waitlist of this session, or no seat has come free for you yet.",
    ),
    OfferGone: Problem(
        "This offer is gone",
        "It was declined or not taken in time, so the seat goes to the next reader who waits. You can join the waitlist again.",
    ),
    OtherOrderOpen: Problem(
        "You have another order in this session",
        "It is not paid yet. Pay it or give it back, then take this seat: the offer stands until its time.",
        next_label="Your account",
    ),
    NotCancelable: Problem(
        "This session has begun",
        "A seat can be canceled or handed over until the start. After that it stays as it is.",
        money="Nothing was changed.",
        next_label="Your account",
    ),
    SeatNotTaken: Problem(
        "There is no seat to cancel or to hand over",
        "This seat is not booked: it is only held while its order waits for the payment, or the hold has ended.",
        money="Nothing was changed.",
        next_label="Your account",
    ),
    AlreadyEntered: Problem(
        "The attendee has come in already",
        "Whoever came in by a seat’s door keeps it: it cannot change hands any more.",
        money="Nothing was changed.",
        next_label="Your account",
    ),
    TooManyHandOvers: Problem(
        "This seat has changed hands often",
        f"A seat can be handed over {policy.MOST_HAND_OVERS} times here. Write to us, and we do it for you.",
        money="Nothing was changed.",
        next_label="Your account",
    ),
    TooManySeats: Problem(
        "That is more seats than one person can book",
        f"One buyer can have {policy.MAX_ACTIVE_SEATS_PER_BUYER} seats in a session, those booked before included. "
        "Write to us if your firm needs more.",
    ),
    HeldSeatsStay: Problem(
        "So many seats are not to be had",
        "We hold seats for you in this session already, and cannot hold the number you asked for instead. "
        "Those we hold stay yours to pay for until their time is over.",
        next_label="See what we hold for you",
    ),
    PaidMeanwhile: Problem(
        "Your earlier order is paid",
        "Its payment had reached Stripe when you asked for another number of seats, so it stands. "
        "If you need more seats, reserve those alone.",
        money="Nothing more was charged.",
        next_label="See the order",
    ),
    TooManyLapsedHolds: Problem(
        "We cannot hold another seat for you today",
        f"You let {policy.MAX_LAPSED_ORDERS} held seats lapse in this session within a day. We hold the next one tomorrow.",
    ),
    PriceChanged: Problem(
        "The price has changed",
        "The price on the page you sent is not the price in force. Please look at the new one before you go on.",
        next_label="See the price",
    ),
    EmailNotProven: Problem(
        "Your e-mail address is not confirmed yet",
        "We hold a seat once we know that the address is yours. Sign in with a mailed code and come back.",
        status=403,
    ),
    CreditUsedHere: Problem(
        "You have used a credit for this session",
        "A year is for one person: one credit, one seat in a session. You gave that seat to somebody else. "
        "You can still pay for a single seat.",
        money="No credit was used, and nothing was charged.",
    ),
    NoCredit: Problem(
        "You have no credit left",
        "No credit of yours is left for this session. You can still pay for a single seat.",
        money="No credit was used, and nothing was charged.",
    ),
    CreditExpiresBefore: Problem(
        "Your credits end before this session",
        "A credit is good for sessions that start before it expires, and this one starts later.",
        money="No credit was used, and nothing was charged.",
    ),
    YearAlreadyRunning: Problem(
        "You already have a year", "Your subscription is running, so we did not start a second one.", next_label="Your account"
    ),
    PaymentUnderWay: Problem(
        "Your payment is on its way",
        "Your bank is still moving the money of an earlier order for this. The order’s page says how long we wait for it.",
        money="Please do not pay again.",
    ),
    YearNotRunning: Problem(
        "You have no current year",
        "It has ended, or it is being ended, so there is no renewal to turn off or on.",
        money="",
        next_label="Your account",
    ),
    NothingAtStripe: Problem(
        "There is nothing to manage yet",
        "Stripe keeps a card, a billing address and invoices for you from your next purchase on.",
        money="",
        next_label="Your account",
    ),
    PortalUnavailable: Problem(
        "We cannot open Stripe’s page just now",
        "Stripe, which keeps your card and your invoices, did not answer. Please try again in a minute or two.",
        status=503,
        money="",
        next_label="Your account",
    ),
    OrderNotOpen: Problem(
        "This order is no longer open",
        "The time to pay for it is over, or it was given up, or it is paid already. Its page says which.",
        money="",
        next_label="See the order",
    ),
    GatewayRefused: Problem(
        "Stripe refused our request",
        "Stripe, which takes our payments, refused what we asked of it, and would refuse it again. "
        "Please write to us and say what you wanted to book.",
        status=502,
        money=NOT_KNOWN,
        next_label="Go back",
    ),
    GatewayError: Problem(
        "We cannot reach the payment service just now",
        "Stripe, which takes our payments, did not answer. Please try again in a minute or two. "
        "What we hold for you is kept for a few minutes.",
        status=503,
        money=NOT_KNOWN,
        next_label="Try again",
    ),
    ObjectBusy: Problem(
        "One moment, please",
        "This order is being worked on right now. Please look at it again.",
        status=503,
        money="",
        next_label="Look again",
    ),
    CatalogNotReady: Problem("Sales have not opened yet", "The prices are not set up yet. Please come back later.", status=503),
}

REFUSALS = tuple(PROBLEMS)


def show_problem(
    request: HttpRequest, refusal: Exception, *, live_session: LiveSession | None = None, next_url: str = ""
) -> HttpResponse:
    """The page for a refusal. Without `next_url` it leads back to the session, or to the schedule."""
    problem = next(problem for kind, problem in PROBLEMS.items() if isinstance(refusal, kind))
    back = reverse("sessions:detail", args=[live_session.slug]) if live_session else reverse("sessions:list")
    context = {
        "heading": problem.heading,
        "what_happened": problem.what_happened,
        "money": problem.money,
        "next_label": problem.next_label or ("Back to the session" if live_session else "See the sessions"),
        "next_url": next_url or back,
    }
    return render(request, "subscriptions/problem.html", context, status=problem.status)
