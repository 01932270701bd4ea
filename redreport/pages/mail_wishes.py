"""Ending optional mails by the link in them, signed in or not."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from redreport import clock
from redreport.outbox.wishes import say_wish, wants_mail, wish_behind


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
# Mail programs post here themselves (RFC 8058), without cookies; whoever has the signed address needs no forgery.
@csrf_exempt
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """GET asks, and changes nothing; POST ends the topic for the address. Twice is as good as once."""
    found = wish_behind(token)
    if found is None:
        raise Http404
    email, topic = found
    if request.method == "POST":
        say_wish(email=email, topic=topic, is_wanted=False, now=clock.now())
    response = render(request, "pages/unsubscribe.html", {"topic": topic, "is_wanted": wants_mail(email=email, topic=topic)})
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response
