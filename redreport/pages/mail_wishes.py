"""Which optional mails a reader wants: chosen on a page of the account, or ended by the link in each of them."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from redreport import clock
from redreport.accounts.selectors import signed_in
from redreport.answers import SeeOther, hide_address
from redreport.limits import rules
from redreport.limits.answers import limited
from redreport.outbox import kinds
from redreport.outbox.wishes import say_wish, wants_mail, wish_behind


class WishesForm(forms.Form):
    """A tick for each topic, set as the address wants it now."""

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for topic in kinds.topics().values():
            is_wanted = wants_mail(email=email, topic=topic)
            self.fields[topic.name] = forms.BooleanField(label=topic.label, required=False, initial=is_wanted)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def wishes(request: HttpRequest) -> HttpResponse:
    """All optional mails with a tick each. POST notes what changed, for the address of the account."""
    email = signed_in(request).email
    form = WishesForm(request.POST if request.method == "POST" else None, email=email)
    if form.is_valid():
        for name in form.changed_data:
            say_wish(email=email, topic=kinds.topics()[name], is_wanted=form.cleaned_data[name], now=clock.now())
        messages.success(request, "Your choice is saved.")
        return SeeOther(reverse("pages:wishes"))
    return render(request, "pages/wishes.html", {"form": form})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
# Mail programs post here themselves (RFC 8058), without cookies; whoever has the signed address needs no forgery.
@csrf_exempt
@limited(rules.UNSUBSCRIBE)
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """GET asks, and changes nothing; POST ends the topic for the address. Twice is as good as once."""
    found = wish_behind(token)
    if found is None:
        raise Http404
    email, topic = found
    if request.method == "POST":
        say_wish(email=email, topic=topic, is_wanted=False, now=clock.now())
    is_wanted = wants_mail(email=email, topic=topic)
    return hide_address(render(request, "pages/unsubscribe.html", {"topic": topic, "is_wanted": is_wanted}))
