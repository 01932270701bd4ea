"""Each page about something gone wrong says what, whether money moved, and what to quote."""

import pytest
from django.http import HttpRequest
from django.test import Client, RequestFactory

from redreport.pages import errors

pytestmark = pytest.mark.django_db


def test_unknown_address_gets_a_plain_page_with_a_reference(client: Client) -> None:
    response = client.get("/nowhere/")
    assert response.status_code == 404
    assert b"Page not found" in response.content
    assert b"No money moved." in response.content
    assert response["X-Request-ID"].encode() in response.content


def test_form_without_its_cookie_is_refused_and_says_that_nothing_changed() -> None:
    response = Client(enforce_csrf_checks=True).post("/accounts/login/", {"login": "ada@example.com"})
    assert response.status_code == 403
    assert b"This form could not be accepted" in response.content
    assert b"Nothing was changed and no money moved." in response.content


def test_broken_session_cookie_is_no_fault(client: Client) -> None:
    client.cookies["sessionid"] = "'; broken \\x00"
    assert client.get("/").status_code == 200
    assert client.get("/account/").status_code == 302


@pytest.fixture
def request_without_user() -> HttpRequest:
    """What an error handler has when the fault came before anybody was known."""
    return RequestFactory().get("/")


def test_forbidden_and_unreadable_requests_have_their_pages(request_without_user: HttpRequest) -> None:
    forbidden = errors.permission_denied(request_without_user, PermissionError())
    unreadable = errors.bad_request(request_without_user, ValueError())
    assert (forbidden.status_code, unreadable.status_code) == (403, 400)
    assert b"No money moved." in forbidden.content
    assert b"no money moved." in unreadable.content


def test_unforeseen_fault_gets_the_static_page(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**options: object) -> None:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr("redreport.pages.views.coming_cards", broken)
    client.raise_request_exception = False
    response = client.get("/")
    assert response.status_code == 500
    assert b"Something went wrong on our side" in response.content
    assert b"before you pay again" in response.content
    assert b"unforeseen" not in response.content


def test_pages_carry_the_strict_policy(client: Client) -> None:
    policy = client.get("/")["Content-Security-Policy"]
    for part in (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for",
    ):
        assert part in policy
    assert "unsafe" not in policy
