"""What no page is asked twice: impossible addresses, endless bodies; and who may keep a copy of a page."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http.multipartparser import MultiPartParser
from django.test import Client

from redreport import clock
from redreport.outbox.models import OutgoingMail
from sessions_live.models import Seat
from sessions_live.seat_links import DOOR
from subscriptions.operations.booking import book_with_credit
from tests.factories import make_credits, make_live_session, make_price, make_staff, make_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("address", ["/orders/%00/", "/orders/RR-%00/", "/door/%00/", "/sessions/%00/", "/nowhere%0a/"])
def test_address_with_impossible_characters_is_not_found(client: Client, address: str) -> None:
    client.force_login(make_user())
    page = client.get(address)
    assert page.status_code == 404
    assert "Content-Security-Policy" in page
    assert page["X-Request-ID"] in page.content.decode()


@pytest.mark.parametrize("query", ["/sessions/?section=%00", "/accounts/login/?next=%00"])
def test_query_with_impossible_characters_breaks_no_page(client: Client, query: str) -> None:
    assert client.get(query).status_code in (200, 404)


@pytest.mark.parametrize(
    "address",
    [
        "desk/books/rows/?figure=earned_total&month=2027-01&currency=%00",
        "desk/books/rows.csv?figure=earned_total&month=2027-01&currency=%00",
        "desk/rosterseat/?state=%00",
        "sessions_live/livesession/?state=%00",
        "outbox/outgoingmail/?kind=%00",
        "audit/auditentry/?verb=%00",
        "subscriptions/case/?kind=%00",
    ],
)
def test_query_with_impossible_characters_breaks_no_page_of_staff(client: Client, address: str) -> None:
    client.force_login(make_staff())
    assert client.get(f"/admin/{address}").status_code == 404


@pytest.mark.parametrize("number", ["9" * 5000, "99999999999999999999", "\u00b2", "-1", "x"])
def test_roster_of_a_session_whose_number_is_none_breaks_nothing(client: Client, number: str) -> None:
    client.force_login(make_staff())
    assert client.get("/admin/desk/rosterseat/", {"live_session__id__exact": number}).status_code in (200, 302)


@pytest.mark.parametrize("page", ["signup", "login", "password/reset", "email"])
def test_address_longer_than_a_mail_can_have_is_refused_in_words(client: Client, page: str) -> None:
    longest = f"{'a' * 64}@{'.'.join(['b' * 60] * 3)}.example"
    form = {"email": longest, "login": longest, "name": "Ada Reader", "firm": "", "action_add": "1"}
    if page == "email":
        client.force_login(make_user(password="correct horse battery"))
        client.post("/accounts/reauthenticate/", {"password": "correct horse battery"})
    answer = client.post(f"/accounts/{page}/", form)
    assert (answer.status_code, "at most 254 characters" in answer.text) == (200, True)
    assert not OutgoingMail.objects.exists()


def test_endless_body_is_refused_unread(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*arguments: Any) -> None:
        raise AssertionError("the body was read")

    monkeypatch.setattr(MultiPartParser, "parse", read)
    upload = SimpleUploadedFile("x", b"0" * 2_000_000)
    page = client.post("/accounts/login/", {"login": "ada@example.com", "file": upload})
    assert page.status_code == 413
    assert "too large for us to take" in page.text
    assert "no money moved" in page.text
    assert page["X-Request-ID"] in page.content.decode()


@pytest.mark.parametrize("length", ["", "abc", "-5", "\u00b2", "9" * 5000])
def test_nonsense_about_the_length_of_a_body_breaks_nothing(client: Client, length: str) -> None:
    assert client.get("/healthz", CONTENT_LENGTH=length).status_code in (200, 400)


def test_own_pages_are_kept_by_no_cache(client: Client) -> None:
    user, live_session = make_user(), make_live_session()
    make_price()
    make_credits(user)
    book_with_credit(user=user, live_session_id=live_session.pk, now=clock.now())
    client.force_login(user)
    session = f"/sessions/{live_session.slug}/"
    own = [session, f"{session}reserve/", "/account/", "/account/credits/", "/orders/RR-00000000/"]
    for address in [*own, DOOR.url(Seat.objects.get())]:
        kept_by = client.get(address)["Cache-Control"]
        assert {"private", "no-store"} <= set(kept_by.split(", ")), (address, kept_by)


def test_page_that_is_the_same_for_everybody_may_be_kept(client: Client) -> None:
    live_session = make_live_session()
    assert "Cache-Control" not in Client().get(f"/sessions/{live_session.slug}/calendar.ics")
    client.force_login(make_user())
    assert "no-store" in client.get(f"/sessions/{live_session.slug}/calendar.ics")["Cache-Control"]
    assert "Cache-Control" not in Client().get("/")


def test_public_pages_answer_head(client: Client) -> None:
    session = f"/sessions/{make_live_session().slug}/"
    for address in ("/", "/plans/", "/sessions/", session, f"{session}calendar.ics"):
        answer = client.head(address)
        assert (answer.status_code, answer.content) == (200, b""), address


@pytest.mark.parametrize(
    ("button", "page"),
    [
        ("/sessions/the-plenum/use-credit/", "/sessions/the-plenum/"),
        ("/orders/RR-00000000/pay/", "/orders/RR-00000000/"),
        ("/orders/RR-00000000/release/", "/orders/RR-00000000/"),
    ],
)
def test_button_pressed_after_the_session_ran_out_leads_back_to_its_page(client: Client, button: str, page: str) -> None:
    answer = client.post(button)
    assert answer.status_code == 302
    assert answer["Location"] == f"/accounts/login/?next={page}"
