"""The reader's own data: all of it in one file, or all of it erased."""

from typing import Any

from django import forms
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from redreport import clock
from redreport.accounts.privacy.erasing import CannotErase, ErasureChanged, ask_erasure, plan_erasure
from redreport.accounts.privacy.exporting import export_account
from redreport.accounts.recent import proven_recently
from redreport.accounts.selectors import signed_in
from redreport.limits import rules
from redreport.limits.answers import limited


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@proven_recently()
@limited(rules.EXPORT)
def export(request: HttpRequest) -> HttpResponse:
    """GET says what is in the file; POST makes it and gives it out."""
    if request.method != "POST":
        return render(request, "pages/export.html")
    user, now = signed_in(request), clock.now()
    response = HttpResponse(export_account(user=user, now=now), content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="red-report-live-{now:%Y-%m-%d}.json"'
    return response


class EraseForm(forms.Form):
    """The address, typed, and what was read beforehand."""

    email = forms.CharField(
        label="Your e-mail address, to confirm it",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    consequences = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, expected: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.expected = expected

    def clean_email(self) -> str:
        typed: str = self.cleaned_data["email"].strip().lower()
        if typed != self.expected:
            raise ValidationError("That is not the address of this account.")
        return typed


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@proven_recently()
@limited(rules.ERASURE)
def erase(request: HttpRequest) -> HttpResponse:
    """What stands in the way or is lost with it, then the question; POST erases what was read, and nothing else."""
    user, now = signed_in(request), clock.now()
    form = EraseForm(request.POST if request.method == "POST" else None, expected=user.email)
    has_changed = False
    if form.is_valid():
        try:
            ask_erasure(user_id=user.pk, actor=user, consequences=form.cleaned_data["consequences"], now=now)
        except (CannotErase, ErasureChanged):
            has_changed = True
        else:
            logout(request)
            return render(request, "pages/erased.html")
    context = {"plan": plan_erasure(user=user, now=now), "form": form, "has_changed": has_changed}
    return render(request, "pages/erase.html", context, status=409 if has_changed else 400 if form.errors else 200)
