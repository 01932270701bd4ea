"""What several of the pages need."""

from django.shortcuts import get_object_or_404

from sessions_live.models import LiveSession


def live_session_or_404(slug: str) -> LiveSession:
    """The session of this address; none where it is a draft."""
    return get_object_or_404(LiveSession.objects.exclude(state=LiveSession.State.DRAFTED), slug=slug)
