"""One JSON line for each request, and nothing personal in any line."""

import io
import json
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from redreport.logs import scrub

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """What the process has written to its log since the test began, line by line."""
    handler = next(
        handler
        for handler in logging.getLogger().handlers
        if isinstance(handler, logging.StreamHandler) and isinstance(handler.formatter, structlog.stdlib.ProcessorFormatter)
    )
    written = io.StringIO()
    stdout = handler.setStream(written)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    handler.setStream(stdout)


def requests_in(lines: Lines) -> list[dict[str, Any]]:
    return [line for line in lines() if line["event"] == "request"]


@pytest.mark.django_db
def test_request_is_logged_by_route_without_token_query_or_address(client: Client, lines: Lines) -> None:
    response = client.get(
        "/door/secret-token-of-a-seat/?email=ada@example.com",
        headers={"user-agent": "Mail Scanner", "referer": "https://mail.example.com/ada"},
        REMOTE_ADDR="203.0.113.9",
    )
    (line,) = requests_in(lines)
    assert (line["method"], line["status"]) == ("GET", response.status_code)
    assert line["route"].startswith("door/<")
    assert line["request_id"] == response["X-Request-ID"]
    assert isinstance(line["ms"], int)
    for secret in ("secret-token", "ada", "203.0.113.9", "Mail Scanner"):
        assert secret not in json.dumps(lines())


@pytest.mark.django_db
def test_unknown_address_is_logged_without_its_path(client: Client, lines: Lines) -> None:
    client.get("/door/half-a-token")
    client.get("/nowhere/ada@example.com/")
    assert {line["route"] for line in requests_in(lines)} == {"(none)"}
    assert "half-a-token" not in json.dumps(lines())
    assert "ada" not in json.dumps(lines())


@pytest.mark.django_db
def test_sign_in_leaves_no_address_in_the_log(client: Client, lines: Lines) -> None:
    client.post("/accounts/login/", {"login": "ada@example.com"})
    assert requests_in(lines)
    assert "ada@example.com" not in json.dumps(lines())


def test_line_of_anything_else_in_the_request_carries_its_reference(lines: Lines) -> None:
    from redreport.pages.middleware import RequestLogMiddleware

    def view(request: HttpRequest) -> HttpResponse:
        logging.getLogger("somewhere").warning("something_happened")
        structlog.get_logger("elsewhere").warning("another_thing", seat_id=17)
        return HttpResponse()

    response = RequestLogMiddleware(view)(RequestFactory().get("/"))
    first, second, _request = lines()
    assert first["request_id"] == second["request_id"] == response["X-Request-ID"]
    assert (first["event"], second["event"], second["seat_id"]) == ("something_happened", "another_thing", 17)


def test_fault_is_logged_with_its_traceback_but_without_what_it_quotes(lines: Lines) -> None:
    try:
        raise ValueError(
            'Key (email)=(ada@example.com) exists, "Ada Okafor" <ada@example.com>\nDETAIL:  Failing row contains (7, Ada Okafor).'
        )
    except ValueError:
        logging.getLogger("django.request").error(
            "Internal Server Error: %s",
            "/door/secret-token/",
            exc_info=True,
            extra={"request": RequestFactory().get("/door/secret-token/"), "status_code": 500},
        )
    (line,) = lines()
    assert (line["event"], line["route"]) == ("request 500", "(none)")
    assert "ValueError" in line["exception"]
    assert "test_site_logs.py" in line["exception"]
    for secret in ("ada@example.com", "(7, Ada Okafor)", "secret-token"):
        assert secret not in json.dumps(line)


def test_probes_that_succeed_are_not_logged(client: Client, lines: Lines) -> None:
    assert client.get("/healthz").status_code == 200
    assert requests_in(lines) == []


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("mail to <ada.o+x@mail.example.com> refused", "mail to <[e-mail]> refused"),
        ("recipient=ada@example.com;", "recipient=[e-mail];"),
        ("POST https://redreport.example/door/AbC.d-e_f/ failed", "POST https://redreport.example/door/[token]/ failed"),
        ("Invalid API key: sk_live_abcdefgh12345678", "Invalid API key: [token]"),
        ("refused\nDETAIL:  Key (email)=(x) exists.\nnext", "refused\nDETAIL: [row]\nnext"),
        ("order RR-7F3K9QXW paid", "order RR-7F3K9QXW paid"),
    ],
)
def test_scrubbing_takes_addresses_tokens_and_rows(text: str, scrubbed: str) -> None:
    assert scrub(text) == scrubbed


def test_a_word_of_a_megabyte_holds_up_no_line() -> None:
    began = time.process_time()
    long = "a" * 1_000_000
    assert scrub(f"{long} ada@example.com,bo@example.com") == f"{long} [e-mail],[e-mail]"
    assert time.process_time() - began < 5
