"""Optional mails go to who wants them; each says how to end it, and that takes one click, signed in or not."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.checks import run_checks
from django.test import Client

from redreport.outbox import kinds
from redreport.outbox.deliver import deliver_mail
from redreport.outbox.kinds import Topic
from redreport.outbox.models import MailWish, OutgoingMail
from redreport.outbox.wishes import carry_wishes, say_wish, unsubscribe_url, wants_mail
from tests.factories import make_user
from tests.fixtures_mail import MailServer
from tests.outbox_helpers import owe_mail, register_test_kind

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2027, 1, 4, 15, tzinfo=UTC)
ASKED = Topic("test_asked", "News of the tests", is_wanted_unasked=False)
UNASKED = Topic("test_unasked", "Notes of the tests", is_wanted_unasked=True)


@pytest.fixture(autouse=True)
def kinds_of_tests() -> Iterator[None]:
    before = dict(kinds._kinds)
    register_test_kind("test_asked", topic=ASKED)
    register_test_kind("test_unasked", topic=UNASKED)
    yield
    kinds._kinds.clear()
    kinds._kinds.update(before)


def outcome_of(kind: str, recipient: str = "reader@example.com") -> tuple[str, str]:
    mail = owe_mail(kind, f"{kind}:{OutgoingMail.objects.count()}", recipient=recipient, now=NOW)
    deliver_mail(mail.pk, NOW)
    mail.refresh_from_db()
    return mail.state, mail.reason


class TestWhoGetsThem:
    def test_who_never_said_anything_gets_what_is_sent_unasked_and_nothing_else(self, smtp_server: MailServer) -> None:
        assert outcome_of("test_unasked") == ("sent", "")
        assert outcome_of("test_asked") == ("withheld", "not wanted")

    def test_what_was_said_last_counts_in_whatever_letters_the_address_is_written(self, smtp_server: MailServer) -> None:
        say_wish(email="Reader@Example.com", topic=ASKED, is_wanted=False, now=NOW)
        say_wish(email="reader@example.com", topic=ASKED, is_wanted=True, now=NOW)

        assert outcome_of("test_asked", "READER@example.com") == ("sent", "")
        assert MailWish.objects.count() == 1

    def test_none_goes_out_from_a_sender_who_is_nowhere_to_be_found(self, settings: Any) -> None:
        settings.POSTAL_ADDRESS = ""

        assert outcome_of("test_unasked") == ("withheld", "no postal address is set")
        assert "outbox.W001" in [message.id for message in run_checks(include_deployment_checks=True)]

    def test_a_deployment_with_an_address_is_not_warned(self) -> None:
        assert "outbox.W001" not in [message.id for message in run_checks(include_deployment_checks=True)]


class TestAnotherAddress:
    def test_what_the_new_address_said_itself_counts(self) -> None:
        say_wish(email="ada@example.com", topic=ASKED, is_wanted=True, now=NOW)
        say_wish(email="lovelace@example.com", topic=ASKED, is_wanted=False, now=NOW)

        carry_wishes(from_email="Ada@example.com", to_email="Lovelace@example.com", now=NOW)

        assert not wants_mail(email="lovelace@example.com", topic=ASKED)


class TestTheWayOut:
    def test_mail_programs_find_it_in_the_headers_and_need_no_cookies(self, smtp_server: MailServer) -> None:
        outcome_of("test_unasked")
        message = smtp_server.mails[0].message
        address = re.fullmatch(r"<http://testserver(/mail/unsubscribe/.+/)>", message["List-Unsubscribe"].strip())
        assert address
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"

        strict = Client(enforce_csrf_checks=True)
        assert strict.post(address[1], {"List-Unsubscribe": "One-Click"}).status_code == 200
        assert outcome_of("test_unasked") == ("withheld", "not wanted")

    def test_opening_the_link_changes_nothing_and_its_button_twice_is_as_good_as_once(self, client: Client) -> None:
        path = unsubscribe_url(email="reader@example.com", topic=UNASKED).removeprefix("http://testserver")
        page = client.get(path)
        assert "Stop these mails?" in page.content.decode()
        assert page["Referrer-Policy"] == "no-referrer"
        assert wants_mail(email="reader@example.com", topic=UNASKED)

        for _ in range(2):
            assert "You get no more of these mails" in client.post(path).content.decode()
        assert not wants_mail(email="reader@example.com", topic=UNASKED)

    def test_a_forged_link_ends_nothing(self, client: Client) -> None:
        assert client.post("/mail/unsubscribe/forged/").status_code == 404


class TestThePage:
    def test_each_topic_has_a_tick_as_it_is_wanted_now(self, client: Client) -> None:
        client.force_login(make_user(email="ada@example.com"))
        html = client.get("/account/mails/").content.decode()

        assert re.search(r'name="test_unasked"[^>]*checked', html)
        assert re.search(r'name="test_asked"', html)
        assert not re.search(r'name="test_asked"[^>]*checked', html)
        assert "ada@example.com" in html
        assert not MailWish.objects.exists()

    def test_only_what_was_changed_is_noted(self, client: Client) -> None:
        client.force_login(make_user(email="ada@example.com"))
        ticked = {name: "on" for name, topic in kinds.topics().items() if topic.is_wanted_unasked}

        saved = client.post("/account/mails/", {**ticked, "test_asked": "on"})

        assert (saved.status_code, saved["Location"]) == (303, "/account/mails/")
        assert list(MailWish.objects.values_list("email", "topic", "is_wanted")) == [("ada@example.com", "test_asked", True)]

    def test_nothing_ticked_ends_everything(self, client: Client) -> None:
        client.force_login(make_user(email="ada@example.com"))

        client.post("/account/mails/", {})

        assert not any(wants_mail(email="ada@example.com", topic=topic) for topic in kinds.topics().values())

    def test_it_is_for_who_is_signed_in(self, client: Client) -> None:
        answer = client.get("/account/mails/")
        assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=/account/mails/")
