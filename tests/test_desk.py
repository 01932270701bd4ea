"""What staff see and do in Django admin."""

import uuid
from typing import Any

import pytest
from django.contrib.admin.sites import site
from django.test import Client

from redreport import clock
from redreport.accounts.models import User
from redreport.audit.models import AuditEntry
from redreport.outbox.kinds import label_of
from sessions_live.models import DoorEntry, LiveSession, Question, Seat
from subscriptions.models import Order, Payment, Plan
from subscriptions.operations.booking import start_seat_order
from tests.desk_actions import session_form
from tests.factories import attendee_of, make_guest_seat, make_live_session, make_price, make_staff, make_user

pytestmark = pytest.mark.django_db

MEETING = "https://meet.example.com/after"
MONEY_MODELS = [
    model._meta for model in site._registry if model._meta.app_label == "subscriptions" or model._meta.label == "desk.RosterSeat"
]


@pytest.fixture
def staff() -> User:
    return make_staff()


@pytest.fixture
def desk(staff: User) -> Client:
    client = Client()
    client.force_login(staff)
    return client


def test_staff_enter_times_of_the_house(desk: Client) -> None:
    assert desk.post("/admin/sessions_live/livesession/add/", session_form(meeting_url=MEETING)).status_code == 302
    live_session = LiveSession.objects.get()
    # Eleven in the morning in New York, in July.
    assert live_session.starts_at.isoformat() == "2099-07-01T15:00:00+00:00"
    assert (live_session.state, live_session.capacity) == ("drafted", 40)


def test_publishing_shows_the_session_to_readers(desk: Client, staff: User) -> None:
    desk.post("/admin/sessions_live/livesession/add/", session_form(meeting_url=MEETING))
    live_session = LiveSession.objects.get()
    assert Client().get("/sessions/after-the-plenum/").status_code == 404
    desk.post("/admin/sessions_live/livesession/", {"action": "publish", "_selected_action": [live_session.pk]})
    assert Client().get("/sessions/after-the-plenum/").status_code == 200
    entry = AuditEntry.objects.get(verb="published")
    assert (entry.actor, entry.target_id) == (staff, str(live_session.pk))


def test_session_without_a_meeting_address_is_not_published_and_says_why(desk: Client) -> None:
    desk.post("/admin/sessions_live/livesession/add/", session_form(meeting_url=""))
    live_session = LiveSession.objects.get()
    answer = desk.post(
        "/admin/sessions_live/livesession/", {"action": "publish", "_selected_action": [live_session.pk]}, follow=True
    )
    assert "it has no meeting address" in answer.content.decode().lower()
    live_session.refresh_from_db()
    assert live_session.state == "drafted"


def test_form_older_than_the_publication_does_not_undo_it(desk: Client) -> None:
    desk.post("/admin/sessions_live/livesession/add/", session_form(meeting_url=MEETING))
    live_session = LiveSession.objects.get()
    LiveSession.objects.update(state="published", published_at=clock.now())
    desk.post(
        f"/admin/sessions_live/livesession/{live_session.pk}/change/",
        session_form(meeting_url=MEETING, capacity=20, title="After the plenum, again"),
    )
    live_session.refresh_from_db()
    assert (live_session.state, live_session.capacity, live_session.title) == ("published", 20, "After the plenum, again")


def test_time_of_a_published_session_is_not_changed_in_a_form(desk: Client) -> None:
    live_session = make_live_session()
    desk.post(
        f"/admin/sessions_live/livesession/{live_session.pk}/change/", session_form(meeting_url=MEETING, starts_at_0="2098-01-01")
    )
    assert LiveSession.objects.get().starts_at == live_session.starts_at


@pytest.mark.parametrize(("field", "nothing"), [("meeting_url", ""), ("hosts", [])])
def test_published_session_keeps_its_host_and_its_meeting_address(desk: Client, field: str, nothing: Any) -> None:
    live_session = make_live_session()
    answer = desk.post(
        f"/admin/sessions_live/livesession/{live_session.pk}/change/", session_form(**{"meeting_url": MEETING, field: nothing})
    )
    assert "It is published" in answer.content.decode()
    live_session.refresh_from_db()
    assert (live_session.meeting_url, live_session.hosts.count()) == ("https://meet.example.com/plenum", 1)


def test_published_session_cannot_be_deleted(desk: Client) -> None:
    live_session = make_live_session()
    assert desk.post(f"/admin/sessions_live/livesession/{live_session.pk}/delete/", {"post": "yes"}).status_code == 403


