"""What several of the pages need."""

from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404

from sessions_live.models import LiveSession


class SeeOther(HttpResponseRedirect):
    """303: after a POST, go and look there with GET."""

    status_code = 303


def live_session_or_404(slug: str) -> LiveSession:
    """The session of this address; none where it is a draft."""
    return get_object_or_404(LiveSession.objects.exclude(state=LiveSession.State.DRAFTED), slug=slug)
