"""What settles a case with one click: when each button is offered, what it asks for, and the operation that it stands for."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django import forms
from django.http import QueryDict
from django.utils.functional import cached_property

from redreport import clock
from redreport.accounts.models import User
from redreport.money import MINOR_PER_MAJOR, format_money
from sessions_live.models import LiveSession
from sessions_live.operations.seats import Attendee
from subscriptions.forms import GiveSeatForm, NothingToAskForm, PaidBackForm, RefundRestForm, SettleCaseForm, SettleMoneyCaseForm
from subscriptions.models import Case
from subscriptions.operations import case_actions, case_money
from subscriptions.operations.cases import settle_case

ALL_OF_IT = (
    "All that is left of the payment goes back within a minute. Its coming seats are canceled and its unused credits taken back. "
    "The case is settled."
)
ONE_SEAT = "This seat’s share of the payment goes back within a minute. The order’s other seats stay. The case is settled."
Operation = Callable[..., object]


@dataclass(frozen=True)
class Button:
    """One remedy. `act` takes the case's id, who and when, and what its form was given."""

    step: str
    act: Operation
    label: Callable[[Case], str]
    help: Callable[[Case], str]
    is_offered: Callable[[Case], bool]
    form_of: Callable[[QueryDict | None, Case], forms.Form] = lambda data, case: NothingToAskForm(data)
    # Beside the permission to settle cases.
    permission: str = ""
    incomplete: str = "Open the case again and use its button."
    done: str = "Settled."

    @property
    def url_name(self) -> str:
        """The name of its address."""
        return f"subscriptions_case_{self.step.replace('-', '_')}"

    def is_for(self, user: User) -> bool:
        """Whether this member of staff may press it, as far as its own permission goes."""
        return not self.permission or user.has_perm(self.permission)


@dataclass
class OfferedButton:
    """A button on the page of a case, with a form made anew."""

    button: Button
    case: Case
    form: forms.Form = field(init=False)

    def __post_init__(self) -> None:
        self.form = self.button.form_of(None, self.case)

    @cached_property
    def address(self) -> str:
        """Where it posts to."""
        return f"admin:{self.button.url_name}"

    @property
    def label(self) -> str:
        return self.button.label(self.case)

    @property
    def help(self) -> str:
        return self.button.help(self.case)


def offered_buttons(case: Case, user: User) -> list[OfferedButton]:
    """What the page of this case offers this member of staff; the last one is for what was done elsewhere."""
    if case.state != Case.State.OPENED:
        return []
    return [OfferedButton(button, case) for button in BUTTONS if button.is_for(user) and button.is_offered(case)]


def _said(words: str) -> Callable[[Case], str]:
    return lambda case: words


def _refund_label(case: Case) -> str:
    assert case.payment is not None
    return f"Refund {format_money(case_money.left_to_refund(case), case.payment.currency)}"


def _refund_help(case: Case) -> str:
    return ONE_SEAT if case.kind == Case.Kind.DISPUTED_RESTITUTION else ALL_OF_IT


def _settle_help(case: Case) -> str:
    words = "For what you did elsewhere, or decided to leave. It stays readable."
    gone = "Money that went back past Stripe has its own button above: here the books count it as kept."
    return f"{words} {gone}" if case_money.to_pay_back(case) else words


def _paid_back(*, case_id: int, amount: Decimal, **said: Any) -> object:
    return case_money.note_paid_back(case_id=case_id, amount_minor=int(amount * MINOR_PER_MAJOR), **said)


def _settle_form(data: QueryDict | None, case: Case) -> SettleCaseForm:
    return SettleMoneyCaseForm(data) if case.kind in Case.OF_MONEY else SettleCaseForm(data)


def _give_seat(data: QueryDict | None, case: Case) -> GiveSeatForm:
    sessions = LiveSession.objects.filter(state=LiveSession.State.PUBLISHED, starts_at__gt=clock.now()).order_by("starts_at")
    payer = case.subscriber.user if case.subscriber else None
    initial = {"name": payer.name, "email": payer.email, "firm": payer.firm} if payer else {}
    return GiveSeatForm(data, sessions=sessions, initial=initial)


def _seat_given(*, live_session: LiveSession, name: str, email: str, firm: str, is_last: bool, **who: Any) -> object:
    attendee = Attendee(name, email, firm)
    return case_actions.give_seat_of_case(live_session_id=live_session.pk, attendee=attendee, is_last=is_last, **who)


BUTTONS = [
    Button(
        step="retry-refund",
        act=case_money.retry_refund_of_case,
        label=_said("Try the refund again"),
        help=_said("A new refund is made instead of the one that failed, within a minute. The case is settled."),
        is_offered=case_money.can_retry_refund,
    ),
    Button(
        step="refund-rest",
        act=case_money.refund_rest_of_case,
        label=_refund_label,
        help=_refund_help,
        is_offered=case_money.can_refund_rest,
        form_of=lambda data, case: RefundRestForm(
            data, initial={"request_id": uuid4(), "amount_minor": case_money.left_to_refund(case)}
        ),
    ),
    Button(
        step="give-seat",
        act=_seat_given,
        label=_said("Give the seat"),
        help=_said(
            "For what was paid: booked by who paid, complimentary, since no order of ours is there. Once the case is settled, "
            "the books earn the payment with the seat. If they cancel it, nothing comes back by itself. As long as it is theirs, "
            "the payment is not refunded here."
        ),
        is_offered=case_actions.can_give_seat,
        form_of=_give_seat,
        permission="subscriptions.add_seatcoverage",
        incomplete="No seat was given: choose the session, and write name and address.",
        done="The seat is theirs, and the confirmation is on its way.",
    ),
    Button(
        step="returned",
        act=_paid_back,
        label=_said("Write down that the money was returned"),
        help=_said(
            "For money that you have sent by another way than Stripe. It is cash out in the books, cannot be refunded again, and "
            "what is left of it is kept. The case is settled."
        ),
        is_offered=lambda case: case_money.to_pay_back(case) is not None,
        form_of=lambda data, case: PaidBackForm(data, most=case_money.to_pay_back(case)),
        incomplete="Write how much was returned and how, and the reference.",
    ),
    Button(
        step="ask-again",
        act=case_actions.ask_change_of_case_again,
        label=_said("Ask Stripe again"),
        help=_said("The same is asked once more, within a minute. The case is settled; another refusal opens another."),
        is_offered=lambda case: case_actions.refused_change_of(case) is not None,
        permission="subscriptions.change_subscription",
    ),
    Button(
        step="credit-note-again",
        act=case_actions.make_credit_note_of_case_again,
        label=_said("Try the credit note again"),
        help=_said("Stripe is asked once more, within a minute. The case settles itself once the credit note is there."),
        is_offered=case_actions.can_make_credit_note_again,
        done="Stripe is asked again within a minute.",
    ),
    Button(
        step="send-mail-again",
        act=case_actions.send_mail_of_case_again,
        label=_said("Send the mail again"),
        help=_said("To the same address. The case settles itself once the mail is taken."),
        is_offered=case_actions.can_send_mail_again,
        permission="outbox.change_outgoingmail",
        done="The mail is tried again.",
    ),
    Button(
        step="settle",
        act=settle_case,
        label=_said("Settle"),
        help=_settle_help,
        is_offered=lambda case: True,
        form_of=_settle_form,
        incomplete="Write how it was settled, and choose what became of the money where that is asked.",
    ),
]
