"""What staff fill in about a session."""

from typing import Any

from django import forms

from redreport.text import validate_one_line
from sessions_live.models import LiveSession, Question


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


class QuestionForm(forms.Form):
    """A question to the hosts."""

    text = forms.CharField(
        label="Your question to the hosts",
        max_length=Question._meta.get_field("text").max_length,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="The hosts see it with your name and firm; other attendees do not.",
    )

    def clean_text(self) -> str:
        """On one line, however it was typed: it stands in a list of others."""
        text = " ".join(self.cleaned_data["text"].split())
        validate_one_line(text)
        return text
