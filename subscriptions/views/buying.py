"""The pages of buying: plans, reserve, start a year. Thin: operations act, selectors read, problems speak."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from redreport import clock, policy
from redreport.accounts.decorators import signed_in_or_back_to
from redreport.accounts.models import User
from redreport.accounts.selectors import reader_of, signed_in
from redreport.answers import SeeOther
from redreport.limits import rules
from redreport.limits.answers import limited
from sessions_live.errors import AlreadySeated, SalesClosed, SoldOut
from sessions_live.models import LiveSession, Seat
from sessions_live.operations.seats import Attendee
from sessions_live.selectors import held_seats, own_seat, session_card, taken_seat
from subscriptions import selectors
from subscriptions.entitlements import check_seat_for_sale
from subscriptions.errors import CatalogNotReady, GatewayError, HeldSeatsStay, PaidMeanwhile, YearAlreadyRunning
from subscriptions.forms import YearForm
from subscriptions.models import Plan
from subscriptions.operations.booking import book_with_credit
from subscriptions.operations.purchase import buy_seats, buy_year
from subscriptions.problems import REFUSALS, show_problem
from subscriptions.reserve_form import ReserveForm
from subscriptions.terms import renewal_terms
from subscriptions.views.common import live_session_or_404


@require_safe
def plans(request: HttpRequest) -> HttpResponse:
    """The two prices side by side."""
    return render(request, "subscriptions/plans.html", selectors.plans_on_offer(user=reader_of(request)))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@limited(rules.ORDER_START)
def reserve(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask who attends; then hold the seats and send the reader to Stripe."""
    live_session, user = live_session_or_404(slug), signed_in(request)
    if request.method != "POST":
        try:
            check_seat_for_sale(user=user, live_session=live_session, now=clock.now())
        except (SalesClosed, SoldOut) as refusal:
            return show_problem(request, refusal, live_session=live_session)
        return _reserve_page(request, live_session, ReserveForm.for_attendees(_attendees_to_propose(user, live_session)))
    if ReserveForm.asks_for_fields(request.POST):
        return _reserve_page(request, live_session, ReserveForm.filled_in_so_far(request.POST))
    form = ReserveForm(request.POST)
    return _send_to_checkout(request, live_session, user, form) if form.is_valid() else _reserve_page(request, live_session, form)


def _attendees_to_propose(user: User, live_session: LiveSession) -> list[Attendee]:
    """Those of the reader's pending order; else the reader, if they have no seat yet; else nobody."""
    held = held_seats(user=user, live_session=live_session)
    attendees = [Attendee(seat.attendee_name, seat.attendee_email, seat.attendee_firm) for seat in held]
    if attendees:
        return attendees
    has_seat = taken_seat(user=user, live_session=live_session) is not None
    return [Attendee("", "") if has_seat else Attendee(user.name, user.email, user.firm)]


def _reserve_page(request: HttpRequest, live_session: LiveSession, form: ReserveForm, status: int = 400) -> HttpResponse:
    """The form, with `status` if something in it was refused."""
    try:
        price = selectors.current_price(Plan.SINGLE_SEAT)
    except CatalogNotReady as refusal:
        return show_problem(request, refusal, live_session=live_session)
    form.fields["price_id"].initial = price.pk
    context = {
        "form": form,
        "live_session": live_session,
        "price": price,
        "total_minor": price.amount_minor * form.wanted,
        "hold_minutes": int(min(policy.CHECKOUT_LIFETIME, live_session.starts_at - clock.now()).total_seconds() // 60),
    }
    return render(request, "subscriptions/reserve.html", context, status=status if form.errors else 200)


@signed_in_or_back_to("sessions:detail")
@require_POST
@limited(rules.ORDER_START)
def use_credit(request: HttpRequest, slug: str) -> HttpResponse:
    """Take the seat and spend the credit, in one step."""
    live_session, user, now = live_session_or_404(slug), signed_in(request), clock.now()
    try:
        booked = book_with_credit(user=user, live_session_id=live_session.pk, now=now)
    except REFUSALS as refusal:
        seat = own_seat(user=user, live_session=live_session)
        if isinstance(refusal, AlreadySeated) and seat and (seat.state in Seat.TAKEN or seat.booked_by_id == user.pk):
            # A second click, or the reader's own hold that waits for its payment: the session's page says which.
            return SeeOther(reverse("sessions:detail", args=[slug]))
        return show_problem(request, refusal, live_session=live_session)
    left = selectors.credit_balance(user=user, now=now).total
    messages.success(
        request, f"Your seat is reserved with 1 credit. {left} left. The invitation goes to {booked.seat.attendee_email}."
    )
    return SeeOther(reverse("sessions:detail", args=[slug]))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@limited(rules.ORDER_START)
def subscribe(request: HttpRequest) -> HttpResponse:
    """The renewal terms with their unticked box; then Stripe."""
    user, now = signed_in(request), clock.now()
    if request.method != "POST" and selectors.live_subscription(user=user):
        return show_problem(request, YearAlreadyRunning(), next_url=reverse("pages:account"))
    try:
        price = selectors.current_price(Plan.ANNUAL)
    except CatalogNotReady as refusal:
        return show_problem(request, refusal)
    form = YearForm(request.POST or None, initial={"price_id": price.pk, "terms_version": policy.CONSENT_VERSION})
    if request.method == "POST" and form.is_valid():
        try:
            return SeeOther(buy_year(user=user, price_id=form.cleaned_data["price_id"], now=now))
        except GatewayError as refusal:
            return show_problem(request, refusal, next_url=reverse("subscriptions:subscribe"))
        except REFUSALS as refusal:
            return show_problem(request, refusal, next_url=reverse("pages:account"))
    context = {
        "form": form,
        "annual_price": price,
        "renews_on": policy.a_year_after(now),
        "credits_per_year": policy.CREDITS_PER_YEAR,
        "terms": renewal_terms(price),
    }
    return render(request, "subscriptions/subscribe.html", context, status=400 if form.errors else 200)


def _send_to_checkout(request: HttpRequest, live_session: LiveSession, user: User, form: ReserveForm) -> HttpResponse:
    attendees, price_id, now = form.attendees, form.cleaned_data["price_id"], clock.now()
    try:
        address = buy_seats(user=user, live_session_id=live_session.pk, attendees=attendees, price_id=price_id, now=now)
    except (AlreadySeated, SoldOut) as refusal:
        if _says_what_to_change(form, live_session, refusal):
            return _reserve_page(request, live_session, form, status=409)
        return show_problem(request, refusal, live_session=live_session)
    except REFUSALS as refusal:
        return show_problem(request, refusal, live_session=live_session, next_url=_what_next(refusal, live_session))
    return SeeOther(address)


def _says_what_to_change(form: ReserveForm, live_session: LiveSession, refusal: Exception) -> bool:
    """Whether the form can say what would make it right: another attendee, or fewer seats."""
    if isinstance(refusal, AlreadySeated):
        form.refuse_attendee(refusal.email)
        return True
    card = session_card(slug=live_session.slug, now=clock.now())
    if card is None or not 0 < card.seats_left < form.wanted:
        return False
    left = "Only 1 seat is" if card.seats_left == 1 else f"Only {card.seats_left} seats are"
    form.add_error("seats", f"{left} left, so we hold none yet. Nothing was charged.")
    return True


def _what_next(refusal: Exception, live_session: LiveSession) -> str:
    if isinstance(refusal, HeldSeatsStay | PaidMeanwhile):
        return reverse("subscriptions:order", args=[refusal.number])
    return reverse("subscriptions:reserve", args=[live_session.slug]) if isinstance(refusal, GatewayError) else ""
