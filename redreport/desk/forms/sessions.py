"""What staff fill in to move a session, to cancel it, or to write to its attendees."""

import re
from datetime import date, datetime, time
from typing import Any

from django import forms

from redreport import policy
from redreport.desk.forms.fields import ClockTimeField, DayField, FoldedField
from redreport.desk.forms.house_times import house_moment
from redreport.text import validate_one_line
from sessions_live.models import LiveSession, ScheduleChange

MESSAGE_LENGTH = ScheduleChange._meta.get_field("message").max_length or 0
REASON_LENGTH = ScheduleChange._meta.get_field("reason").max_length or 0
SUBJECT_LENGTH = 120
BODY_LENGTH = 4000
LONGEST_MINUTES = 12 * 60

# Control characters but the line feed and the tab.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class ChangeForm(forms.Form):
    """What both a move and a cancellation say: something to readers, and the reason, which stays with staff."""

    message = FoldedField(
        label="Message to readers",
        required=False,
        max_length=MESSAGE_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Stands in their mail. They need not be told why, but they like to be.",
    )
    reason = FoldedField(label="Reason, for staff only", max_length=REASON_LENGTH, help_text="It is kept. Readers never see it.")


class MoveForm(ChangeForm):
    """The new time in the house's zone, the length, and why. `starts_at` is the moment once the form is found right."""

    day = DayField(
        label="New date",
        error_messages={"invalid": "Write the date as year, month and day, such as 2027-03-17."},
    )
    clock = ClockTimeField(
        label="New time (Eastern Time)",
        error_messages={"invalid": "Write the time as hours and minutes, such as 11:00 or 14:30."},
    )
    minutes = forms.IntegerField(
        label="Length in minutes",
        min_value=1,
        max_value=LONGEST_MINUTES,
        error_messages={
            "min_value": "A session lasts at least a minute.",
            "max_value": f"A session lasts {LONGEST_MINUTES // 60} hours at most.",
            "invalid": "Write the length in whole minutes, such as 60.",
        },
    )
    field_order = ["day", "clock", "minutes", "message", "reason"]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        day, clock = given.get("day"), given.get("clock")
        if isinstance(day, date) and isinstance(clock, time):
            try:
                given["starts_at"] = house_moment(day, clock)
            except forms.ValidationError as refusal:
                self.add_error("clock", refusal)
        return given

    @staticmethod
    def as_it_stands(live_session: LiveSession) -> dict[str, Any]:
        """What the form begins with."""
        here: datetime = live_session.starts_at.astimezone(policy.HOUSE_ZONE)
        return {"day": here.date(), "clock": here.time(), "minutes": live_session.duration_minutes}


class CancelForm(ChangeForm):
    """Why a session is canceled."""


class AnnouncementForm(forms.Form):
    """A mail to everybody on a roster."""

    subject = forms.CharField(label="Subject", max_length=SUBJECT_LENGTH, validators=[validate_one_line])
    body = forms.CharField(
        label="Text",
        max_length=BODY_LENGTH,
        widget=forms.Textarea(attrs={"rows": 10}),
        help_text="Plain text. Addresses that begin with https:// can be clicked. An empty line begins a new paragraph.",
    )
    to_waiting = forms.BooleanField(label="Also to readers on the waitlist", required=False)

    def clean_body(self) -> str:
        body: str = self.cleaned_data["body"].replace("\r\n", "\n").replace("\r", "\n")
        if _CONTROL.search(body):
            raise forms.ValidationError("There are control characters in this text. Type it anew, or paste plain text.")
        return body
