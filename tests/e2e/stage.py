"""What the journeys prepare and look up in the stack's database. Runs backstage; plain values go in and come out."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from allauth.account.models import EmailAddress
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse
from django.utils.text import slugify

from redreport import clock
from redreport.accounts.models import User
from redreport.local.demo_accounts import STAFF_EMAIL
from sessions_live.host_links import host_token
from sessions_live.models import Host, LiveSession, Material, Seat
from sessions_live.operations.follow_ups import send_follow_ups
from sessions_live.operations.materials import add_material, release_materials
from sessions_live.operations.schedule import end_past_live_sessions, publish_live_session
from sessions_live.operations.seats import Attendee
from sessions_live.seat_links import DOOR
from subscriptions.errors import ObjectBusy
from subscriptions.models import Order, Plan
from subscriptions.operations.booking import start_seat_order
from subscriptions.operations.cancel import cancel_seat_by_house
from subscriptions.operations.checkouts import check_order
from subscriptions.operations.comps import give_complimentary_seat
from subscriptions.operations.granting import give_credits as give_credits_to_reader
from subscriptions.selectors import current_price


@dataclass(frozen=True)
class SessionRow:
    title: str
    slug: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class SeatRow:
    state: str
    attendee_email: str
    entered_at: datetime | None
    public_id: str


@dataclass(frozen=True)
class OrderRow:
    number: str
    state: str
    kind: str


def open_session(*, title: str, starts_in: timedelta, capacity: int, meeting: str) -> SessionRow:
    """A published session; its meeting lies at `meeting`/<slug>."""
    slug = slugify(title)
    live_session = LiveSession.objects.create(
        title=title,
        slug=slug,
        section=LiveSession.Section.BUSINESS,
        question="Who pays for the promise?",
        starts_at=clock.now() + starts_in,
        capacity=capacity,
        meeting_url=f"{meeting}/{slug}",
    )
    live_session.hosts.set(Host.objects.order_by("id")[:1])
    publish_live_session(live_session_id=live_session.pk, actor=_staff(), now=clock.now())
    return SessionRow(title, slug, live_session.starts_at, live_session.ends_at)


def open_account(*, email: str, name: str, firm: str) -> None:
    """An account whose address is proven and that has no password."""
    user = User.objects.create_user(email, name=name, firm=firm)
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)


def session_cookie(*, email: str) -> str:
    """What the browser of somebody who has signed in holds."""
    client = Client()
    client.force_login(User.objects.get(email=email))
    return client.cookies["sessionid"].value


def give_credits(*, email: str, count: int) -> None:
    """Credits that staff give to a reader, good for half a year."""
    now = clock.now()
    give_credits_to_reader(
        user=User.objects.get(email=email),
        credits=count,
        expires_at=now + timedelta(days=180),
        actor=_staff(),
        reason="a friend of the house",
        now=now,
    )


def give_seats(*, slug: str, count: int) -> None:
    """Seats given to other people."""
    live_session = LiveSession.objects.get(slug=slug)
    for number in range(count):
        attendee = Attendee(f"Guest {number}", f"guest{number}.{slug}@example.com", "")
        give_complimentary_seat(
            live_session_id=live_session.pk, attendee=attendee, actor=_staff(), reason="a full house", now=clock.now()
        )


def free_a_seat(*, slug: str) -> None:
    """The guest with the lowest number gives the seat back."""
    seat = Seat.objects.filter(live_session__slug=slug, state=Seat.State.CONFIRMED).order_by("number")[0]
    cancel_seat_by_house(
        seat_id=seat.pk, actor=_staff(), reason="cannot come", restitution=Seat.Restitution.FULL, now=clock.now()
    )


def let_the_hour_pass(*, slug: str) -> None:
    """The session began three hours ago and is over; its notes are released, and its readers written to."""
    LiveSession.objects.filter(slug=slug).update(starts_at=clock.now() - timedelta(hours=3))
    end_past_live_sessions(now=clock.now())
    live_session = LiveSession.objects.get(slug=slug)
    notes = ContentFile(b"%PDF-1.7 notes of the hour", name="notes.pdf")
    material = Material(live_session=live_session, kind=Material.Kind.NOTES, title="Notes of the hour", file=notes)
    add_material(material=material, actor=_staff(), now=clock.now())
    release_materials(live_session_id=live_session.pk, actor=_staff(), now=clock.now())
    send_follow_ups(now=clock.now())


def desk_page(*, slug: str) -> str:
    """The path of a session's own page in the admin."""
    return reverse("admin:sessions_live_livesession_change", args=[LiveSession.objects.get(slug=slug).pk])


def host_door(*, slug: str) -> str:
    """The path of the host's door."""
    live_session = LiveSession.objects.get(slug=slug)
    return f"/host/{host_token(live_session, live_session.hosts.all()[0])}/"


def give_door(*, slug: str) -> str:
    """The address of the door of a seat that is given to somebody."""
    give_seats(slug=slug, count=1)
    return urlsplit(DOOR.url(Seat.objects.get(live_session__slug=slug))).path


def seats_of(*, slug: str) -> list[SeatRow]:
    """The session's active seats in the order of their numbers."""
    active = Seat.objects.filter(live_session__slug=slug, state__in=Seat.ACTIVE).order_by("number")
    return [SeatRow(seat.state, seat.attendee_email, seat.entered_at, str(seat.public_id)) for seat in active]


def orders_of(*, email: str) -> list[OrderRow]:
    """That reader's orders, oldest first."""
    orders = Order.objects.filter(subscriber__user__email=email).order_by("id")
    return [OrderRow(order.number, order.state, order.kind) for order in orders]


def hold_seat_for(*, email: str, slug: str) -> str:
    """A seat held for that reader, not paid yet; returns the number of its order."""
    user = User.objects.get(email=email)
    live_session = LiveSession.objects.get(slug=slug)
    attendee = Attendee(user.name, user.email, user.firm)
    price = current_price(Plan.SINGLE_SEAT)
    order = start_seat_order(user=user, live_session_id=live_session.pk, attendees=[attendee], price_id=price.pk, now=clock.now())
    return order.number


def sweep_order(*, number: str, after: timedelta) -> None:
    """What the minute sweep does with that order when so much time has passed."""
    # A worker that acts on Stripe's event may be quicker: it has been told to look once more.
    with suppress(ObjectBusy):
        check_order(order_id=Order.objects.get(number=number).pk, now=clock.now() + after)


def _staff() -> User:
    return User.objects.get(email=STAFF_EMAIL)
