"""What an institution writes."""

import uuid
from typing import Any

from django import forms

from redreport.enquiries.models import Enquiry
from redreport.text import EMAIL_LENGTH, FIRM_LENGTH, NAME_LENGTH, validate_one_line

NEED_LENGTH = Enquiry._meta.get_field("need").max_length
SCOPE_LENGTH = Enquiry._meta.get_field("scope").max_length


class EnquiryForm(forms.Form):
    """Five fields, and the number of the form, by which a second click is the same enquiry."""

    request_id = forms.CharField(required=False, widget=forms.HiddenInput)
    name = forms.CharField(
        label="Your name",
        error_messages={"required": "Enter your name."},
        max_length=NAME_LENGTH,
        validators=[validate_one_line],
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    firm = forms.CharField(
        label="Institution or firm",
        error_messages={"required": "Enter your institution or firm."},
        max_length=FIRM_LENGTH,
        validators=[validate_one_line],
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    email = forms.EmailField(
        label="E-mail address",
        error_messages={"required": "Enter the e-mail address for our reply."},
        max_length=EMAIL_LENGTH,
        help_text="Our reply goes there.",
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    need = forms.CharField(
        label="What do you need?",
        error_messages={"required": "Say what you need."},
        max_length=NEED_LENGTH,
        help_text="Seats for a team, a briefing, or analysis of a question of your own. A few sentences are enough.",
        widget=forms.Textarea(attrs={"rows": 6}),
    )
    scope = forms.CharField(
        label="By when, and for how many people?",
        max_length=SCOPE_LENGTH,
        required=False,
        validators=[validate_one_line],
        help_text="As far as you know it by now.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("request_id", uuid.uuid4())

    def clean_request_id(self) -> uuid.UUID:
        """One that was tampered with counts as a new one."""
        try:
            return uuid.UUID(self.cleaned_data["request_id"])
        except ValueError:
            return uuid.uuid4()
