"""What staff fill in about what stays of a session, and attendees about the hour."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import URLValidator

from redreport import policy
from redreport.text import validate_one_line
from sessions_live.material_files import FILE_TYPES, HEAD_BYTES, is_what_it_says
from sessions_live.models import Material, Question


class QuestionForm(forms.Form):
    """A question to the hosts."""

    text = forms.CharField(
        label="Your question",
        max_length=Question._meta.get_field("text").max_length,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="The authors see it with your name and firm; other attendees do not.",
        error_messages={"required": "Enter your question."},
    )

    def clean_text(self) -> str:
        """On one line, however it was typed: it stands in a list of others."""
        text = " ".join(self.cleaned_data["text"].split())
        validate_one_line(text)
        return text


class MaterialForm(forms.ModelForm):
    """A file of a kind that attendees may be given, or an address elsewhere: one of both."""

    # A field of its own: it takes https alone.
    url = forms.URLField(
        label="Address elsewhere",
        required=False,
        max_length=500,
        assume_scheme="https",
        validators=[URLValidator(schemes=["https"])],
        help_text="Such as the recording at the meeting’s provider. Long recordings are better kept there.",
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if not isinstance(file, UploadedFile):
            return file
        if (file.size or 0) > policy.LARGEST_MATERIAL_BYTES:
            raise forms.ValidationError(f"It is larger than {policy.LARGEST_MATERIAL_BYTES // 1024**2} MB.")
        head = file.read(HEAD_BYTES)
        file.seek(0)
        if not is_what_it_says(file.name or "", head):
            raise forms.ValidationError(f"It is not a file of these kinds: {', '.join(FILE_TYPES)}.")
        return file

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        has_file = bool(given.get("file") or self.instance.file)
        if not self.errors and has_file == bool(given.get("url")):
            raise forms.ValidationError("Give a file or an address: one of both.")
        return given

    class Meta:
        model = Material
        fields = ["live_session", "kind", "title", "file", "url", "position"]


class FeedbackForm(forms.Form):
    """What an attendee thought of the hour."""

    rating = forms.TypedChoiceField(
        label="Your rating",
        choices=[("5", "5 – excellent"), ("4", "4 – good"), ("3", "3 – fair"), ("2", "2 – weak"), ("1", "1 – poor")],
        coerce=int,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose a number."},
    )
    comment = forms.CharField(
        label="What should the authors know?",
        max_length=1000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
