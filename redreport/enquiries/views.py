"""The institution's page, and the one that says that we have it."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from redreport import clock, policy
from redreport.accounts.selectors import reader_of
from redreport.answers import SeeOther
from redreport.enquiries.errors import TooManyEnquiries
from redreport.enquiries.forms import EnquiryForm
from redreport.enquiries.models import Enquiry
from redreport.enquiries.operations import send_enquiry


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """The form; sent, it leads to the reference. What was typed stays where something is wrong."""
    form = EnquiryForm(request.POST if request.method == "POST" else None, initial=_known_of(request))
    if form.is_valid():
        try:
            enquiry = send_enquiry(now=clock.now(), **form.cleaned_data)
        except TooManyEnquiries:
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
        f"We have {policy.MOST_ENQUIRIES_PER_HOUR} enquiries from this address within the last hour, and this one was not taken. "
        f"If something is to be added, write to {settings.MAIL_REPLY_TO}."
    )


def _known_of(request: HttpRequest) -> dict[str, Any]:
    """What the account of who is signed in says already."""
    reader = reader_of(request)
    return {"name": reader.name, "firm": reader.firm, "email": reader.email} if reader else {}
