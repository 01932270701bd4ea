"""Terms, refunds and privacy say what the program does: each number is the policy's, each switch the settings'."""

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from redreport import policy
from tests.factories import make_price

pytestmark = pytest.mark.django_db

TEMPLATES = Path(settings.BASE_DIR, "templates")
PAGES = {
    "/terms/": ["pages/terms.html", "components/legal.html"],
    "/refunds/": ["pages/refunds.html", "components/legal.html"],
    "/privacy/": ["pages/privacy.html", "components/legal.html"],
}
SOURCES = sorted({name for names in PAGES.values() for name in names})
TAG = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<[^>]+>", re.DOTALL)


def source(name: str) -> str:
    return (TEMPLATES / name).read_text()


def stated() -> list[tuple[str, str]]:
    """Every page with every rule that it states."""
    return [
        (path, rule)
        for path, names in PAGES.items()
        for rule in sorted({rule for name in names for rule in re.findall(r"rules\.([A-Z_]+)", source(name))})
    ]


def another(value: Any) -> Any:
    """A value of the same kind that reads otherwise."""
    if isinstance(value, timedelta):
        return value + timedelta(minutes=7)
    if isinstance(value, date):
        return value.replace(year=value.year + 1)
    if isinstance(value, str):
        return f"{value}, or more"
    return value + 700


@pytest.mark.parametrize(("path", "rule"), stated())
def test_each_rule_on_the_page_follows_the_policy(
    client: Client, monkeypatch: pytest.MonkeyPatch, settings: Any, path: str, rule: str
) -> None:
    settings.STRIPE_DELAYED_PAYMENTS = True
    before = client.get(path).text
    monkeypatch.setattr(policy, rule, another(getattr(policy, rule)))
    after = client.get(path)
    assert (after.status_code, after.text == before) == (200, False)


def test_page_that_is_asked_twice_reads_the_same(client: Client) -> None:
    assert client.get("/terms/").text == client.get("/terms/").text


@pytest.mark.parametrize("name", SOURCES)
def test_no_page_states_a_number_of_its_own(name: str) -> None:
    assert re.findall(r"\S*\d\S*", TAG.sub("", source(name)).replace("1/ of the time", "")) == []


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ("CREDITS_PER_YEAR", "/terms/"),
        ("HOLD", "/terms/"),
        ("MAX_ACTIVE_SEATS_PER_BUYER", "/terms/"),
        ("CANCEL_CUTOFF", "/refunds/"),
        ("MOST_HAND_OVERS", "/refunds/"),
        ("RETURNED_CREDIT_GOOD_FOR", "/refunds/"),
        ("RENEWAL_NOTICE_BEFORE", "/terms/"),
        ("LONGEST_OFFER", "/terms/"),
        ("DOOR_OPENS_BEFORE", "/terms/"),
        ("LEGAL_TEXTS_DATED", "/privacy/"),
    ],
)
def test_rules_that_readers_must_know_are_stated(rule: str, path: str) -> None:
    assert (path, rule) in stated()


def test_the_cut_off_is_said_in_words(client: Client) -> None:
    assert "Until 24 hours before the start" in client.get("/refunds/").text


def test_prices_are_those_in_force(client: Client) -> None:
    assert "costs $250." in client.get("/terms/").text
    price = make_price()
    type(price).objects.update(amount_minor=29900)
    assert "costs $299." in client.get("/terms/").text


@pytest.mark.parametrize(
    ("switches", "words"),
    [
        ({}, "We add no tax to these prices today."),
        ({"STRIPE_AUTOMATIC_TAX": True, "STRIPE_TAX_BEHAVIOR": "exclusive"}, "Tax is added on Stripe’s page where it applies."),
        ({"STRIPE_AUTOMATIC_TAX": True, "STRIPE_TAX_BEHAVIOR": "inclusive"}, "The prices include tax where it applies."),
        ({"STRIPE_DELAYED_PAYMENTS": True}, "With a bank debit the seat is held"),
        ({"STRIPE_DELAYED_PAYMENTS": False}, "since they pay at once"),
        ({"POSTAL_ADDRESS": "1 Example Street, Exampleton"}, "1 Example Street, Exampleton"),
    ],
)
def test_what_is_switched_on_is_what_is_said(client: Client, settings: Any, switches: dict[str, Any], words: str) -> None:
    for name, value in switches.items():
        setattr(settings, name, value)
    assert words in client.get("/terms/").text


@pytest.mark.parametrize("path", PAGES)
def test_each_is_marked_as_a_draft_with_its_day(client: Client, path: str) -> None:
    assert "Draft for the owner’s lawyer, as of 29 November 2026" in client.get(path).text


def test_privacy_names_every_cookie_that_the_site_sets(client: Client) -> None:
    page = client.get("/privacy/").text
    for name in (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, "messages", "door_device", "known_browser"):
        assert f"<code>{name}</code>" in page
    assert "Kept for 14 days at most." in page


@pytest.mark.parametrize("path", ["/", "/nowhere/", "/accounts/login/"])
def test_every_page_leads_to_the_rules_and_to_institutions(client: Client, path: str) -> None:
    footer = client.get(path).text.split('<footer class="colophon">')[1]
    for address in (*PAGES, "/institutions/", "/plans/", "/sessions/?section=tech", "/sessions/#calendar-feed"):
        assert f'href="{address}"' in footer
