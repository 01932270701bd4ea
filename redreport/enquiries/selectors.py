"""Reading enquiries."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min

from redreport.enquiries.models import Enquiry


@dataclass(frozen=True)
class OpenEnquiries:
    """How many wait for an answer, and since when the oldest does."""

    number: int
    oldest: datetime | None


def open_enquiries() -> OpenEnquiries:
    """Those that nobody has answered or closed. One query."""
    counted = Enquiry.objects.filter(state=Enquiry.State.NEW).aggregate(number=Count("id"), oldest=Min("created_at"))
    return OpenEnquiries(counted["number"], counted["oldest"])


def sent_within(span: timedelta, *, email: str, now: datetime) -> int:
    """How many enquiries came from an address lately."""
    return Enquiry.objects.filter(email=email, created_at__gt=now - span).count()
