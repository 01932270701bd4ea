"""An order's page: confirmed, paid later, given back. It asks Stripe itself, so it works without any webhook."""

from contextlib import suppress

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from redreport import clock
from redreport.accounts.decorators import signed_in_or_back_to
from redreport.accounts.selectors import signed_in
from redreport.answers import SeeOther
from redreport.limits import rules
from redreport.limits.answers import limited
from subscriptions import selectors
from subscriptions.errors import GatewayError, ObjectBusy
from subscriptions.models import Order
from subscriptions.operations.checkouts import give_up_order, open_checkout, sync_checkout
from subscriptions.order_page import order_context
from subscriptions.problems import REFUSALS, show_problem


@never_cache
@login_required
@require_safe
def order(request: HttpRequest, number: str) -> HttpResponse:
    """The order's page, and where Stripe sends the reader back to. It asks Stripe itself, so it confirms without any webhook."""
    found = _order_or_404(request, number)
    if found.waits_for_stripe and found.stripe_checkout_session_id:
        # Without an answer the page says 'confirming' and looks again; a worker or the sweep may be quicker.
        with suppress(GatewayError, ObjectBusy):
            sync_checkout(checkout_session_id=found.stripe_checkout_session_id, now=clock.now())
        found = _order_or_404(request, number)
    returned_paid = request.GET.get("returned") == "paid"
    return render(request, "subscriptions/order.html", order_context(found, returned_paid=returned_paid, now=clock.now()))


@signed_in_or_back_to("subscriptions:order")
@require_POST
@limited(rules.ORDER_START)
def pay(request: HttpRequest, number: str) -> HttpResponse:
    """Back to Stripe's page of a pending order."""
    found = _order_or_404(request, number)
    try:
        return SeeOther(open_checkout(order=found, now=clock.now()))
    except REFUSALS as refusal:
        return show_problem(request, refusal, next_url=reverse("subscriptions:order", args=[number]))


@signed_in_or_back_to("subscriptions:order")
@require_POST
def release(request: HttpRequest, number: str) -> HttpResponse:
    """Give a held seat back before paying."""
    found = _order_or_404(request, number)
    try:
        give_up_order(order_id=found.pk, by_buyer=True, now=clock.now())
    except REFUSALS as refusal:
        return show_problem(request, refusal, next_url=reverse("subscriptions:order", args=[number]))
    return redirect("subscriptions:order", number=number)


def _order_or_404(request: HttpRequest, number: str) -> Order:
    """The signed-in reader's own order; somebody else's is as unknown as one that never was."""
    found = selectors.orders_of(user=signed_in(request)).filter(number=number).first()
    if found is None:
        raise Http404
    return found
