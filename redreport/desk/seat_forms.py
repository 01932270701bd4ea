"""What staff are asked before something is done with seats."""

from django import forms

from redreport.desk.jobs import seats_cancel
from redreport.text import validate_one_line

REASON_LENGTH = 200


class ReasonForm(forms.Form):
    """Why: kept beside what is done, for whoever asks later."""

    reason = forms.CharField(
        label="Why",
        max_length=REASON_LENGTH,
        validators=[validate_one_line],
        help_text="For staff only. Readers do not see it.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "size": 60}),
    )


class CancelSeatsForm(ReasonForm):
    """What is given back for the seats."""

    restitution = forms.ChoiceField(
        label="What is given back",
        choices=seats_cancel.CHOICES,
        initial=seats_cancel.BY_RULE,
        widget=forms.RadioSelect,
    )
    field_order = ["restitution", "reason"]
