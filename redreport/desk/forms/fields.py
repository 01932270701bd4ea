"""Fields that several of the desk's forms have."""

from typing import Any

from django import forms

from redreport.text import validate_one_line


class DayField(forms.DateField):
    """A day, chosen in the browser's own calendar where it has one."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **kwargs)


class ClockTimeField(forms.TimeField):
    """A time of day as clocks of the house show it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"), **kwargs)


class FoldedField(forms.CharField):
    """A text that may be typed on several lines and is kept on one."""

    def clean(self, value: Any) -> str:
        text = " ".join(super().clean(value).split())
        validate_one_line(text)
        return text
