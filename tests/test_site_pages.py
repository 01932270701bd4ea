"""The first page and the account's overview, as somebody with and without seats sees them."""

import re
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from redreport import clock, policy
from redreport.accounts.models import User
from redreport.wording import short_house_time
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
    assert "You have no session booked." in html
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


HEADINGS = re.compile(r"<h[1-3][^>]*>(.*?)</h[1-3]>", re.DOTALL)


@pytest.mark.usefixtures("prices")
def test_landing_says_things_in_the_order_in_which_readers_need_them(client: Client) -> None:
    published("After the midterms", in_days=3)
    published("Beidaihe", in_days=-30, section="zhongnanhai")
    html = page(client, "/")
    said = [
        *("Question the people", "After the midterms", "See the sessions", "What an hour is like", "The authors"),
        *("Past topics", "Beidaihe", 'id="prices"', 'id="institutions"', "Questions answered"),
    ]
    places = [html.index(words) for words in said]
    assert places == sorted(places)
    assert 'href="/institutions/"' in html


def test_landing_without_a_session_offers_to_tell_of_the_next(client: Client) -> None:
    assert re.search(r'<a class="button" href="/account/mails/">Tell me of new sessions</a>', page(client, "/"))


def coming_by_section(html: str) -> dict[str, str]:
    """What each link of the filter says: its section, and how many sessions are coming in it."""
    return dict(re.findall(r'section=\w+"[^>]*>([^<]+) <span class="filter-count">(\d+)<', html))


def test_filter_counts_what_is_coming_in_each_section_whichever_is_chosen(client: Client) -> None:
    for title, section in (("One", "tech"), ("Two", "tech"), ("Three", "hill")):
        published(title, in_days=3, section=section)
    published("Held", in_days=-3, section="books")
    for address in ("/sessions/", "/sessions/?section=tech", "/sessions/?section=books"):
        counts = coming_by_section(page(client, address))
        assert len(counts) == len(LiveSession.Section)
        assert (counts["Tech Futures"], counts["On the Hill"], counts["Book Recs"]) == ("2", "1", "0")
    tech = page(client, "/sessions/?section=tech")
    assert '<h2 id="coming">Coming: Tech Futures</h2>' in tech
    assert ("One" in tech, "Three" in tech) == (True, False)


def test_section_without_a_date_says_so_and_leads_to_the_others(client: Client) -> None:
    published("Three", in_days=3)
    html = page(client, "/sessions/?section=books")
    assert "None in this section yet." in html
    assert "See all sections" in html
    assert "Next dates come with the next report." not in html


def test_schedule_without_any_date_says_when_they_come(client: Client) -> None:
    html = page(client, "/sessions/")
    assert "Next dates come with the next report." in html
    for address in ("/account/mails/", "webcal://"):
        assert f'href="{address}' in html


@pytest.mark.usefixtures("prices")
def test_session_page_says_beside_the_price_until_when_money_comes_back(client: Client) -> None:
    live_session = published("After the midterms", in_days=3)
    panel = page(client, f"/sessions/{live_session.slug}/").split('aria-labelledby="booking"')[1].split("</section>")[0]
    assert f"back until {short_house_time(live_session.cancel_cutoff_at)}" in panel
    assert 'href="/refunds/"' in panel
    assert "File (.ics)" in panel
    soon = published("Tomorrow morning", in_days=1)
    LiveSession.objects.filter(pk=soon.pk).update(starts_at=clock.now() + timedelta(hours=5))
    late = page(client, f"/sessions/{soon.slug}/")
    assert "The start is less than 24 hours away, so nothing is returned if you cannot come." in late


@pytest.mark.usefixtures("prices")
def test_plans_say_what_a_year_costs_for_each_session_and_lead_to_the_terms(client: Client) -> None:
    html = page(client, "/plans/")
    assert "a year: 12 sessions, $208.33 each, saves $500" in html
    assert html.index("It renews every year for $2,500") < html.index("Start a year")
    assert html.index('href="/terms/"') < html.index('<footer class="colophon">')


@pytest.mark.usefixtures("prices")
@pytest.mark.parametrize("form", ["/plans/annual/", "/sessions/after-the-midterms/reserve/"])
def test_who_is_about_to_pay_finds_the_rules(client: Client, ada: User, form: str) -> None:
    published("After the midterms", in_days=3)
    EmailAddress.objects.create(user=ada, email=ada.email, verified=True, primary=True)
    client.force_login(ada)
    main = page(client, form).split("<main")[1].split("</main>")[0]
    for address in ("/terms/", "/refunds/", "/privacy/"):
        assert f'href="{address}' in main
