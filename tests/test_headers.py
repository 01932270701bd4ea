"""Every kind of answer carries the headers that protect its reader, and says truly who may keep it and how it is packed."""

import gzip
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.templatetags.static import static
from django.test import Client

from redreport import clock
from redreport.settings import MIDDLEWARE
from sessions_live.models import CalendarFeed
from sessions_live.seat_links import DOOR
from tests.factories import make_guest_seat, make_live_session, make_price, make_staff, make_user

pytestmark = pytest.mark.django_db

ON_EVERY_ANSWER = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": (
        "camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=()"
    ),
}
STRICT = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "font-src": "'self'",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "img-src": "'self' data:",
    "form-action": " ".join(["'self'", *settings.STRIPE_CHECKOUT_ORIGINS]),
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "require-trusted-types-for": "'script'",
}
NOTHING = {"default-src": "'none'", "frame-ancestors": "'none'"}


def policy_of(answer: object) -> dict[str, str]:
    parts = answer["Content-Security-Policy"].split(";")  # type: ignore[index]
    return {name: value for name, _, value in (part.strip().partition(" ") for part in parts)}


@pytest.fixture
def addresses() -> dict[str, str]:
    """An address of each kind of answer."""
    live_session, reader = make_live_session(starts_in=timedelta(days=3)), make_user("Ada Reader", email="ada@example.com")
    seat = make_guest_seat(live_session, reader)
    make_price()
    feed = CalendarFeed.objects.create(user=reader, made_at=clock.now())
    return {
        "page": "/",
        "page of a session": f"/sessions/{live_session.slug}/",
        "sign-in": "/accounts/login/",
        "not found": "/nowhere/",
        "led on": "/account/",
        "door": DOOR.url(seat).removeprefix(settings.SITE_URL),
        "calendar file": f"/sessions/{live_session.slug}/calendar.ics",
        "public calendar": "/calendar.ics",
        "own calendar": f"/calendar/{feed.key}.ics",
        "schedule": "/api/sessions.json",
        "seats": f"/api/sessions/{live_session.slug}/seats.json",
        "map of the site": "/sitemap.xml",
        "manifest": "/site.webmanifest",
        "probe": "/healthz",
    }


def test_every_answer_is_strict(client: Client, addresses: dict[str, str]) -> None:
    for kind, address in addresses.items():
        answer = client.get(address)
        assert {name: answer.get(name) for name in ON_EVERY_ANSWER} == ON_EVERY_ANSWER, kind
        assert answer["Cross-Origin-Resource-Policy"] == "same-origin", kind
        assert answer["Referrer-Policy"] in ("same-origin", "no-referrer"), kind
        assert answer["X-Frame-Options"] == "DENY", kind
        # At a door the meeting may lie anywhere, on this machine without https too.
        expected = {**STRICT, "form-action": f"{STRICT['form-action']} http:"} if kind == "door" else STRICT
        assert policy_of(answer) == expected, kind


def test_admin_lets_its_own_scripts_write_html_and_is_as_strict_otherwise(client: Client) -> None:
    client.force_login(make_staff())
    policy = policy_of(client.get("/admin/"))
    assert policy == {name: value for name, value in STRICT.items() if name != "require-trusted-types-for"}


def test_answer_to_a_foreign_host_is_strict_too() -> None:
    answer = Client(headers={"host": "elsewhere.example.org"}).get("/")
    assert answer.status_code == 400
    assert answer["Permissions-Policy"] == ON_EVERY_ANSWER["Permissions-Policy"]
    assert "default-src" in policy_of(answer)


@pytest.mark.parametrize("name", ["site.css", "site.js", "favicon.svg", "share.png", "fonts/red-report-serif.woff2"])
def test_static_files_are_kept_for_ever_and_can_do_nothing(client: Client, name: str) -> None:
    answer = client.get(static(name))
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "max-age=315360000, public, immutable"
    assert {header: answer.get(header) for header in ON_EVERY_ANSWER} == ON_EVERY_ANSWER
    assert policy_of(answer) == NOTHING
    assert "Access-Control-Allow-Origin" not in answer
    shown_elsewhere = name.endswith((".png", ".svg"))
    assert answer["Cross-Origin-Resource-Policy"] == ("cross-origin" if shown_elsewhere else "same-origin")


def test_page_for_everybody_is_sent_compressed_and_its_length_is_blurred(client: Client) -> None:
    answers = [client.get("/plans/", headers={"accept-encoding": "gzip"}) for _ in range(20)]
    plain = client.get("/plans/").content
    assert {answer["Content-Encoding"] for answer in answers} == {"gzip"}
    assert {gzip.decompress(answer.content) for answer in answers} == {plain}
    assert len({len(answer.content) for answer in answers}) > 1
    assert len(answers[0].content) < len(plain) / 2


def test_what_no_cache_may_keep_is_sent_as_it_is(client: Client, addresses: dict[str, str]) -> None:
    gzipped = {"accept-encoding": "gzip"}
    for kind in ("door", "own calendar", "sign-in"):
        assert "Content-Encoding" not in client.get(addresses[kind], headers=gzipped), kind
    client.force_login(make_user())
    for address in ("/", "/account/", addresses["page of a session"]):
        answer = client.get(address, headers=gzipped)
        assert answer["Cache-Control"] == "private, no-store"
        assert "Content-Encoding" not in answer


def test_headers_are_written_last() -> None:
    assert MIDDLEWARE[0] == "redreport.pages.middleware.HeadersMiddleware"


def test_font_is_fetched_once(client: Client) -> None:
    """The address in the preload is the one in the stylesheet, hash and all, and both ask for it without credentials."""
    preloaded = static("fonts/red-report-serif.woff2")
    assert f'<link rel="preload" href="{preloaded}" as="font" type="font/woff2" crossorigin>' in client.get("/").text
    stylesheet = Path(settings.STATIC_ROOT, static("site.css").removeprefix(settings.STATIC_URL)).read_text()
    assert preloaded.rpartition("/")[2] in stylesheet
