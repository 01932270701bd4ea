"""What the journeys of the desk prepare and look up in the stack's database. Runs backstage, as `stage.py` does."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.text import slugify

from redreport import clock
from redreport.accounts.models import User
from redreport.audit.models import AuditEntry
from redreport.local.demo_accounts import STAFF_EMAIL
from redreport.outbox.models import OutgoingMail
from sessions_live.models import LiveSession, Seat, WaitlistEntry
from sessions_live.operations.seats import Attendee
from subscriptions import stripe_gateway as gateway
from subscriptions.models import Case, Payment, Plan, SeatCoverage
from subscriptions.operations.booking import book_with_credit, start_seat_order
from subscriptions.operations.checkouts import open_checkout
from subscriptions.operations.comps import give_complimentary_seat
from subscriptions.operations.offers import wait_for_seat
from subscriptions.selectors import credit_balance, current_price
from subscriptions.tasks import sweep_refunds_task
from tests.e2e import stage


@dataclass(frozen=True)
class Draft:
    title: str
    slug: str
    state: str
    starts_at: datetime
    capacity: int


def page_of(name: str, *, slug: str) -> str:
    """The path of a page of the desk about one session."""
    return reverse(f"admin:{name}", args=[LiveSession.objects.get(slug=slug).pk])


def sessions_called(*, title: str) -> list[Draft]:
    """All whose title begins so, in the order of their dates."""
    found = LiveSession.objects.filter(title__startswith=title).order_by("starts_at")
    return [Draft(one.title, one.slug, one.state, one.starts_at, one.capacity) for one in found]


def address_for(name: str, slug: str) -> str:
    """The e-mail address of somebody in one session's journey."""
    return f"{slugify(name).replace('-', '.')}.{slug}@example.com"


def give_seats_to(*, slug: str, names: list[str]) -> None:
    """Seats given to guests of these names, in the order of their numbers."""
    live_session, staff = LiveSession.objects.get(slug=slug), User.objects.get(email=STAFF_EMAIL)
    for name in names:
        guest = Attendee(name, address_for(name, slug), "")
        give_complimentary_seat(live_session_id=live_session.pk, attendee=guest, actor=staff, reason="a guest", now=clock.now())


def join_waitlist(*, slug: str, names: list[str]) -> list[str]:
    """Readers of these names join the waitlist one after the other, to pay by card; returns their addresses."""
    live_session = LiveSession.objects.get(slug=slug)
    addresses = [address_for(name, slug) for name in names]
    for name, address in zip(names, addresses, strict=True):
        stage.open_account(email=address, name=name, firm="")
        user = User.objects.get(email=address)
        wait_for_seat(user=user, live_session=live_session, pay_by=WaitlistEntry.PayBy.MONEY, now=clock.now())
    return addresses


def waitlist_of(*, slug: str) -> dict[str, str]:
    """Who waits or was offered a seat: name and state."""
    entries = WaitlistEntry.objects.filter(live_session__slug=slug)
    return dict(entries.order_by("attendee_name").values_list("attendee_name", "state"))


def states_of(*, slug: str) -> dict[str, str]:
    """Who sits in a session, or did: name and state of each seat."""
    return dict(Seat.objects.filter(live_session__slug=slug).order_by("number", "id").values_list("attendee_name", "state"))


def mails_of(*, kind: str, slug: str) -> list[str]:
    """The states of all mails of a kind to the guests and readers of one session's journey, whose addresses name it."""
    mails = OutgoingMail.objects.filter(kind=kind, recipient__endswith=f".{slug}@example.com")
    return list(mails.order_by("state").values_list("state", flat=True))


def order_seats(*, email: str, slug: str, names: list[str]) -> str:
    """A reader who has an account orders seats for people of these names; returns the id of the Checkout that takes the money."""
    now = clock.now()
    attendees = [Attendee(name, address_for(name, slug), "Marsh & Partners") for name in names]
    order = start_seat_order(
        user=User.objects.get(email=email),
        live_session_id=LiveSession.objects.get(slug=slug).pk,
        attendees=attendees,
        price_id=current_price(Plan.SINGLE_SEAT).pk,
        now=now,
    )
    open_checkout(order=order, now=now)
    order.refresh_from_db()
    assert order.stripe_checkout_session_id
    return order.stripe_checkout_session_id


def payment_of(*, checkout: str) -> str:
    """Stripe's id of the payment that came of a Checkout; nothing until we know of it."""
    found = Payment.objects.filter(order__stripe_checkout_session_id=checkout, order__fulfilled_at__isnull=False).first()
    return found.stripe_payment_intent_id if found else ""


def money_of(*, payment: str) -> tuple[int, int]:
    """What we know of a payment: what it brought, and what of it went back."""
    found = Payment.objects.get(stripe_payment_intent_id=payment)
    return found.amount_minor, found.refunded_minor


def refund_in_dashboard(*, payment: str, amount_minor: int) -> None:
    """Somebody gives a part of a payment back in Stripe's dashboard."""
    gateway.client().v1.refunds.create({"payment_intent": payment, "amount": amount_minor})


def carry_out_refunds() -> None:
    """What the minute sweep does: nobody waits a minute for it here."""
    sweep_refunds_task()


def book_by_credit(*, email: str, slug: str) -> str:
    """A subscriber takes a seat with a credit; returns the name on it."""
    user = User.objects.get(email=email)
    return book_with_credit(user=user, live_session_id=LiveSession.objects.get(slug=slug).pk, now=clock.now()).seat.attendee_name


def credits_of(*, email: str) -> int:
    return credit_balance(user=User.objects.get(email=email), now=clock.now()).total


def coverage_of(*, slug: str) -> dict[str, tuple[str, int | None]]:
    """What paid for each seat of a session, by its attendee's name: the kind, and an amount that came past Stripe."""
    coverages = SeatCoverage.objects.filter(seat__live_session__slug=slug).order_by("seat__number", "id")
    return {name: (kind, amount) for name, kind, amount in coverages.values_list("seat__attendee_name", "kind", "amount_minor")}


def cases_of(*, payment: str) -> list[tuple[str, str, str]]:
    """Kind, state and who settled it, of each case about a payment."""
    cases = Case.objects.filter(payment__stripe_payment_intent_id=payment).order_by("id")
    return [(kind, state, by or "") for kind, state, by in cases.values_list("kind", "state", "settled_by__email")]


def exports_of(*, slug: str) -> list[dict[str, Any]]:
    """What the audit trail says of the files of a session's roster."""
    live_session = LiveSession.objects.get(slug=slug)
    entries = AuditEntry.objects.filter(verb="exported", target_type="sessions_live.livesession", target_id=str(live_session.pk))
    return list(entries.order_by("id").values_list("detail", flat=True))
