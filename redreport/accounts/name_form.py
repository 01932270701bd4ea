"""Apart from the other forms, because allauth imports it while it builds those that they derive from."""

from django import forms
from django.http import HttpRequest

from redreport.accounts.models import User
from redreport.text import FIRM_LENGTH, NAME_LENGTH, validate_one_line


class NameForm(forms.Form):
    """What signing up asks beside the e-mail address; allauth's sign-up form is built upon it."""

    name = forms.CharField(
        max_length=NAME_LENGTH,
        validators=[validate_one_line],
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    firm = forms.CharField(
        max_length=FIRM_LENGTH,
        required=False,
        validators=[validate_one_line],
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    field_order = ("email", "name", "firm")

    def signup(self, request: HttpRequest, user: User) -> None:
        user.name, user.firm = self.cleaned_data["name"], self.cleaned_data["firm"]
        user.save()
