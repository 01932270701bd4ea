"""Every mail of the program as the bytes that a mail server is handed: sent by the running stack, read back from its catcher."""

import json
import re
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import pytest
from icalendar import Calendar, Component

from tests.e2e import mail_stage
from tests.e2e.conftest import House
from tests.e2e.mail_stage import SentSample
from tests.html_checker import faults_in

pytestmark = pytest.mark.stack

LINK = re.compile(r"https?://[^\s<>\"]*[^\s<>\".,;:!?)]")
MOST_BYTES = 100_000
# What the samples speak of at Stripe and elsewhere.
SAMPLE_HOSTS = {"example.com", "invoice.example.com"}
# SEQUENCE of each entry: the first invitation, what follows a change, what follows a withdrawal.
SEQUENCES = {
    **dict.fromkeys(("seat_confirmed", "auto_booked"), ("REQUEST", 0)),
    **dict.fromkeys(("session_moved", "seat_moved"), ("REQUEST", 1)),
    "seat_handed_over": ("REQUEST", 2),
    **dict.fromkeys(("seat_canceled", "seat_handed_away"), ("CANCEL", 1)),
}


class Reading(HTMLParser):
    """What somebody who reads the HTML has of it: the words, where links lead, the headings, what programs read."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words, self.links, self.headings, self.data = "", set[str](), 0, ""
        self._inside = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        self.headings += tag == "h1"
        link = dict(attributes).get("href") if tag == "a" else None
        if link:
            self.links.add(link.removeprefix("mailto:"))

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.data += data
        elif self._inside != "style":
            self.words += data


def test_every_mail_is_sound_as_it_leaves_the_house(house: House) -> None:
    samples = house.backstage(mail_stage.every_sample)
    sent = [house.backstage(mail_stage.send_sample, kind, variant) for kind, variant in samples]
    mails = {mail.message["Message-ID"]: mail.message for mail in house.mailbox.mails_to("@sample.example")}
    messages = {f"{sample.kind}, {sample.variant}": (sample, mails[sample.message_id]) for sample in sent}
    assert len(messages) == len(samples) > 60
    assert SEQUENCES.keys() <= {sample.kind for sample in sent}

    site = urlsplit(house.stack.url).netloc
    for name, (sample, message) in messages.items():
        assert_parses(message, name)
        assert_headers(message, sample, name)
        assert_parts_say_the_same(message, {site, *SAMPLE_HOSTS}, name)
        assert_calendar(message, sample, name)
    assert faults_in({name: part(message, "html") for name, (_, message) in messages.items()}) == []


def assert_parses(message: EmailMessage, name: str) -> None:
    assert [defect for piece in message.walk() for defect in piece.defects] == [], name
    assert len(message.as_bytes()) < MOST_BYTES, name


def assert_headers(message: EmailMessage, sample: SentSample, name: str) -> None:
    assert message["Auto-Submitted"] == "auto-generated", name
    # What the desk is told of an enquiry is answered to who asked.
    answered_by = "sample.example" if sample.kind == "enquiry_arrived" else "redreport.example"
    assert message["Reply-To"].addresses[0].domain == answered_by, name
    assert [len(message.get_all(header, [])) for header in ("From", "To", "Date", "Subject", "Message-ID")] == [1] * 5, name
    assert len(message["To"].addresses) == 1, name
    assert ("List-Unsubscribe" in message) == sample.is_optional, name
    assert message["List-Unsubscribe-Post"] == ("List-Unsubscribe=One-Click" if sample.is_optional else None), name


def assert_parts_say_the_same(message: EmailMessage, hosts: set[str], name: str) -> None:
    text, reading = part(message, "plain"), Reading(part(message, "html"))
    written, shown = set(LINK.findall(text)), {link for link in reading.links if "://" in link} | set(LINK.findall(reading.words))
    assert written == shown, name
    assert {urlsplit(link).netloc for link in written} <= hosts, name
    assert all(link in text for link in reading.links), name
    assert reading.headings == 1, name


def assert_calendar(message: EmailMessage, sample: SentSample, name: str) -> None:
    alternatives = ["text/plain", "text/html"]
    if sample.kind not in SEQUENCES:
        assert types_in(message) == ["multipart/alternative", *alternatives], name
        return
    assert types_in(message) == [
        *("multipart/mixed", "multipart/alternative", *alternatives, "text/calendar"),
        "application/ics",
    ], name
    method, sequence = SEQUENCES[sample.kind]
    [inline, attached] = [piece for piece in message.walk() if piece.get_content_subtype() in ("calendar", "ics")]
    content = inline.get_content().encode()
    assert lines_of(content) == lines_of(attached.get_content()), name
    calendar = Calendar.from_ical(content)
    assert (calendar["METHOD"], inline.get_param("method")) == (method, method), name
    [event] = calendar.walk("VEVENT")
    assert_event(event, message, method, sequence, name)
    assert_reservation(json.loads(Reading(part(message, "html")).data), event, method, name)


def assert_event(event: Component, message: EmailMessage, method: str, sequence: int, name: str) -> None:
    assert re.fullmatch(r"seat-[0-9a-f-]{36}@127\.0\.0\.1", str(event["UID"])), name
    assert event["SEQUENCE"] == sequence, name
    assert event["STATUS"] == ("CANCELLED" if method == "CANCEL" else "CONFIRMED"), name
    assert str(event["ATTENDEE"]).lower() == f"mailto:{message['To'].addresses[0].addr_spec}", name
    assert str(event["ORGANIZER"]).lower() == f"mailto:{message['From'].addresses[0].addr_spec}", name
    times = [line for line in event.to_ical().splitlines() if line.startswith((b"DTSTART", b"DTEND"))]
    assert [line.endswith(b"Z") for line in times] == [True, True], name


def assert_reservation(reservation: dict[str, Any], event: Component, method: str, name: str) -> None:
    status = "ReservationCancelled" if method == "CANCEL" else "ReservationConfirmed"
    assert reservation["reservationStatus"] == f"https://schema.org/{status}", name
    assert str(event["UID"]).startswith(f"seat-{reservation['reservationNumber']}@"), name
    starts = event.decoded("DTSTART").strftime("%Y-%m-%dT%H:%M:%SZ")
    assert reservation["reservationFor"]["startDate"] == starts, name
    assert "/door/" not in json.dumps(reservation), name


def part(message: EmailMessage, subtype: str) -> str:
    body = message.get_body((subtype,))
    assert body is not None
    content = body.get_content()
    assert isinstance(content, str)
    return content


def types_in(message: EmailMessage) -> list[str]:
    return [piece.get_content_type() for piece in message.walk()]


def lines_of(content: bytes) -> list[bytes]:
    """Line ends are the transport's: a text part's are rewritten on the way."""
    return content.splitlines()
