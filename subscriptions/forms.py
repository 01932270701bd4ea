"""What readers fill in before they pay for a year, and staff when they end a year or settle a case."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import QuerySet

from redreport import policy
from redreport.money import MINOR_PER_MAJOR, format_money
from redreport.text import EMAIL_LENGTH, FIRM_LENGTH, NAME_LENGTH, validate_one_line
from redreport.wording import house_time
from sessions_live.models import LiveSession, Seat
from sessions_live.operations.seats import Attendee
from subscriptions.models import Case
from subscriptions.operations.cases import PaidBack
from subscriptions.terms import CONSENT


class YearForm(forms.Form):
    """The consent beside the renewal terms, and the price that the reader saw."""

    consent = forms.BooleanField(
        label=CONSENT,
        error_messages={"required": "Tick the box if you agree that the subscription renews. We cannot start it otherwise."},
    )
    price_id = forms.IntegerField(widget=forms.HiddenInput)
    # The version of the terms on the page that was sent out: agreeing to other words is no agreement to these.
    terms_version = forms.CharField(widget=forms.HiddenInput)

    def clean_terms_version(self) -> str:
        version: str = self.cleaned_data["terms_version"]
        if version != policy.CONSENT_VERSION:
            raise forms.ValidationError("The terms have changed. Please read them again.")
        return version


class OneLine(forms.CharField):
    """Text on one line, in a box wide enough to be read."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            validators=[validate_one_line], widget=forms.TextInput(attrs={"autocomplete": "off", "size": 60}), **kwargs
        )


class NothingToAskForm(forms.Form):
    """What is to be done is said by the button alone, or by what was ticked."""


class AttendeeForm(forms.Form):
    """Who is to sit in a seat, as staff write it down."""

    name = OneLine(label="Name", max_length=NAME_LENGTH)
    email = forms.EmailField(
        label="E-mail address", max_length=EMAIL_LENGTH, widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    firm = OneLine(label="Firm", max_length=FIRM_LENGTH, required=False)

    @property
    def attendee(self) -> Attendee:
        """Who was named; of a form that was found right."""
        return Attendee(self.cleaned_data["name"], self.cleaned_data["email"], self.cleaned_data["firm"])


class SettleCaseForm(forms.Form):
    """How a case was settled, in words that will be read later."""

    resolution = forms.CharField(label="How it was settled", max_length=300, widget=forms.TextInput(attrs={"size": 80}))


class SettleMoneyCaseForm(SettleCaseForm):
    """The same of a case about money: what became of it too. What goes back has buttons of its own."""

    outcome = forms.TypedChoiceField(
        label="The money",
        coerce=Case.Outcome,
        choices=[
            ("", "Choose"),
            (Case.Outcome.KEPT, "We keep it: nothing is owed for it any more"),
            (Case.Outcome.SEAT_GIVEN, "A seat was given for it by hand"),
            (Case.Outcome.OTHERWISE, "Made good otherwise"),
        ],
        help_text="In the books it is earned from then on.",
    )
    field_order = ["outcome", "resolution"]


class RefundRestForm(forms.Form):
    """Made anew with each page: however often its button is clicked, it is one refund, of what stood on the button."""

    request_id = forms.UUIDField(widget=forms.HiddenInput)
    amount_minor = forms.IntegerField(min_value=1, widget=forms.HiddenInput)


class PaidBackForm(forms.Form):
    """How much money was returned that Stripe does not know of, and how."""

    amount = forms.DecimalField(min_value=Decimal("0.01"), max_digits=9, decimal_places=2)
    how = forms.ChoiceField(label="How", choices=[(way, way) for way in ("bank transfer", "cheque", "another way")])
    reference = forms.CharField(max_length=120, validators=[validate_one_line], help_text="What finds it in the bank's books.")

    def __init__(self, *args: Any, most: PaidBack | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if most:
            self.fields["amount"].initial = f"{Decimal(most.amount_minor) / MINOR_PER_MAJOR:.2f}"
            self.fields[
                "amount"
            ].help_text = f"{most.currency.upper()}, at most {format_money(most.amount_minor, most.currency)}."


class SessionChoice(forms.ModelChoiceField):
    """Sessions by title and day: two may have one title."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.title}, {house_time(obj.starts_at)}"


class GiveSeatForm(AttendeeForm):
    """Who is to sit where, for money that was paid and whose order is lost."""

    live_session = SessionChoice(queryset=LiveSession.objects.none(), label="Session")
    is_last = forms.BooleanField(
        label="Settle the case", required=False, initial=True, help_text="Untick it where more seats are to be given."
    )
    field_order = ["live_session", "name", "email", "firm", "is_last"]

    def __init__(self, *args: Any, sessions: QuerySet[LiveSession], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["live_session"].queryset = sessions  # type: ignore[attr-defined]

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        return email.lower()


class EndYearForm(forms.Form):
    """What staff give back when they end a year, and which of its coming seats go with it. `refund_minor` is in minor units."""

    reason = forms.CharField(max_length=200, help_text="For our books; the subscriber is not told.")
    refund = forms.DecimalField(label="Refund", min_value=0, max_digits=9, decimal_places=2)
    seats = forms.TypedMultipleChoiceField(
        label="Cancel these seats too",
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Seats without a tick stay booked. A credit of a canceled seat does not come back.",
    )

    def __init__(self, *args: Any, coming_seats: Sequence[Seat], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["seats"].choices = [(seat.pk, f"{seat.live_session.title}: {seat.attendee_name}") for seat in coming_seats]  # type: ignore[attr-defined]

    @property
    def refund_minor(self) -> int:
        return int(self.cleaned_data["refund"] * MINOR_PER_MAJOR)
