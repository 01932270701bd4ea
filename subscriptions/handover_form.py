"""The form in which a seat is handed to somebody else."""

from django import forms

from redreport.text import EMAIL_LENGTH, FIRM_LENGTH, NAME_LENGTH, validate_one_line
from sessions_live.operations.seats import Attendee


class HandOverForm(forms.Form):
    """Who is to sit in the seat from now on."""

    attendee_name = forms.CharField(
        label="Name",
        max_length=NAME_LENGTH,
        validators=[validate_one_line],
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Enter the name of the person who gets the seat."},
    )
    attendee_email = forms.EmailField(
        label="E-mail address",
        max_length=EMAIL_LENGTH,
        help_text="The invitation and the door go there at once.",
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
        error_messages={
            "required": "Enter the e-mail address of the person who gets the seat.",
            "invalid": "Enter an e-mail address like name@example.com.",
        },
    )
    attendee_firm = forms.CharField(
        label="Firm",
        max_length=FIRM_LENGTH,
        required=False,
        validators=[validate_one_line],
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    @property
    def attendee(self) -> Attendee:
        """Who was named; of a form that was found right."""
        given = self.cleaned_data
        return Attendee(given["attendee_name"], given["attendee_email"], given["attendee_firm"])

    def refuse_attendee(self, email: str) -> None:
        """Say at the address itself that it already has a seat."""
        self.add_error(
            "attendee_email",
            f"This person already has a seat in this session: {email}. One person, one seat. Nothing was changed.",
        )
