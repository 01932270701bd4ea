"""What readers fill in before they pay."""

from django import forms

from redreport import policy
from redreport.text import FIRM_LENGTH, NAME_LENGTH, validate_one_line
from subscriptions.terms import CONSENT


class ReserveForm(forms.Form):
    """Who will sit in the seat, and the price that the reader saw."""

    attendee_name = forms.CharField(
        label="Name",
        max_length=NAME_LENGTH,
        validators=[validate_one_line],
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        error_messages={"required": "Enter the name of the person who will attend."},
    )
    attendee_email = forms.EmailField(
        label="E-mail address",
        help_text="The confirmation, the calendar invitation and the door go there.",
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        error_messages={
            "required": "Enter the e-mail address of the person who will attend.",
            "invalid": "Enter an e-mail address like name@example.com.",
        },
    )
    attendee_firm = forms.CharField(
        label="Firm",
        max_length=FIRM_LENGTH,
        required=False,
        validators=[validate_one_line],
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    price_id = forms.IntegerField(widget=forms.HiddenInput)


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
