"""Forms: label above, hint, error in words at the field and in a summary that leads to it."""

from django import forms
from django.template.loader import render_to_string
from django.test import RequestFactory


class Attendee(forms.Form):
    name = forms.CharField(label="Name")
    email = forms.EmailField(label="E-mail address", help_text="The invitation goes there.")
    firm = forms.CharField(label="Firm", required=False)
    consent = forms.BooleanField(label="I agree", error_messages={"required": "Tick the box to agree."})
    code = forms.CharField(label="Code", required=False, widget=forms.TextInput(attrs={"autocomplete": "one-time-code"}))


WRONG = {"name": "", "email": "nobody"}


def test_field_wires_label_hint_and_error_to_its_control() -> None:
    html = Attendee(WRONG)["email"].as_field_group()
    assert '<label for="id_email">E-mail address</label>' in html
    assert 'id="id_email_helptext"' in html
    assert 'id="id_email_error"' in html
    assert "<span>Error:</span> Write the e-mail address in full, such as name@example.com" in html
    assert 'aria-describedby="id_email_helptext id_email_error"' in html
    assert 'aria-invalid="true"' in html
    assert 'value="nobody"' in html


def test_field_without_error_claims_none() -> None:
    html = Attendee()["name"].as_field_group()
    assert "Error" not in html
    assert "aria-invalid" not in html


def test_optional_field_says_so() -> None:
    assert '<span class="optional">(optional)</span>' in Attendee()["firm"].as_field_group()


def test_box_to_tick_has_its_label_behind_it() -> None:
    html = Attendee(WRONG)["consent"].as_field_group()
    assert html.index('type="checkbox"') < html.index('<label for="id_consent">I agree</label>')
    assert "<span>Error:</span> Tick the box to agree." in html


def test_code_is_typed_on_a_number_pad() -> None:
    assert 'inputmode="numeric"' in Attendee()["code"].as_field_group()


def test_summary_links_each_error_to_its_field_in_the_same_words() -> None:
    html = render_to_string("components/error_summary.html", {"form": Attendee(WRONG)})
    assert "There is a problem" in html
    assert 'tabindex="-1"' in html
    assert '<a href="#id_name">Fill in: Name</a>' in html
    assert '<a href="#id_email">Write the e-mail address in full, such as name@example.com</a>' in html
    assert '<a href="#id_consent">Tick the box to agree.</a>' in html


def test_summary_is_absent_while_nothing_is_wrong() -> None:
    assert "There is a problem" not in render_to_string("components/error_summary.html", {"form": Attendee()})


def test_title_of_a_refused_form_begins_with_error() -> None:
    request = RequestFactory().get("/")
    assert "<title>Error: " in render_to_string("base.html", {"form": Attendee(WRONG)}, request=request)
    assert "<title>Red Report Live" in render_to_string("base.html", {"form": Attendee()}, request=request)
