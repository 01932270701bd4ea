"""The form of one order of seats: how many, and who will sit in each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms.boundfield import BoundField

from redreport import policy
from redreport.text import EMAIL_LENGTH, FIRM_LENGTH, NAME_LENGTH, validate_one_line
from sessions_live.operations.seats import Attendee

MOST = policy.MAX_ACTIVE_SEATS_PER_BUYER
PARTS = ("attendee_name", "attendee_email", "attendee_firm")


@dataclass(frozen=True)
class AttendeeFields:
    """The fields of one attendee, counted from 1; spare ones are there for more seats than are asked for yet."""

    number: int
    fields: list[BoundField]
    is_spare: bool = False


class ReserveForm(forms.Form):
    """The attendees of so many seats, and the price that the reader saw."""

    seats = forms.ChoiceField(
        label="Number of seats",
        choices=[(number, number) for number in range(1, MOST + 1)],
        required=False,
        help_text=f"Up to {MOST} in one order. Each attendee gets an invitation and a door of their own.",
        error_messages={"invalid_choice": f"Choose a number from 1 to {MOST}."},
        widget=forms.Select(attrs={"data-seats": ""}),
    )
    price_id = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, data: Mapping[str, Any] | None = None, *, wanted: int = 1, **kwargs: Any) -> None:
        self.wanted = wanted if data is None else _seats_in(data)
        super().__init__(data, **kwargs)
        for number in range(1, self.wanted + 1):
            self.fields |= _attendee_fields(number, is_only_one=self.wanted == 1)
        self.initial = {**self.initial, "seats": self.wanted}

    @classmethod
    def for_attendees(cls, attendees: Sequence[Attendee]) -> "ReserveForm":
        """The form as it is first seen, with these attendees filled in."""
        initial: dict[str, Any] = {}
        for number, attendee in enumerate(attendees, 1):
            initial |= dict(zip(_names(number), (attendee.name, attendee.email, attendee.firm), strict=True))
        return cls(wanted=len(attendees), initial=initial)

    @classmethod
    def filled_in_so_far(cls, data: Mapping[str, Any]) -> "ReserveForm":
        """The form for another number of seats, with all that was typed, and nothing said of what is still missing."""
        typed = {name: data[name] for number in range(1, MOST + 1) for name in _names(number) if name in data}
        return cls(wanted=_seats_in(data), initial=typed)

    @staticmethod
    def asks_for_fields(data: Mapping[str, Any]) -> bool:
        """Whether the reader pressed the button for it, or wants more seats than the page that was sent had fields for."""
        wanted = range(2, _seats_in(data) + 1)
        return "show" in data or any(name not in data for number in wanted for name in _names(number))

    @property
    def attendees(self) -> list[Attendee]:
        """Who will sit in the seats; of a form that was found right."""
        return [Attendee(*(self.cleaned_data[name] for name in _names(number))) for number in range(1, self.wanted + 1)]

    @property
    def groups(self) -> Iterator[AttendeeFields]:
        """The fields by attendee; then the spare ones, with which a script shows more without asking the server."""
        spare = ReserveForm(wanted=MOST)
        for number in range(1, MOST + 1):
            form = self if number <= self.wanted else spare
            yield AttendeeFields(number, [form[name] for name in _names(number)], is_spare=number > self.wanted)

    def refuse_attendee(self, email: str) -> None:
        """Say at the address itself that it already has a seat."""
        for number in range(1, self.wanted + 1):
            if self.cleaned_data[_names(number)[1]].lower() == email.lower():
                self.add_error(
                    _names(number)[1],
                    f"This person already has a seat in this session: {email}. One person, one seat. Nothing was charged.",
                )
                return

    def clean(self) -> dict[str, Any]:
        """Refuses an address that is given twice."""
        first: dict[str, int] = {}
        for number in range(1, self.wanted + 1):
            email = self.cleaned_data.get(_names(number)[1], "").lower()
            if email in first:
                self.add_error(
                    _names(number)[1],
                    f"Attendees {first[email]} and {number} have the same e-mail address. "
                    "Each needs one of their own: the invitation and the door go there.",
                )
            elif email:
                first[email] = number
        return self.cleaned_data


def _names(number: int) -> list[str]:
    """The names of an attendee's fields: those of the first are without a number."""
    return [part if number == 1 else f"{part}_{number}" for part in PARTS]


def _seats_in(data: Mapping[str, Any]) -> int:
    """The number of seats that somebody sent; one where it is none."""
    sent = str(data.get("seats", ""))
    return int(sent) if sent in {str(number) for number in range(1, MOST + 1)} else 1


def _attendee_fields(number: int, *, is_only_one: bool) -> dict[str, forms.Field]:
    of_whom = "" if is_only_one else f" of attendee {number}"
    person = "the person who will attend" if is_only_one else f"attendee {number}"
    fill_in = {"autocomplete": "off"}
    fields: list[forms.Field] = [
        forms.CharField(
            label=f"Name{of_whom}",
            max_length=NAME_LENGTH,
            validators=[validate_one_line],
            widget=forms.TextInput(attrs={"autocomplete": "name"} if number == 1 else fill_in),
            error_messages={"required": f"Enter the name of {person}."},
        ),
        forms.EmailField(
            label=f"E-mail address{of_whom}",
            max_length=EMAIL_LENGTH,
            help_text="The confirmation, the calendar invitation and the door go there.",
            widget=forms.EmailInput(attrs={"autocomplete": "email"} if number == 1 else fill_in),
            error_messages={
                "required": f"Enter the e-mail address of {person}.",
                "invalid": "Enter an e-mail address like name@example.com" + (f" for {person}." if not is_only_one else "."),
            },
        ),
        forms.CharField(
            label=f"Firm{of_whom}",
            max_length=FIRM_LENGTH,
            required=False,
            validators=[validate_one_line],
            widget=forms.TextInput(attrs={"autocomplete": "organization"} if number == 1 else fill_in),
        ),
    ]
    return dict(zip(_names(number), fields, strict=True))
