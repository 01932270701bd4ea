"""What belongs to the reader's account: the credit statement."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from redreport import clock
from redreport.accounts.selectors import signed_in
from subscriptions import selectors


@login_required
@require_safe
def credits(request: HttpRequest) -> HttpResponse:
    """The credit statement."""
    user = signed_in(request)
    context = {
        "grants": selectors.credit_grants(user=user),
        "lines": selectors.credit_statement(user=user),
        "balance": selectors.credit_balance(user=user, now=clock.now()).total,
    }
    return render(request, "subscriptions/credits.html", context)
