"""What staff fill in to make a season."""

from datetime import date, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from redreport import policy
from redreport.desk.forms.fields import ClockTimeField, DayField
from redreport.desk.jobs.season import PLACES, fill_in, places_in
from redreport.text import validate_one_line
from sessions_live.models import Host, LiveSession
from sessions_live.monthly import Pattern, instant_of, monthly_starts

MOST_SESSIONS = 24
# A first date further away than this is a slip of the finger.
MOST_YEARS_AHEAD = 10
TITLE_LENGTH = LiveSession._meta.get_field("title").max_length or 0
QUESTION_LENGTH = LiveSession._meta.get_field("question").max_length or 0
FILLED_IN = "{number}, {month} and {year} are filled in for each session."


class SeasonForm(forms.Form):
    """Monthly sessions that are alike but for their dates."""

    title = forms.CharField(max_length=TITLE_LENGTH, help_text=FILLED_IN, validators=[validate_one_line])
    section = forms.ChoiceField(choices=LiveSession.Section.choices)
    question = forms.CharField(
        label="The question they answer",
        max_length=QUESTION_LENGTH,
        help_text="It can be written anew in each draft.",
        validators=[validate_one_line],
    )
    hosts = forms.ModelMultipleChoiceField(Host.objects.all(), help_text="Hold Ctrl, or ⌘ on a Mac, to choose several.")
    first_on = DayField(label="First date")
    begins_at = ClockTimeField(
        label="Time",
        help_text="Eastern Time, all year round: it stays the same when clocks change.",
    )
    pattern = forms.ChoiceField(
        label="Every month on",
        choices=[
            (Pattern.WEEKDAY.value, "the same weekday, such as the second Tuesday"),
            (Pattern.DAY.value, "the same day, such as the 14th"),
        ],
    )
    count = forms.IntegerField(label="How many sessions", min_value=1, max_value=MOST_SESSIONS)
    duration_minutes = forms.IntegerField(label="Minutes", min_value=1, max_value=600)
    capacity = forms.IntegerField(label="Seats in each", min_value=1, max_value=10_000)
    meeting_url = forms.URLField(
        label="Meeting address",
        required=False,
        assume_scheme="https",
        help_text="If it is the same for all. Else write it into each draft before you publish it.",
    )

    def __init__(self, *args: Any, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial = {"count": 12, "duration_minutes": policy.SESSION_MINUTES, "capacity": policy.DEFAULT_CAPACITY}
        self.now = now
        self.starts: list[datetime] = []

    def clean_title(self) -> str:
        return self._only_known_places("title")

    def clean_question(self) -> str:
        return self._only_known_places("question")

    def clean_first_on(self) -> date:
        day: date = self.cleaned_data["first_on"]
        if day.year > self.now.year + MOST_YEARS_AHEAD:
            raise ValidationError("That is too far away.")
        return day

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if self.errors:
            return given
        first = instant_of(given["first_on"], given["begins_at"])
        if first <= self.now:
            raise forms.ValidationError("The first date and time lie in the past.")
        self.starts = monthly_starts(first=first, count=given["count"], pattern=Pattern(given["pattern"]))
        for name, most in (("title", TITLE_LENGTH), ("question", QUESTION_LENGTH)):
            longest = max(len(fill_in(given[name], number=n, starts_at=at)) for n, at in enumerate(self.starts, 1))
            if longest > most:
                self.add_error(name, f"Filled in, it is longer than {most} characters.")
        return given

    @property
    def wishes(self) -> dict[str, Any]:
        """What all sessions of the season have in common, as a job keeps it."""
        given = self.cleaned_data
        names = ("title", "section", "question", "duration_minutes", "capacity", "meeting_url")
        return {**{name: given[name] for name in names}, "hosts": [host.pk for host in given["hosts"]]}

    def _only_known_places(self, name: str) -> str:
        words: str = self.cleaned_data[name]
        unknown = sorted(places_in(words) - set(PLACES))
        if unknown:
            raise ValidationError(f"Nothing can be filled in for {{{unknown[0]}}}. {FILLED_IN}")
        return words
