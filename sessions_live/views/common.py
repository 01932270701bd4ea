"""What pages behind a secret address have in common."""

from django.http import HttpResponse
from django.utils.encoding import iri_to_uri

from redreport.answers import hide_address


def to_the_meeting(address: str) -> HttpResponse:
    """The one answer of ours that knows where a meeting is held."""
    response = HttpResponse(status=303)
    response["Location"] = iri_to_uri(address)
    return hide_address(response)
