"""Answers that pages of several rooms give."""

from typing import TypeVar

from django.http import HttpResponseBase, HttpResponseRedirect

R = TypeVar("R", bound=HttpResponseBase)


class SeeOther(HttpResponseRedirect):
    """303: after a POST, go and look there with GET."""

    status_code = 303


def hide_address(response: R) -> R:
    """The page's address is a secret: it goes neither to where a link or a form leads, nor into an index."""
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response