def test_capacity_below_what_is_sold_evicts_nobody_and_sells_no_more(desk: Client, staff: User) -> None:
    from sessions_live.errors import SoldOut

    live_session = make_live_session(capacity=3)
    for _ in range(2):
        give(live_session, staff)
    LiveSession.objects.update(capacity=1)
    with pytest.raises(SoldOut):
        give(live_session, staff)
    assert Seat.objects.filter(state="confirmed").count() == 2


def give(live_session: LiveSession, staff: User, user: User | None = None) -> Seat:
    return make_guest_seat(live_session, user or make_user(firm="Hill & Co"), staff=staff)


def test_roster_tells_who_sits_there_how_it_is_paid_and_what_was_mailed(desk: Client, staff: User) -> None:
    live_session, price = make_live_session(), make_price()
    guest, buyer = make_user("Grace Guest", firm="Hill & Co"), make_user("Bao Buyer")
    give(live_session, staff, guest)
    start_seat_order(
        user=buyer, live_session_id=live_session.pk, attendees=[attendee_of(buyer)], price_id=price.pk, now=clock.now()
    )
    page = desk.get(f"/admin/desk/rosterseat/?live_session__id__exact={live_session.pk}").content.decode()
    for shown in (
        "Grace Guest",
        "Hill &amp; Co",
        guest.email,
        "Complimentary",
        "confirmation queued",
        "Bao Buyer",
        "not paid yet",
        ">none<",
    ):
        assert shown in page


def test_outbox_names_its_mails_as_staff_do(desk: Client, staff: User) -> None:
    give(make_live_session(), staff)
    page = desk.get("/admin/outbox/outgoingmail/").content.decode()
    assert ">confirmation<" in page
    assert {label_of(kind) for kind in ("reminder_24h", "no_longer_known")} == {"day reminder", "no_longer_known"}


def test_roster_is_searched_by_name_firm_email_and_order(desk: Client, staff: User) -> None:
    live_session, price, buyer = make_live_session(), make_price(), make_user("Bao Buyer", firm="Strait Partners")
    give(live_session, staff, make_user("Grace Guest"))
    order = start_seat_order(
        user=buyer, live_session_id=live_session.pk, attendees=[attendee_of(buyer)], price_id=price.pk, now=clock.now()
    )
    for words in ("bao", "strait", buyer.email, order.number):
        page = desk.get("/admin/desk/rosterseat/", {"q": words}).content.decode()
        assert ("Bao Buyer" in page, "Grace Guest" in page) == (True, False), words


@pytest.mark.parametrize("meta", MONEY_MODELS, ids=lambda meta: meta.model_name)
def test_money_rows_are_read_only_for_everybody(desk: Client, meta: Any) -> None:
    base = f"/admin/{meta.app_label}/{meta.model_name}/"
    assert desk.get(base).status_code == 200
    assert desk.post(f"{base}add/", {}).status_code == 403


def test_an_order_is_shown_and_not_changed(desk: Client) -> None:
    user, price, live_session = make_user(), make_price(Plan.SINGLE_SEAT), make_live_session()
    order = start_seat_order(
        user=user, live_session_id=live_session.pk, attendees=[attendee_of(user)], price_id=price.pk, now=clock.now()
    )
    Payment.objects.create(
        order=order,
        subscriber=order.subscriber,
        stripe_payment_intent_id="pi_1",
        amount_minor=25000,
        currency="usd",
        captured_at=clock.now(),
        recorded_at=clock.now(),
    )
    address = f"/admin/subscriptions/order/{order.pk}/change/"
    page = desk.get(address).content.decode()
    assert order.number in page
    assert "pi_1" in page
    assert desk.post(address, {"amount_minor": 1}).status_code == 403
    assert desk.post(f"/admin/subscriptions/order/{order.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Order.objects.get().amount_minor == 25000


def test_readers_are_not_let_into_the_admin() -> None:
    client = Client()
    client.force_login(make_user())
    assert client.get("/admin/desk/rosterseat/").status_code in (302, 403)
    assert b"Rosters" not in client.get("/admin/", follow=True).content


def test_staff_read_the_questions_and_who_came_in_from_where(desk: Client) -> None:
    seat = make_guest_seat(make_live_session(), make_user("Ada Asks"))
    Question.objects.create(seat=seat, text="Who signs?", asked_at=clock.now())
    entry = DoorEntry.objects.create(seat=seat, device=uuid.uuid4(), entered_at=clock.now())
    questions = desk.get("/admin/sessions_live/question/").content.decode()
    assert ("Who signs?" in questions, "Ada Asks" in questions) == (True, True)
    for address in ("", f"{entry.pk}/change/"):
        page = desk.get(f"/admin/sessions_live/doorentry/{address}").content.decode()
        assert str(entry.device) not in page
    assert desk.post(f"/admin/sessions_live/doorentry/{entry.pk}/delete/", {"post": "yes"}).status_code == 403
