"""Limits hold over all processes together, keep nothing that names a person, and say how long to wait."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError, connection, connections
from django.http import HttpRequest
from django.test import Client, RequestFactory, override_settings
from django.urls import reverse

from redreport import clock
from redreport.limits import counting, rules
from redreport.limits.counting import forget, give_back, sweep, take
from redreport.limits.models import Tally
from redreport.limits.rules import LIMITS, Limit, Rate
from redreport.limits.visitors import ip_of
from sessions_live.seat_links import DOOR
from tests.factories import make_guest_seat, make_live_session, make_user
from tests.test_docs import section, spans, table_cells

NOW = datetime(2027, 1, 6, 16, tzinfo=UTC)
FEW = Limit("few", {"ip": (Rate(20, timedelta(minutes=1)),)})
PROCESSES, TRIES_EACH = 6, 10

real = pytest.mark.django_db(transaction=True)


def passed_of_many_processes() -> int:
    """How many of the tries of several processes pass, that all begin at one moment."""
    connections.close_all()
    ready, start, told, tell = *os.pipe(), *os.pipe()
    children = []
    for _ in range(PROCESSES):
        child = os.fork()
        if child == 0:
            try:
                connection.ensure_connection()
                os.close(start)
                os.read(ready, 1)
                passed = sum(take(FEW, now=NOW, ip="192.0.2.1") is None for _ in range(TRIES_EACH))
                os.write(tell, bytes([passed]))
            finally:
                os._exit(0)
        children.append(child)
    for end in (start, ready, tell):
        os.close(end)
    for child in children:
        os.waitpid(child, 0)
    with os.fdopen(told, "rb") as counts:
        said = counts.read()
    assert len(said) == PROCESSES
    return sum(said)


@contextmanager
def look_first_and_write_then() -> Iterator[None]:
    """As a cache counts: read, add one, write."""

    def count(limit: Limit, key: str, rate: Rate, now: datetime) -> tuple[int, datetime]:
        known = Tally.objects.filter(key=key).first()
        told = known.count if known else 0
        ends_at = now + rate.within
        Tally.objects.update_or_create(key=key, defaults={"limit": limit.name, "count": told + 1, "ends_at": ends_at})
        return told + 1, ends_at

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "_count", count)
        yield


@real
def test_of_many_processes_at_one_moment_exactly_the_allowed_number_pass() -> None:
    assert passed_of_many_processes() == 20
    assert Tally.objects.get().count == 21


@real
def test_without_the_one_statement_more_pass_than_are_allowed() -> None:
    with look_first_and_write_then():
        assert passed_of_many_processes() > 20


@pytest.mark.django_db
class TestWindow:
    limit = Limit("twofold", {"ip": (Rate(2, timedelta(minutes=1)), Rate(3, timedelta(hours=1)))})

    def tries(self, *minutes: float) -> list[timedelta | None]:
        answers = [take(self.limit, now=NOW + timedelta(minutes=at), ip="192.0.2.1") for at in minutes]
        return [refused.wait if refused else None for refused in answers]

    def test_begins_with_the_first_try_and_ends_at_its_time(self) -> None:
        assert self.tries(0, 0.5, 0.75, 1) == [None, None, timedelta(seconds=15), None]

    def test_that_is_longer_is_not_used_up_by_what_a_shorter_one_refused(self) -> None:
        self.tries(0, 0, 0, 0, 0)
        assert self.tries(1, 2) == [None, timedelta(minutes=58)]

    def test_is_not_made_longer_by_trying_on(self) -> None:
        assert self.tries(0, 0, 0.2, 0.4, 0.6, 1)[-1] is None

    def test_that_is_given_back_lets_another_pass(self) -> None:
        self.tries(0, 0, 0)
        give_back(self.limit, ip="192.0.2.1")
        assert self.tries(0.1) == [None]

    def test_that_is_forgotten_begins_anew(self) -> None:
        self.tries(0, 0, 0)
        forget(self.limit, by="ip", value="192.0.2.1")
        assert self.tries(0, 0) == [None, None]


@pytest.mark.django_db
def test_others_are_counted_for_themselves() -> None:
    for _ in range(20):
        take(FEW, now=NOW, ip="192.0.2.1")
    assert take(FEW, now=NOW, ip="192.0.2.1")
    assert take(FEW, now=NOW, ip="192.0.2.2") is None


@pytest.mark.django_db
def test_neither_address_nor_ip_is_kept() -> None:
    take(rules.CODE_ASKED, now=NOW, ip="192.0.2.1", email="Ada@Example.com")
    take(rules.CODE_ASKED, now=NOW, ip="192.0.2.1", email=" ada@example.com ")
    rows = list(Tally.objects.values_list("key", "limit", "count"))
    assert [count for _, _, count in rows] == [2, 2, 2]
    assert not any(word in str(rows).lower() for word in ("192", "ada", "example"))
    with override_settings(SECRET_KEY="another"):
        take(rules.CODE_ASKED, now=NOW, ip="192.0.2.1", email="ada@example.com")
    assert Tally.objects.count() == 6


@pytest.mark.django_db
def test_only_what_counts_no_more_is_swept() -> None:
    take(FEW, now=NOW, ip="192.0.2.1")
    take(FEW, now=NOW + timedelta(seconds=30), ip="192.0.2.2")
    assert sweep(now=NOW + timedelta(minutes=1)) == 1
    assert Tally.objects.get().ends_at == NOW + timedelta(seconds=90)


@pytest.mark.parametrize(("limit", "passes"), [(rules.PASSWORD_TRIED, False), (rules.ORDER_START, True)])
def test_when_nothing_can_be_counted_guessing_stops_and_buying_goes_on(
    monkeypatch: pytest.MonkeyPatch, limit: Limit, passes: bool
) -> None:
    def away(*args: object) -> None:
        raise DatabaseError

    monkeypatch.setattr(counting, "_count", away)
    assert (take(limit, now=NOW, **dict.fromkeys(limit.rates, "x")) is None) is passes


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "203.0.113.9", "192.0.2.7"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        (2, "198.51.100.1, 203.0.113.9, 192.0.2.1", "203.0.113.9"),
        (2, "203.0.113.9", "192.0.2.7"),
        (1, "nonsense", "unknown"),
        (1, "2001:db8:1:2:aaaa::1", "2001:db8:1:2::"),
        (1, "::ffff:203.0.113.9", "203.0.113.9"),
    ],
)
def test_of_forwarded_addresses_only_our_own_proxies_entries_are_believed(proxies: int, forwarded: str, expected: str) -> None:
    request: HttpRequest = RequestFactory().get("/", headers={"X-Forwarded-For": forwarded}, REMOTE_ADDR="192.0.2.7")
    with override_settings(ALLAUTH_TRUSTED_PROXY_COUNT=proxies):
        assert ip_of(request) == expected


def door_posts(client: Client) -> Callable[[], Any]:
    seat = make_guest_seat(make_live_session())
    return lambda: client.post(DOOR.url(seat))


def unknown_feeds(client: Client) -> Callable[[], Any]:
    return lambda: client.get("/calendar/00000000-0000-4000-8000-000000000000.ics")


def orders(client: Client) -> Callable[[], Any]:
    client.force_login(make_user())
    return lambda: client.post(reverse("subscriptions:subscribe"))


def resets(client: Client) -> Callable[[], Any]:
    return lambda: client.post("/accounts/password/reset/", {"email": "eve@example.com"})


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["sessions:door", "sessions:question", "sessions:host"])
def test_made_up_doors_fill_no_table(client: Client, page: str) -> None:
    for number in range(3):
        assert client.post(reverse(page, args=[f"made-up-{number}"])).status_code == 404
    assert not Tally.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("stage", "most", "seconds", "words"),
    [
        (door_posts, 20, 60, "60 seconds"),
        (unknown_feeds, 20, 60, "60 seconds"),
        (orders, 20, 600, "10 minutes"),
        (resets, 3, 60, "60 seconds"),
    ],
    ids=["door", "feed", "order", "reset"],
)
def test_who_tries_too_often_is_told_how_long_to_wait(
    client: Client, stage: Callable[[Client], Callable[[], Any]], most: int, seconds: int, words: str
) -> None:
    with time_machine.travel(clock.now(), tick=False):
        act = stage(client)
        assert all(act().status_code != 429 for _ in range(most))
        answer = act()
    assert (answer.status_code, answer["Retry-After"], answer["Cache-Control"].split(", ")[0]) == (429, str(seconds), "no-store")
    assert f"Wait {words}, then try once more." in answer.content.decode()


def test_every_limit_is_listed_with_its_numbers() -> None:
    table = section("docs/operations.md", "Limits")
    assert spans(table_cells(table, 0)) == set(LIMITS)
    said = dict(zip(table_cells(table, 0), table_cells(table, 2), strict=True))
    for limit in LIMITS.values():
        for rates in limit.rates.values():
            for rate in rates:
                assert str(rate.most) in said[f"`{limit.name}`"].split(), limit.name
