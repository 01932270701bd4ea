"""What pages behind a secret address have in common."""

from django.http import HttpResponse
from django.utils.encoding import iri_to_uri


def without_referrer(response: HttpResponse) -> HttpResponse:
    """The page's address is a secret: it goes neither to the meeting's provider nor to our own next page, nor into an index."""
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response


def to_the_meeting(address: str) -> HttpResponse:
    """The one answer of ours that knows where a meeting is held."""
    response = HttpResponse(status=303)
    response["Location"] = iri_to_uri(address)
    return without_referrer(response)
