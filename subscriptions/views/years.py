"""The reader's year: its renewal turned off and on, and the way to Stripe's portal."""

from contextlib import suppress

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from redreport import clock
from redreport.accounts.models import User
from redreport.accounts.selectors import signed_in
from redreport.answers import SeeOther
from subscriptions.billing_page import renewal_context
from subscriptions.errors import GatewayError, NothingAtStripe, ObjectBusy, PortalUnavailable, YearNotRunning
from subscriptions.models import SubscriptionChange
from subscriptions.operations.changes import HAS_ENDED, ask_renewal, submit_change
from subscriptions.operations.customers import open_portal, sync_years
from subscriptions.problems import show_problem

WISHES = {"on": True, "off": False}


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def renewal(request: HttpRequest) -> HttpResponse:
    """What turning the renewal off or on means, and the button for it; afterwards, how it stands."""
    user, now = signed_in(request), clock.now()
    if request.method == "POST":
        renews = WISHES.get(request.POST.get("renewal", ""))
        if renews is None:
            return SeeOther(reverse("subscriptions:renewal"))
        try:
            return SeeOther(reverse(_turn(request, user, renews)))
        except YearNotRunning as refusal:
            return show_problem(request, refusal, next_url=reverse("pages:account"))
    context = renewal_context(user=user, now=now)
    if context["year_view"] in ("", "ended"):
        return show_problem(request, YearNotRunning(), next_url=reverse("pages:account"))
    return render(request, "subscriptions/renewal.html", context)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def portal(request: HttpRequest) -> HttpResponse:
    """POST leads to Stripe's portal; GET is where it leads back, and takes over at once what was changed there."""
    user, now = signed_in(request), clock.now()
    if request.method == "POST":
        try:
            return SeeOther(open_portal(user=user, now=now))
        except NothingAtStripe as refusal:
            return show_problem(request, refusal, next_url=reverse("pages:account"))
        except GatewayError:
            return show_problem(request, PortalUnavailable(), next_url=reverse("pages:account"))
    # Without an answer the account shows what was known; the webhook brings the rest.
    with suppress(GatewayError, ObjectBusy):
        sync_years(user=user, now=now)
    return redirect("pages:account")


def _turn(request: HttpRequest, user: User, renews: bool) -> str:
    """Keep the wish and try to carry it out; returns the name of the page that says how it stands."""
    now = clock.now()
    change = ask_renewal(user=user, renews=renews, now=now)
    # Another worker at this very year carries the wish out, or the sweep does within a minute, if it is still the last one.
    with suppress(ObjectBusy, GatewayError):
        submit_change(change_id=change.pk, now=now)
    change.refresh_from_db()
    if change.state == SubscriptionChange.State.REFUSED and change.error != HAS_ENDED:
        messages.error(request, "Stripe did not accept it, so nothing was changed. Our desk has been told and will write to you.")
    if change.state == SubscriptionChange.State.DONE and renews:
        messages.success(request, "Your renewal is on again.")
        return "pages:account"
    return "subscriptions:renewal"
