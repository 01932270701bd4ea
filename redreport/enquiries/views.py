"""The institution's page, and the one that says that we have it."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from redreport import clock
from redreport.accounts.selectors import reader_of
from redreport.answers import SeeOther
from redreport.enquiries.errors import TooManyEnquiries
from redreport.enquiries.forms import EnquiryForm
from redreport.enquiries.models import Enquiry
from redreport.enquiries.operations import send_enquiry
from redreport.limits import rules
from redreport.limits.counting import take
from redreport.limits.visitors import ip_of


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """The form; sent, it leads to the reference. What was typed stays where something is wrong."""
    form = EnquiryForm(request.POST if request.method == "POST" else None, initial=_known_of(request))
    if form.is_valid():
        # A flood of enquiries is refused on the form itself, so that what was typed is not lost.
        refused = take(rules.ENQUIRY, now=clock.now(), ip=ip_of(request))
        try:
            enquiry = None if refused else send_enquiry(now=clock.now(), **form.cleaned_data)
        except TooManyEnquiries:
            enquiry = None
        if enquiry is None:
            form.add_error(None, _too_many())
            return render(request, "enquiries/ask.html", {"form": form}, status=429)
        return SeeOther(reverse("enquiries:thanks", args=[enquiry.reference]))
    return render(request, "enquiries/ask.html", {"form": form})


@require_safe
def thanks(request: HttpRequest, reference: str) -> HttpResponse:
    """The reference, as often as it is looked at; nothing of what was written, for whoever has the address could read it."""
    enquiry = get_object_or_404(Enquiry, reference=reference)
    return render(request, "enquiries/thanks.html", {"enquiry": enquiry})


def _too_many() -> str:
    return (
        "Several enquiries came from you within a short time, and this one was not taken. Try again in an hour; "
        f"if it cannot wait, write to {settings.MAIL_REPLY_TO}."
    )


def _known_of(request: HttpRequest) -> dict[str, Any]:
    """What the account of who is signed in says already."""
    reader = reader_of(request)
    return {"name": reader.name, "firm": reader.firm, "email": reader.email} if reader else {}
