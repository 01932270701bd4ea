"""What staff fill in to import readers, and to give them credits."""

import re
from datetime import date, datetime
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

from redreport import policy
from redreport.desk.credit_terms import fault_of_day
from redreport.desk.forms.fields import DayField
from redreport.desk.readers_file import MOST_BYTES, ReaderRow, read_readers
from redreport.desk.sheets import Unreadable, decode
from redreport.text import validate_one_line
from subscriptions.models import CreditGrant

MOST_ADDRESSES = 100
TOO_LARGE = "It is larger than 1 MB: split it."


class ImportReadersForm(forms.Form):
    """A list of readers, uploaded or pasted. A file counts before what is pasted; its text takes that one's place, since the
    preview sends on what was typed and no files."""

    file = forms.FileField(
        label="CSV file",
        required=False,
        help_text="From a spreadsheet: “CSV UTF-8”. At most 1 MB and 2000 rows.",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.txt,.tsv,text/csv,text/plain"}),
    )
    text = forms.CharField(
        label="Or paste the rows here",
        required=False,
        strip=False,
        help_text="With the names of the columns in the first line.",
        widget=forms.Textarea(attrs={"rows": 10, "spellcheck": "false", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, may_grant: bool, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.may_grant, self.now = may_grant, now
        self.rows: list[ReaderRow] = []
        self.is_guessed = False

    def clean_file(self) -> str | None:
        """The text of the file, if there is one."""
        file = self.cleaned_data["file"]
        if not isinstance(file, UploadedFile):
            return None
        if (file.size or 0) > MOST_BYTES:
            raise forms.ValidationError(TOO_LARGE)
        try:
            text, self.is_guessed = decode(file.read())
        except Unreadable as fault:
            raise forms.ValidationError(str(fault)) from fault
        return text

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if self.errors:
            return given
        if given["file"] is not None:
            self.data = self.data.copy()  # type: ignore[attr-defined]
            self.data[self.add_prefix("text")] = given["text"] = given["file"]  # type: ignore[index]
        if not given["text"].strip():
            raise forms.ValidationError("Choose a file, or paste the rows.")
        if _bytes_sent_on(given["text"]) > MOST_BYTES:
            raise forms.ValidationError(TOO_LARGE)
        try:
            self.rows = read_readers(given["text"], self.now)
        except Unreadable as fault:
            raise forms.ValidationError(str(fault)) from fault
        with_credits = [row.line for row in self.rows if row.reader.credits]
        if with_credits and not self.may_grant:
            raise forms.ValidationError(
                f"Line {with_credits[0]} has credits, and you may not grant any. Ask somebody who may, or leave that column out."
            )
        return given


class GrantCreditsForm(forms.Form):
    """Who is given how many credits, until when, and why."""

    readers = forms.CharField(
        label="E-mail addresses of the readers",
        help_text="One on each line. Each must have an account.",
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "autocomplete": "off"}),
    )
    credits = forms.IntegerField(label="Credits for each", min_value=1, max_value=policy.MOST_CREDITS_GIVEN)
    until = DayField(label="Good for sessions until this day", help_text="The day itself included.")
    reason = forms.CharField(
        label="Why",
        max_length=CreditGrant._meta.get_field("reason").max_length,
        help_text="For the house alone; the reader does not see it.",
        validators=[validate_one_line],
    )

    def __init__(self, *args: Any, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.now = now

    def clean_readers(self) -> list[str]:
        addresses = [address.lower() for address in re.split(r"[\s,;]+", self.cleaned_data["readers"]) if address]
        once = list(dict.fromkeys(addresses))
        if len(once) > MOST_ADDRESSES:
            raise forms.ValidationError(f"At most {MOST_ADDRESSES} readers at once. For more, import a list.")
        if not once:
            raise forms.ValidationError("Write at least one address.")
        return once

    def clean_until(self) -> date:
        day: date = self.cleaned_data["until"]
        fault = fault_of_day(day, self.now)
        if fault:
            raise forms.ValidationError(fault)
        return day


def _bytes_sent_on(text: str) -> int:
    """How long it is as a browser sends it."""
    return len(re.sub(r"\r\n|\r|\n", "\r\n", text).encode(errors="replace"))
