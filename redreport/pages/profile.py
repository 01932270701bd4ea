"""Who the reader is: the name and firm that new seats bear, and the zone in which times are printed as well."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from redreport import clock
from redreport.accounts.models import User
from redreport.accounts.selectors import signed_in
from redreport.accounts.zones import zone_choices
from redreport.answers import SeeOther
from sessions_live.selectors import coming_cards


class ProfileForm(forms.ModelForm):
    time_zone = forms.ChoiceField(
        required=False,
        label="Time zone",
        widget=forms.Select(attrs={"class": "wide-list"}),
        help_text="Times are then also shown for it, on pages and in mails. Type the first letters of the city.",
    )

    class Meta:
        model = User
        fields = ("name", "firm", "time_zone")
        widgets = {
            "name": forms.TextInput(attrs={"autocomplete": "name"}),
            "firm": forms.TextInput(attrs={"autocomplete": "organization"}),
        }
        help_texts = {"name": "For the seats you book from now on."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["time_zone"].choices = zone_choices(self.instance.time_zone)  # type: ignore[attr-defined]


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def profile(request: HttpRequest) -> HttpResponse:
    """POST saves. Seats booked already keep the name they were booked with."""
    # A copy: what does not fit must not stand in the page's head as if it had been saved.
    user = User.objects.get(pk=signed_in(request).pk)
    form = ProfileForm(request.POST if request.method == "POST" else None, instance=user)
    if form.is_valid():
        form.save()
        named = "name" in form.changed_data or "firm" in form.changed_data
        messages.success(request, "Saved. Seats you have booked already keep the old name." if named else "Saved.")
        return SeeOther(reverse("pages:profile"))
    coming = coming_cards(now=clock.now(), limit=1)
    context = {"form": form, "sample": coming[0].live_session.starts_at if coming else clock.now()}
    return render(request, "pages/profile.html", context, status=400 if form.errors else 200)
