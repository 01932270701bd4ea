"""What programs read: the head of each page, structured data, the map of the site, what may be listed, the manifest and icons."""

import json
import struct
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from django.urls import NoReverseMatch, get_resolver, reverse

from redreport import clock
from redreport.pages.machines import PUBLIC_PAGES
from redreport.pages.templatetags.head import json_ld
from sessions_live.models import LiveSession
from sessions_live.operations.cancellations import cancel_live_session
from sessions_live.operations.schedule import end_past_live_sessions
from tests.factories import make_guest_seat, make_live_session, make_price, make_staff, make_user
from tests.moving import move

pytestmark = pytest.mark.django_db

SITEMAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


class Head(HTMLParser):
    """What a program sees of a page: its title, its named values, its links, its structured data."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.named: dict[str, str] = {}
        self.links: dict[str, list[str]] = {}
        self.data: list[dict[str, Any]] = []
        self.title = ""
        self._inside = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "meta" and "content" in said:
            self.named[said.get("name") or said.get("property", "")] = said["content"]
        if tag == "link":
            self.links.setdefault(said["rel"], []).append(said["href"])
        self._inside = "data" if said.get("type") == "application/ld+json" else tag

    def handle_data(self, data: str) -> None:
        if self._inside == "title" and data.strip():
            self.title = data
        if self._inside == "data" and data.strip():
            self.data.append(json.loads(data))

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""


def head_of(client: Client, address: str, status: int = 200) -> Head:
    answer = client.get(address)
    assert answer.status_code == status
    return Head(answer.text)


def event_of(client: Client, live_session: LiveSession) -> dict[str, Any]:
    (event,) = head_of(client, reverse("sessions:detail", args=[live_session.slug])).data
    return event


def test_page_of_a_session_looks_like_itself_when_it_is_shared(client: Client) -> None:
    live_session = make_live_session(starts_in=timedelta(days=30))
    LiveSession.objects.update(
        title='What "深度求索" & <others> tell us', question="Who pays?", starts_at=datetime(2027, 1, 6, 16, tzinfo=UTC)
    )
    with time_machine.travel(datetime(2026, 12, 1, tzinfo=UTC)):
        head = head_of(client, f"/sessions/{live_session.slug}/?utm_source=mail")
    page = f"{settings.SITE_URL}/sessions/{live_session.slug}/"
    said = "Who pays? Wed 6 Jan 2027, 11:00 am ET (16:00 UTC), 60 minutes, online."
    assert head.title == 'What "深度求索" & <others> tell us · Red Report Live'
    assert head.named["og:title"] == 'What "深度求索" & <others> tell us'
    assert head.named["description"] == head.named["og:description"] == said
    assert head.links["canonical"] == [page] == [head.named["og:url"]]
    assert head.named["twitter:card"] == "summary_large_image"
    assert "robots" not in head.named


def test_picture_of_a_shared_link_is_our_own_and_has_the_size_it_says(client: Client) -> None:
    head = head_of(client, "/")
    assert head.named["og:image"].startswith(f"{settings.SITE_URL}/static/share.")
    picture = client.get(urlsplit(head.named["og:image"]).path).getvalue()
    width, height = struct.unpack(">II", picture[16:24])
    assert picture.startswith(b"\x89PNG")
    assert (str(width), str(height)) == (head.named["og:image:width"], head.named["og:image:height"]) == ("1200", "630")
    assert len(picture) < 70_000


def test_filtered_list_names_the_whole_list_as_the_one_to_be_found(client: Client) -> None:
    assert head_of(client, "/sessions/?section=hill").links["canonical"] == [f"{settings.SITE_URL}/sessions/"]


def addresses_without_arguments() -> set[str]:
    found = set()
    for space in ("pages", "sessions", "subscriptions", "enquiries"):
        if space in get_resolver().namespace_dict:
            for name in get_resolver().namespace_dict[space][1].reverse_dict:
                try:
                    found.add(reverse(f"{space}:{name}") if isinstance(name, str) else "")
                except NoReverseMatch:
                    continue
    return found - {""}


def test_pages_that_describe_themselves_are_those_on_the_map_and_all_others_are_listed_nowhere(client: Client) -> None:
    described = set()
    for address in addresses_without_arguments():
        answer = client.get(address)
        if answer.status_code != 200 or not answer["Content-Type"].startswith("text/html"):
            continue
        head = Head(answer.text)
        if "description" in head.named:
            described.add(address)
            assert head.links["canonical"] == [settings.SITE_URL + address]
            assert "robots" not in head.named
            assert 50 <= len(head.named["description"]) <= 200, address
        else:
            assert head.named["robots"] == "noindex", address
    assert described == {reverse(name) for name in PUBLIC_PAGES}


def test_own_pages_and_errors_are_listed_nowhere(client: Client) -> None:
    for address, status in (("/accounts/login/", 200), ("/accounts/signup/", 200), ("/nowhere/", 404)):
        head = head_of(client, address, status)
        assert head.named["robots"] == "noindex"
        assert "canonical" not in head.links
        assert "og:title" not in head.named
    client.force_login(make_user())
    assert head_of(client, "/account/").named["robots"] == "noindex"


def test_session_on_sale_is_an_event_with_its_price(client: Client) -> None:
    make_price()
    live_session = make_live_session(capacity=2)
    page = f"{settings.SITE_URL}/sessions/{live_session.slug}/"
    event = event_of(client, live_session)
    assert event["@context"] == "https://schema.org"
    assert (event["@type"], event["name"], event["description"]) == ("Event", live_session.title, live_session.question)
    assert datetime.fromisoformat(event["startDate"]) == live_session.starts_at.replace(microsecond=0)
    assert datetime.fromisoformat(event["endDate"]) == live_session.ends_at.replace(microsecond=0)
    assert event["eventStatus"] == "https://schema.org/EventScheduled"
    assert event["eventAttendanceMode"] == "https://schema.org/OnlineEventAttendanceMode"
    assert event["location"] == {"@type": "VirtualLocation", "url": page}
    assert event["organizer"]["name"] == "The Red Report"
    assert event["performer"] == [{"@type": "Person", "name": "Mei Lin"}]
    offer = event["offers"]
    assert (offer["@type"], offer["url"], offer["price"], offer["priceCurrency"]) == ("Offer", page, "250.00", "USD")
    assert offer["availability"] == "https://schema.org/InStock"
    assert offer["validThrough"] == event["startDate"]


def test_event_never_names_the_meeting(client: Client) -> None:
    live_session = make_live_session()
    assert live_session.meeting_url not in json.dumps(event_of(client, live_session))


def test_sold_out_session_says_so(client: Client) -> None:
    make_price()
    live_session = make_live_session(capacity=1)
    make_guest_seat(live_session)
    assert event_of(client, live_session)["offers"]["availability"] == "https://schema.org/SoldOut"


def test_moved_session_names_the_time_it_had(client: Client) -> None:
    make_price()
    live_session = make_live_session()
    before = live_session.starts_at
    move(live_session, timedelta(days=2))
    event = event_of(client, live_session)
    assert event["eventStatus"] == "https://schema.org/EventRescheduled"
    assert datetime.fromisoformat(event["previousStartDate"]) == before.replace(microsecond=0)
    assert datetime.fromisoformat(event["startDate"]) == (before + timedelta(days=2)).replace(microsecond=0)


def test_canceled_session_is_canceled_and_offers_nothing(client: Client) -> None:
    make_price()
    live_session = make_live_session()
    cancel_live_session(live_session_id=live_session.pk, actor=make_staff(), reason="the host is ill", now=clock.now())
    event = event_of(client, live_session)
    assert event["eventStatus"] == "https://schema.org/EventCancelled"
    assert "offers" not in event


def test_landing_says_who_publishes(client: Client) -> None:
    (data,) = head_of(client, "/").data
    publisher, site = data["@graph"]
    assert (publisher["@type"], publisher["name"], publisher["url"]) == (
        "Organization",
        "The Red Report",
        f"{settings.SITE_URL}/",
    )
    assert (site["@type"], site["publisher"]) == ("WebSite", {"@id": publisher["@id"]})
    assert client.get(urlsplit(publisher["logo"]).path).status_code == 200


def test_data_block_cannot_be_left() -> None:
    words = "</script><script>alert(1)</script> & <!--"
    block = json_ld({"name": words})
    assert block.count("<") == 2
    assert json.loads(block.removeprefix('<script type="application/ld+json">').removesuffix("</script>")) == {"name": words}


def test_map_of_the_site_has_every_page_for_everybody_and_nothing_else(client: Client) -> None:
    now = clock.now().replace(microsecond=0)
    coming, past = make_live_session(), make_live_session(starts_in=-timedelta(days=3))
    make_live_session(published=False)
    canceled = make_live_session()
    cancel_live_session(live_session_id=canceled.pk, actor=make_staff(), reason="the host is ill", now=now)
    end_past_live_sessions(now=now)
    answer = client.get("/sitemap.xml")
    assert answer["Content-Type"] == "application/xml"
    pages = {
        url.findtext(f"{SITEMAP}loc"): url.findtext(f"{SITEMAP}lastmod")
        for url in ElementTree.fromstring(answer.content).iter(f"{SITEMAP}url")
    }
    sessions = {f"{settings.SITE_URL}/sessions/{live_session.slug}/": live_session for live_session in (coming, past)}
    assert set(pages) == {settings.SITE_URL + reverse(name) for name in PUBLIC_PAGES} | set(sessions)
    changed = [datetime.fromisoformat(pages[address] or "") for address in sessions]
    assert coming.published_at
    assert changed == [coming.published_at.replace(microsecond=0), past.ends_at.replace(microsecond=0)]
    assert all(client.get(urlsplit(address or "").path).status_code == 200 for address in pages)


def test_robots_may_read_what_says_that_it_is_not_to_be_listed(client: Client) -> None:
    answer = client.get("/robots.txt")
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    lines = answer.text.splitlines()
    assert f"Sitemap: {settings.SITE_URL}/sitemap.xml" in lines
    assert [line for line in lines if line.startswith("Disallow")] == ["Disallow: /admin/"]


def test_manifest_and_icons_are_there(client: Client) -> None:
    head = head_of(client, "/")
    manifest = client.get(head.links["manifest"][0])
    assert manifest["Content-Type"] == "application/manifest+json"
    said = json.loads(manifest.content)
    assert (said["name"], said["start_url"]) == ("Red Report Live", "/")
    icons = [*head.links["icon"], *head.links["apple-touch-icon"], *(icon["src"] for icon in said["icons"])]
    assert all(client.get(icon).status_code == 200 for icon in icons)
    assert client.get("/favicon.ico", follow=True).getvalue().startswith(b"\x00\x00\x01\x00\x01\x00\x20\x20")
