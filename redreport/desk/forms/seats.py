"""What staff are asked before something is done with seats."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from redreport import clock, wording
from redreport.desk.forms.fields import DayField
from redreport.desk.jobs import seats_cancel
from redreport.desk.jobs.seats import MOST_SEATS
from redreport.money import MINOR_PER_MAJOR, SYMBOLS
from redreport.text import EMAIL_LENGTH, FIRM_LENGTH, NAME_LENGTH, validate_one_line
from sessions_live.models import LiveSession
from sessions_live.operations.seats import Attendee
from subscriptions.forms import AttendeeForm, OneLine

REASON_LENGTH = 200
REFERENCE_LENGTH = 200
MOST_MINOR = 1_000_000 * MINOR_PER_MAJOR

_AMOUNT = re.compile(r"(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d{2}))?")


class AmountField(forms.CharField):
    """Money as people write it, '250' or '1,250.50'; its value is in minor units."""

    default_error_messages = {"invalid": "Write the amount like 250 or 1,250.50."}

    def to_python(self, value: Any) -> Any:
        """The amount in minor units, without ever being a fraction of binary digits."""
        written = str(value or "").strip().removeprefix("$").strip()
        if not written:
            return None
        found = _AMOUNT.fullmatch(written)
        minor = int(found[1].replace(",", "")) * MINOR_PER_MAJOR + int(found[2] or 0) if found and len(written) < 20 else 0
        if not 0 < minor <= MOST_MINOR:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return minor


class ReasonForm(forms.Form):
    """Why: kept beside what is done, for whoever asks later."""

    reason = OneLine(label="Why", max_length=REASON_LENGTH, help_text="For staff only. Readers do not see it.")


class CancelSeatsForm(ReasonForm):
    """What is given back for the seats."""

    restitution = forms.ChoiceField(
        label="What is given back",
        choices=seats_cancel.CHOICES,
        initial=seats_cancel.BY_RULE,
        widget=forms.RadioSelect,
    )
    field_order = ["restitution", "reason"]


class MoveSeatsForm(ReasonForm):
    """Where the seats are to go."""

    to = forms.ModelChoiceField(label="To", queryset=LiveSession.objects.none(), empty_label="Choose a session")
    field_order = ["to", "reason"]

    def __init__(self, *args: Any, out_of: LiveSession, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        on_sale = LiveSession.objects.filter(state=LiveSession.State.PUBLISHED, starts_at__gt=clock.now())
        choices = on_sale.exclude(pk=out_of.pk).order_by("starts_at", "id")
        to: Any = self.fields["to"]
        to.queryset = choices
        to.label_from_instance = _time_and_title


class GuestsForm(ReasonForm):
    """Who gets a seat for nothing."""

    guests = forms.CharField(
        label="Guests",
        max_length=MOST_SEATS * 500,
        help_text="One a line: name, e-mail address, firm. The firm may be left out.",
        widget=forms.Textarea(attrs={"rows": 6, "cols": 60, "spellcheck": "false", "autocapitalize": "off"}),
    )
    field_order = ["guests", "reason"]

    def clean_guests(self) -> list[Attendee]:
        """The guests as attendees; each line that is none is named by its number."""
        lines = [(number, line) for number, line in enumerate(self.cleaned_data["guests"].splitlines(), 1) if line.strip()]
        if len(lines) > MOST_SEATS:
            raise ValidationError(f"At most {MOST_SEATS} guests at once.")
        guests: list[Attendee] = []
        errors: list[ValidationError] = []
        for number, line in lines:
            try:
                guests.append(_guest_of(line))
            except ValidationError as error:
                errors.append(ValidationError(f"Line {number}: {' '.join(error.messages)}"))
        if errors:
            raise ValidationError(errors)
        return guests


class HandOverForm(AttendeeForm, ReasonForm):
    """Who is to have the seat from now on."""

    field_order = ["name", "email", "firm", "reason"]


class OfflinePaymentForm(AttendeeForm, ReasonForm):
    """Whose seat was paid past Stripe, how much of it came, when, and where that is written."""

    amount = AmountField(label="Amount", help_text="What came, in dollars and cents: 250 or 1,250.50.")
    currency = forms.ChoiceField(choices=[(currency, currency.upper()) for currency in SYMBOLS], initial="usd")
    paid_on = DayField(label="Paid on")
    reference = OneLine(
        label="Reference",
        max_length=REFERENCE_LENGTH,
        help_text="Where it is found again: the number of your invoice, or of the transfer.",
    )
    field_order = ["name", "email", "firm", "amount", "currency", "paid_on", "reference", "reason"]

    def clean_paid_on(self) -> Any:
        """A day that has come, by the house's calendar."""
        day = self.cleaned_data["paid_on"]
        if day > wording.house_day(clock.now()):
            raise ValidationError("This day lies in the future.")
        return day


def _time_and_title(live_session: LiveSession) -> str:
    return f"{wording.short_house_time(live_session.starts_at)}: {live_session.title}"


def _guest_of(line: str) -> Attendee:
    """Who is named in a line: what stands before the address is the name, what stands after it the firm."""
    parts = [part.strip() for part in re.split(r"[,\t]", line)]
    at = next((place for place, part in enumerate(parts) if "@" in part), None)
    if at is None:
        raise ValidationError("No e-mail address. Write: name, e-mail address, firm.")
    name, email, firm = ", ".join(filter(None, parts[:at])), parts[at], ", ".join(filter(None, parts[at + 1 :]))
    if not name:
        raise ValidationError("No name before the e-mail address.")
    if len(name) > NAME_LENGTH or len(firm) > FIRM_LENGTH or len(email) > EMAIL_LENGTH:
        raise ValidationError(f"A name or a firm has at most {NAME_LENGTH} characters.")
    validate_email(email)
    for text in (name, firm):
        validate_one_line(text)
    return Attendee(name, email, firm)
