"""Waiting for a seat: joining, leaving, and the page on which an offered seat is taken or declined."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from redreport import clock
from redreport.accounts.decorators import signed_in_or_back_to
from redreport.accounts.models import User
from redreport.accounts.selectors import signed_in
from redreport.answers import SeeOther
from redreport.limits import rules
from redreport.limits.answers import limited
from sessions_live.errors import NotWaiting, OfferGone
from sessions_live.models import LiveSession, WaitlistEntry
from sessions_live.operations.waitlist import leave_waitlist
from subscriptions.entitlements import Action, entitlement
from subscriptions.errors import CreditExpiresBefore, GatewayError, NoCredit
from subscriptions.models import Plan
from subscriptions.operations.offers import take_offer_with_credit, wait_for_seat
from subscriptions.operations.purchase import buy_offered_seat
from subscriptions.problems import PROBLEMS, REFUSALS, show_problem
from subscriptions.selectors import current_prices
from subscriptions.views.common import live_session_or_404


@signed_in_or_back_to("sessions:detail")
@require_POST
@limited(rules.WAITLIST_JOIN)
def join(request: HttpRequest, slug: str) -> HttpResponse:
    """Wait for a seat, to be paid in the way named; a second click changes nothing."""
    live_session = live_session_or_404(slug)
    by_credit = request.POST.get("pay_by") == WaitlistEntry.PayBy.CREDIT
    pay_by = WaitlistEntry.PayBy.CREDIT if by_credit else WaitlistEntry.PayBy.MONEY
    try:
        wait_for_seat(user=signed_in(request), live_session=live_session, pay_by=pay_by, now=clock.now())
    except REFUSALS as refusal:
        return show_problem(request, refusal, live_session=live_session)
    messages.success(request, "You are on the waitlist. We write to you when a seat comes free.")
    return SeeOther(reverse("sessions:detail", args=[slug]))


@signed_in_or_back_to("sessions:detail")
@require_POST
def leave(request: HttpRequest, slug: str) -> HttpResponse:
    """Wait no longer."""
    live_session = live_session_or_404(slug)
    if leave_waitlist(user=signed_in(request), live_session_id=live_session.pk, now=clock.now()):
        messages.success(request, "You are off the waitlist.")
    return SeeOther(reverse("sessions:detail", args=[slug]))


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def offer(request: HttpRequest, slug: str) -> HttpResponse:
    """The seat that is offered, until when, and what the reader answers: a credit, money, or no."""
    live_session, user = live_session_or_404(slug), signed_in(request)
    if request.method != "POST":
        return _offer_page(request, live_session, user)
    session_page = reverse("sessions:detail", args=[slug])
    try:
        return SeeOther(_answer(request, live_session, user) or session_page)
    except (NoCredit, CreditExpiresBefore) as refusal:
        return _offer_page(request, live_session, user, no_credit=PROBLEMS[type(refusal)].heading)
    except GatewayError as refusal:
        return show_problem(request, refusal, live_session=live_session, next_url=session_page)
    except REFUSALS as refusal:
        return show_problem(request, refusal, live_session=live_session)


def _answer(request: HttpRequest, live_session: LiveSession, user: User) -> str:
    """Do what was answered; the address to go to, '' for the session's page."""
    answer, now = request.POST.get("answer"), clock.now()
    if answer == "credit":
        taken = take_offer_with_credit(user=user, live_session_id=live_session.pk, now=now)
        messages.success(request, f"Your seat is reserved with 1 credit. The invitation goes to {taken.seat.attendee_email}.")
    elif answer == "money":
        given = request.POST.get("price_id", "")
        price_id = int(given) if given.isdecimal() and len(given) < 10 else 0
        return buy_offered_seat(user=user, live_session_id=live_session.pk, price_id=price_id, now=now)
    elif answer == "decline" and leave_waitlist(user=user, live_session_id=live_session.pk, now=now):
        messages.success(request, "The seat goes to the next reader. Thank you for saying so.")
    return ""


def _offer_page(request: HttpRequest, live_session: LiveSession, user: User, no_credit: str = "") -> HttpResponse:
    """The offer while it stands; whoever has none, or has answered it, is led to where their matter stands."""
    now = clock.now()
    answer = entitlement(user=user, live_session=live_session, seats_left=0, now=now)
    if answer.action == Action.OFFERED and answer.waitlist_entry and answer.waitlist_entry.is_offered_at(now):
        context = {
            "live_session": live_session,
            "entry": answer.waitlist_entry,
            "credits_left": 0 if no_credit else answer.credits_left,
            "no_credit": no_credit,
            "price": current_prices().get(Plan.SINGLE_SEAT),
        }
        return render(request, "subscriptions/offer.html", context, status=409 if no_credit else 200)
    if answer.action in (Action.CONTINUE, Action.YOURS, Action.OFFERED):
        return SeeOther(reverse("sessions:detail", args=[live_session.slug]))
    still_waits = answer.action == Action.WAITING
    return show_problem(request, NotWaiting() if still_waits else OfferGone(), live_session=live_session)
