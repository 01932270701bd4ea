"""What belongs to the reader's account: the credit statement, and the switch that uses credits by itself."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from redreport import clock
from redreport.accounts.selectors import signed_in
from subscriptions import selectors
from subscriptions.auto_booking import attempts_in_coming_sessions, auto_booking_of


@login_required
@require_safe
def credits(request: HttpRequest) -> HttpResponse:
    """The credit statement."""
    user, now = signed_in(request), clock.now()
    context = {
        "grants": selectors.credit_grants(user=user),
        "lines": selectors.credit_statement(user=user),
        "balance": selectors.credit_balance(user=user, now=now).total,
        "auto_booking": auto_booking_of(user=user),
        "attempts": attempts_in_coming_sessions(user=user, now=now),
    }
    return render(request, "subscriptions/credits.html", context)
