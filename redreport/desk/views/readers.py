"""Readers from a list of the house's, and credits for readers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from redreport import clock, policy
from redreport.accounts.models import User
from redreport.accounts.selectors import signed_in
from redreport.desk.forms.readers import GrantCreditsForm, ImportReadersForm
from redreport.desk.jobs import granting, readers
from redreport.desk.views.asking import Question, ask
from redreport.desk.views.common import GET_OR_POST, desk_page
from redreport.wording import house_day

ABOUT_IMPORT = (
    "Columns, in any order: email, name, firm, credits, credits_until, note. Only email and name must be there. Commas, "
    "semicolons or tabs between them.",
    "Who has no account gets one and an invitation by mail, once. They sign in by a code, so no password is needed.",
    "An account that is there already stays as it is: neither its name nor its firm is changed.",
    "Credits need a day (2027-12-31 or 31 Dec 2027) and a note, such as the number of the invoice. For one address and one note "
    "they are granted once. So the same list again, or a longer one, imports only what is new; more credits need another note.",
)
GUESSED = "The file does not say in which alphabet it is written. Look whether the names read right before you go on."


@GET_OR_POST
@desk_page(readers.IMPORT_READERS.permission)
def import_readers(request: HttpRequest) -> HttpResponse:
    """Upload or paste a list, see what each row would do, and have it imported."""
    may_grant = signed_in(request).has_perm(granting.GRANT_CREDITS.permission)
    sent = (request.POST, request.FILES) if request.method == "POST" else ()
    form = ImportReadersForm(*sent, may_grant=may_grant, now=clock.now())
    question = Question(
        kind=readers.IMPORT_READERS,
        title="Import readers",
        form=form,
        drafts=lambda _: readers.drafts_of(form.rows),
        wishes=lambda _: {},
        back_to=reverse("admin:accounts_user_changelist"),
        about=ABOUT_IMPORT,
    )
    if form.is_bound and form.is_valid() and form.is_guessed:
        messages.warning(request, GUESSED)
    return ask(request, question)


@GET_OR_POST
@desk_page(granting.GRANT_CREDITS.permission)
def grant_credits(request: HttpRequest) -> HttpResponse:
    """Give credits to readers who have an account; `?reader=` names some by the numbers of their accounts."""
    now = clock.now()
    data = request.POST if request.method == "POST" else None
    question = Question(
        kind=granting.GRANT_CREDITS,
        title="Grant credits",
        form=GrantCreditsForm(data, initial=_suggested(request, now), now=now),
        drafts=lambda form: granting.drafts_of(form.cleaned_data["readers"], form.cleaned_data["credits"], now),
        wishes=_wishes,
        back_to=reverse("admin:subscriptions_creditgrant_changelist"),
        about=("Each reader gets a mail. The soonest credits to expire are used first.",),
    )
    return ask(request, question)


def _wishes(form: Any) -> dict[str, Any]:
    given: Mapping[str, Any] = form.cleaned_data
    return {"credits": given["credits"], "until": given["until"].isoformat(), "reason": given["reason"]}


def _suggested(request: HttpRequest, now: datetime) -> dict[str, Any]:
    numbers = [number for number in request.GET.getlist("reader") if number.isdecimal() and len(number) < 10]
    named = User.objects.filter(pk__in=numbers).order_by("email").values_list("email", flat=True) if numbers else ()
    return {"readers": "\n".join(named), "until": house_day(policy.a_year_after(now.astimezone(policy.HOUSE_ZONE)))}
