"""What the style page shows its components with. Nothing of it is kept: no row is written, and no form sends anything."""

from datetime import timedelta

from django import forms

from redreport import clock
from sessions_live.models import Host, LiveSession
from sessions_live.selectors import SessionCard
from subscriptions.models import Price

LONG_TITLE = (
    "Who may still say no to the local government, and what the Donaudampfschifffahrtsgesellschaftskapitänsmützenverordnung of "
    "the provinces has changed"
)


class SampleForm(forms.Form):
    """One field of each kind."""

    name = forms.CharField(label="Name", widget=forms.TextInput(attrs={"autocomplete": "name"}))
    email = forms.EmailField(
        label="E-mail address",
        help_text="The invitation and the door go there.",
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    firm = forms.CharField(label="Firm", required=False, widget=forms.TextInput(attrs={"autocomplete": "organization"}))
    code = forms.CharField(label="Code", widget=forms.TextInput(attrs={"autocomplete": "one-time-code"}))
    seats = forms.ChoiceField(label="Number of seats", choices=[(1, 1), (2, 2)])
    question = forms.CharField(label="Your question", widget=forms.Textarea(attrs={"rows": 3}), required=False)
    rating = forms.ChoiceField(label="Your rating", choices=[(5, "5 – excellent"), (4, "4 – good")], widget=forms.RadioSelect)
    consent = forms.BooleanField(label="I agree that the subscription renews every year at this price until I turn it off.")


class ClosedForm(forms.Form):
    account = forms.CharField(label="Account", disabled=True, initial="ada@example.com", help_text="It cannot be changed here.")


def sample_forms() -> dict[str, forms.Form]:
    """As it is first seen, filled in wrongly, and closed."""
    empty = SampleForm(auto_id="empty_%s")
    wrong = SampleForm({"email": "nobody", "rating": "9"}, auto_id="wrong_%s")
    return {"empty_form": empty, "wrong_form": wrong, "closed_form": ClosedForm(auto_id="closed_%s")}


def sample_cards() -> list[SessionCard]:
    """A session with seats, one with few, one sold out, and one whose title is as long as titles get."""
    return [
        _card("What the plenum did not say about 共同富裕", capacity=40, left=31),
        _card("The chip that was not supposed to work", capacity=12, left=3),
        _card("Three books on one leader", capacity=8, left=0),
        _card(LONG_TITLE, capacity=40, left=1),
    ]


def sample_prices() -> dict[str, Price]:
    return {"single_price": Price(amount_minor=25000, currency="usd"), "annual_price": Price(amount_minor=250000, currency="usd")}


def _card(title: str, *, capacity: int, left: int) -> SessionCard:
    live_session = LiveSession(
        title=title,
        slug="a-sample",
        section=LiveSession.Section.ZHONGNANHAI,
        question="Which promises were left out of the communiqué, and who notices?",
        starts_at=clock.now() + timedelta(days=8),
        capacity=capacity,
        state=LiveSession.State.PUBLISHED,
    )
    return SessionCard(live_session, [Host(name="Mira Lindqvist"), Host(name="林美")], left, is_open=True)
