"""What staff fill in about a session."""

from typing import Any

from django import forms

from sessions_live.models import LiveSession


class LiveSessionForm(forms.ModelForm):
    """A session that readers can see keeps what it was published with: somebody to host it, and a place to meet."""

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if self.instance.state == LiveSession.State.PUBLISHED:
            if not given.get("meeting_url"):
                self.add_error("meeting_url", "It is published: without a meeting address its door would lead nowhere.")
            if not given.get("hosts"):
                self.add_error("hosts", "It is published: it needs at least one host.")
        return given
