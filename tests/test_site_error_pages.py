"""Each page about something gone wrong says what, whether money moved, and what to quote."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from django.shortcuts import render
from django.test import Client, RequestFactory

from redreport.accounts.models import User
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
    too_large = errors.bad_request(request_without_user, RequestDataTooBig())
    assert (forbidden.status_code, unreadable.status_code, too_large.status_code) == (403, 400, 413)
    assert b"No money moved." in forbidden.content
    assert b"no money moved." in unreadable.content
    assert b"What you sent is too large" in too_large.content


# A page with the words that say what to do next.
NEXT_STEPS = {
    "400.html": "Go back, reload the page, and try once more.",
    "403.html": "Sign in with the account it belongs to.",
    "403_csrf.html": "Go back, reload the page, and send the form again.",
    "404.html": "See the sessions",
    "413.html": "Go back and send less at once",
    "429.html": "Wait a few minutes, then try once more.",
}


@pytest.mark.parametrize("name", NEXT_STEPS)
def test_each_page_says_whether_money_moved_what_to_do_and_what_to_quote(request_without_user: HttpRequest, name: str) -> None:
    request_without_user.request_id = "5f3a9c01d2e4"  # type: ignore[attr-defined]
    page = render(request_without_user, name).content.decode()
    assert re.search(r"[Nn]o money moved\.", page)
    assert NEXT_STEPS[name] in page
    assert "name <strong>5f3a9c01d2e4</strong>" in page
    assert "?subject=Reference%205f3a9c01d2e4" in page


def test_every_page_about_a_fault_has_a_row() -> None:
    pages = {path.name for path in Path(settings.BASE_DIR, "templates").glob("[4-5]*.html")}
    assert pages == {*NEXT_STEPS, "500.html"}


def test_who_is_signed_in_as_somebody_else_is_told_as_whom(request_without_user: HttpRequest) -> None:
    request_without_user.user = User(email="ada@example.com")
    page = errors.permission_denied(request_without_user, PermissionError()).content.decode()
    assert "You are signed in as ada@example.com." in page


def test_fault_page_needs_neither_database_nor_template_nor_file(
    request_without_user: HttpRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object, **options: object) -> None:
        raise AssertionError("it was asked")

    for name in ("django.template.loader.get_template", "django.db.connection.cursor", "pathlib.Path.read_bytes"):
        monkeypatch.setattr(name, broken)
    plain = errors.server_error(request_without_user)
    request_without_user.request_id = "5f3a9c01d2e4"  # type: ignore[attr-defined]
    named = errors.server_error(request_without_user)
    assert (plain.status_code, named.status_code) == (500, 500)
    assert "Reference" not in plain.content.decode()
    assert "Reference: <strong>5f3a9c01d2e4</strong>" in named.content.decode()


def test_maintenance_page_stands_alone_and_says_what_becomes_of_a_payment() -> None:
    found = finders.find("maintenance.html")
    assert isinstance(found, str)
    page = Path(found).read_text()
    assert not re.search(r"\{[{%]|<script|<style|style=", page)
    assert "If you were paying, do not pay again." in page
    addresses = re.findall(r'(?:href|src)="/static/([^"]+)"', page)
    assert addresses == ["site.css", "favicon.svg"]
    assert all(finders.find(address) for address in addresses)


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
