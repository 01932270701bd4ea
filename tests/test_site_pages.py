"""The first page and the account's overview, as somebody with and without seats sees them."""

from datetime import timedelta

import pytest
from django.test import Client

from redreport import clock, policy
from redreport.accounts.models import User
from sessions_live.models import Host, LiveSession, Seat
from subscriptions.models import Plan, Price

pytestmark = pytest.mark.django_db


@pytest.fixture
def prices() -> None:
    for plan, amount in ((Plan.SINGLE_SEAT, policy.SINGLE_SEAT_MINOR), (Plan.ANNUAL, policy.ANNUAL_MINOR)):
        Price.objects.create(
            plan=plan,
            lookup_key=str(plan),
            stripe_price_id=f"price_{plan}",
            stripe_product_id="prod_1",
            stripe_account_id="acct_1",
            livemode=False,
            amount_minor=amount,
            currency=policy.CURRENCY,
            tax_behavior="exclusive",
        )


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada@example.com", name="Ada Okafor", time_zone="Asia/Singapore")


def published(title: str, *, in_days: int, section: str = "hill") -> LiveSession:
    live_session = LiveSession.objects.create(
        title=title,
        slug=title.lower().replace(" ", "-"),
        section=section,
        question="What follows?",
        starts_at=clock.now() + timedelta(days=in_days),
        state=LiveSession.State.PUBLISHED,
        published_at=clock.now(),
    )
    live_session.hosts.add(Host.objects.get_or_create(name="Helena Brandt", defaults={"bio": "Reads communiqués."})[0])
    return live_session


def seat_for(user: User, live_session: LiveSession, *, email: str = "ada@example.com", name: str = "Ada Okafor") -> Seat:
    return Seat.objects.create(
        live_session=live_session,
        number=live_session.seats.count() + 1,
        state=Seat.State.CONFIRMED,
        attendee_name=name,
        attendee_email=email,
        booked_by=user,
        held_at=clock.now(),
        confirmed_at=clock.now(),
    )


def page(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def test_landing_works_before_there_is_anything(client: Client) -> None:
    html = page(client, "/")
    assert "The next dates come with the next report." in html
    assert "$250 a session, or $2,500 a year" in html


@pytest.mark.usefixtures("prices")
def test_landing_shows_what_is_next_who_speaks_and_what_was(client: Client) -> None:
    published("After the midterms", in_days=3)
    published("The Plenum", in_days=10, section="zhongnanhai")
    published("Beidaihe", in_days=-30, section="zhongnanhai")
    html = page(client, "/")
    assert html.index("After the midterms") < html.index("Coming sessions") < html.index("The Plenum")
    assert html.index("Past topics") < html.index("Beidaihe")
    assert html.count("<h3>Helena Brandt</h3>") == 1
    assert "$208.33 each, saves $500" in html


def test_landing_marks_a_sold_out_session(client: Client, ada: User) -> None:
    live_session = published("Small room", in_days=3)
    LiveSession.objects.filter(pk=live_session.pk).update(capacity=1)
    seat_for(ada, live_session)
    html = page(client, "/")
    assert "Sold out" in html
    assert "Reserve a seat</a>" not in html


def test_account_asks_a_stranger_to_sign_in(client: Client) -> None:
    response = client.get("/account/")
    assert response.status_code == 302
    assert response["Location"] == "/accounts/login/?next=/account/"


def test_account_of_a_new_reader_is_empty_but_whole(client: Client, ada: User) -> None:
    client.force_login(ada)
    html = page(client, "/account/")
    assert "None is booked." in html
    assert "Set a password (optional)" in html


def test_account_shows_the_next_seat_with_its_door_and_the_readers_time(client: Client, ada: User) -> None:
    soon, later, held = (published(title, in_days=days) for title, days in (("Soon", 2), ("Later", 9), ("Long ago", -9)))
    for live_session in (later, soon, held):
        seat_for(ada, live_session)
    client.force_login(ada)
    html = page(client, "/account/")
    assert html.index("Your next session") < html.index("Soon") < html.index("Booked") < html.index("Later")
    assert html.index('id="past-seats"') < html.index("Long ago")
    assert "/door/" in html
    assert "(Singapore)" in html


def test_account_keeps_the_door_of_a_colleague_to_the_colleague(client: Client, ada: User) -> None:
    seat_for(ada, published("For a colleague", in_days=2), email="bo@example.org", name="Bo Chen")
    client.force_login(ada)
    html = page(client, "/account/")
    assert "Bo Chen" in html
    assert "/door/" not in html


def test_account_shows_nobody_elses_seats(client: Client, ada: User) -> None:
    other = User.objects.create_user("bo@example.org", name="Bo Chen")
    seat_for(other, published("Not mine", in_days=2), email="bo@example.org", name="Bo Chen")
    client.force_login(ada)
    html = page(client, "/account/")
    assert "Not mine" not in html
    assert "Bo Chen" not in html
