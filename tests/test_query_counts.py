"""Pages and purchases ask the database a bounded number of questions, however much there is to show."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from redreport import clock
from redreport.accounts.models import User
from sessions_live.models import LiveSession, Seat
from sessions_live.tasks import sweep_waitlist
from subscriptions.models import Invoice, Order, Payment, Plan, SeatCoverage, Subscription
from subscriptions.operations.booking import book_with_credit, start_seat_order
from subscriptions.operations.subscribers import subscriber_of
from subscriptions.selectors import current_price
from tests.canceling import cancel
from tests.factories import attendee_of, make_credits, make_guest_seat, make_live_session, make_price, make_staff, make_user
from tests.fixtures_shop import Shop
from tests.waiting import waits

MOST_FOR_A_SESSION_PAGE = 8
MOST_FOR_A_PURCHASE = 40
WAITLISTED = ["who may wait", "who waits", "who is offered a seat"]
READERS = ["signed out", "signed in", "with credits", "with a held seat", "with a seat", *WAITLISTED]


def browser_of(user: User | None = None) -> Client:
    client = Client()
    if user:
        client.force_login(user)
    return client


def queries_of(client: Client, address: str) -> list[str]:
    """What the page at this address asks the database; the first visit, which fills caches, does not count."""
    assert client.get(address).status_code == 200
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(address).status_code == 200
    return [query["sql"] for query in captured.captured_queries]


@pytest.mark.django_db
@pytest.mark.parametrize("reader", READERS)
def test_session_page_asks_at_most_eight_questions(reader: str) -> None:
    live_session, price, user = make_live_session(), make_price(), make_user()
    if reader in ("with credits", "with a seat"):
        make_credits(user, 3)
        make_credits(user, 2)
    if reader == "with a seat":
        book_with_credit(user=user, live_session_id=live_session.pk, now=clock.now())
    if reader == "with a held seat":
        start_seat_order(
            user=user, live_session_id=live_session.pk, attendees=[attendee_of(user)], price_id=price.pk, now=clock.now()
        )
    if reader in WAITLISTED:
        LiveSession.objects.update(capacity=1)
        make_guest_seat(live_session)
    if reader in ("who waits", "who is offered a seat"):
        waits(live_session, make_user())
        waits(live_session, user)
    if reader == "who is offered a seat":
        LiveSession.objects.update(capacity=3)
        sweep_waitlist(now=clock.now())
    client = browser_of(None if reader == "signed out" else user)
    asked = queries_of(client, reverse("sessions:detail", args=[live_session.slug]))
    assert len(asked) <= MOST_FOR_A_SESSION_PAGE, "\n".join(asked)


def add_sessions(count: int) -> None:
    for number in range(count):
        make_live_session(starts_in=timedelta(days=number + 1))
        make_live_session(starts_in=-timedelta(days=number + 1))


def add_purchases(user: User, count: int) -> None:
    """Seats, orders and credit entries of one reader."""
    price, now = current_price(Plan.SINGLE_SEAT), clock.now()
    make_credits(user, count)
    for number in range(count):
        book_with_credit(user=user, live_session_id=make_live_session().pk, now=now)
        start_seat_order(
            user=user, live_session_id=make_live_session().pk, attendees=[attendee_of(user)], price_id=price.pk, now=now
        )
        if number % 3 == 0:
            cancel(Seat.objects.filter(booked_by=user, state="confirmed").latest("id"))
        if number % 2:
            Order.objects.filter(state="pending").update(state="expired")


def add_payments(user: User, count: int) -> None:
    """Paid orders of one reader, each with its invoice."""
    subscriber, price, now = subscriber_of(user), current_price(Plan.SINGLE_SEAT), clock.now()
    for _ in range(count):
        order = start_seat_order(
            user=user, live_session_id=make_live_session().pk, attendees=[attendee_of(user)], price_id=price.pk, now=now
        )
        Order.objects.filter(pk=order.pk).update(state="paid", paid_at=now)
        paid = {"subscriber": subscriber, "order": order, "stripe_invoice_id": f"in_{order.number}", "currency": "usd"}
        Payment.objects.create(
            stripe_payment_intent_id=f"pi_{order.number}", amount_minor=25000, captured_at=now, recorded_at=now, **paid
        )
        Invoice.objects.create(status="paid", subtotal_minor=25000, total_minor=25000, created_at=now, synced_at=now, **paid)


def add_guests(live_session: LiveSession, staff: User, count: int) -> None:
    """Seats of one session, paid in different ways, with the mails about them."""
    price, now = current_price(Plan.SINGLE_SEAT), clock.now()
    LiveSession.objects.filter(pk=live_session.pk).update(capacity=1000)
    for number in range(count):
        guest = make_user()
        if number % 3 == 0:
            make_credits(guest)
            book_with_credit(user=guest, live_session_id=live_session.pk, now=now)
        elif number % 3 == 1:
            start_seat_order(
                user=guest, live_session_id=live_session.pk, attendees=[attendee_of(guest)], price_id=price.pk, now=now
            )
        else:
            make_guest_seat(live_session, guest, staff=staff, now=now)


def assert_constant(client: Client, address: str, add: Callable[[int], None]) -> None:
    """As many questions for fifty rows as for five."""
    add(5)
    for_five = queries_of(client, address)
    add(45)
    for_fifty = queries_of(client, address)
    assert len(for_fifty) == len(for_five), "\n".join(for_fifty)


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["pages:landing", "sessions:list"])
@pytest.mark.parametrize("signed_in", [False, True], ids=["signed out", "signed in"])
def test_lists_of_sessions_ask_no_more_for_fifty_than_for_five(name: str, signed_in: bool) -> None:
    make_price()
    make_price(Plan.ANNUAL)
    assert_constant(browser_of(make_user() if signed_in else None), reverse(name), add_sessions)


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["pages:account", "subscriptions:credits"])
def test_own_pages_ask_no_more_for_fifty_purchases_than_for_five(name: str) -> None:
    make_price()
    reader = make_user()
    assert_constant(browser_of(reader), reverse(name), lambda count: add_purchases(reader, count))


@pytest.mark.django_db
@pytest.mark.parametrize("has_year", [False, True])
def test_account_asks_no_more_for_fifty_payments_than_for_five(has_year: bool) -> None:
    make_price()
    reader, now = make_user(), clock.now()
    if has_year:
        Subscription.objects.create(
            subscriber=subscriber_of(reader),
            stripe_subscription_id="sub_1",
            status="active",
            current_period_start=now,
            current_period_end=now + timedelta(days=365),
            synced_at=now,
        )
    assert_constant(browser_of(reader), reverse("pages:account"), lambda count: add_payments(reader, count))


@pytest.mark.django_db
def test_roster_asks_no_more_for_fifty_seats_than_for_five() -> None:
    make_price()
    staff, live_session = make_staff(), make_live_session()
    address = f"{reverse('admin:desk_rosterseat_changelist')}?live_session__id__exact={live_session.pk}"
    assert_constant(browser_of(staff), address, lambda count: add_guests(live_session, staff, count))


def purchase(shop: Shop, user: User, come_back: Callable[[Client, Order], None]) -> list[str]:
    """What a purchase asks the database, from the button to the confirmed seat, with both pages around it; savepoints count."""
    live_session, client = make_live_session(), browser_of(user)
    form = {"attendee_name": user.name, "attendee_email": user.email, "price_id": current_price(Plan.SINGLE_SEAT).pk}
    with CaptureQueriesContext(connection) as captured:
        sent_on = client.post(reverse("subscriptions:reserve", args=[live_session.slug]), form)
    assert sent_on.status_code == 303
    order = Order.objects.get(live_session=live_session)
    shop.pay(order)
    with CaptureQueriesContext(connection) as captured_after:
        come_back(client, order)
    assert SeatCoverage.objects.get(order=order).seat.state == "confirmed"
    statements = [query["sql"] for query in [*captured.captured_queries, *captured_after.captured_queries]]
    return [sql for sql in statements if sql not in ("BEGIN", "COMMIT")]


def test_purchase_confirmed_by_the_return_page_takes_few_statements(shop: Shop) -> None:
    def return_page(client: Client, order: Order) -> None:
        page = client.get(reverse("subscriptions:order", args=[order.number]), {"returned": "paid"})
        assert "Your seat is confirmed" in page.text

    asked = purchase(shop, make_user(), return_page)
    assert len(asked) <= MOST_FOR_A_PURCHASE, "\n".join(asked)


def test_purchase_confirmed_by_the_webhook_takes_few_statements(shop: Shop) -> None:
    def webhook(client: Client, order: Order) -> None:
        [paid] = shop.events("checkout.session.completed")
        shop.hear(paid)

    asked = purchase(shop, make_user(), webhook)
    assert len(asked) <= MOST_FOR_A_PURCHASE, "\n".join(asked)
