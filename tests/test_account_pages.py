"""The pages of a reader's own account: profile, sign-ins, the file of their data, and erasing it all."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from redreport import clock
from redreport.accounts.devices import device_of
from redreport.accounts.models import Erasure, SignIn, User
from redreport.accounts.sign_ins import sweep_sign_ins
from redreport.audit.models import AuditEntry
from redreport.outbox.models import OutgoingMail
from sessions_live.models import CalendarFeed, Question
from tests.canceling import book
from tests.factories import attendee_of, make_credits, make_guest_seat, make_live_session, make_staff, make_user
from tests.fixtures_shop import Shop
from tests.staff import give_app

pytestmark = pytest.mark.django_db

PROFILE, SIGN_INS, EXPORT, ERASE = "/account/profile/", "/account/sign-ins/", "/account/export/", "/account/erase/"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1 (KHTML, like Gecko) Version/19.0 Safari/604.1"


def browser(user: User, user_agent: str = FIREFOX) -> Client:
    """A browser that signed in with a mailed code just now."""
    client = Client(headers={"User-Agent": user_agent})
    client.post("/accounts/login/", {"login": user.email})
    code = OutgoingMail.objects.filter(kind="account_mail", recipient=user.email).latest("pk").read_secret()["code"]
    assert client.post("/accounts/login/code/confirm/", {"code": code}).status_code == 302
    return client


def is_signed_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


def rows_of(client: Client) -> list[str]:
    html = client.get(SIGN_INS).content.decode()
    cells = re.findall(r'<td data-label="Browser">(.*?)</td>', html)
    return [re.sub(r"<[^>]*>", "", cell) for cell in cells]


@pytest.fixture
def reader() -> User:
    return make_user("Ada Reader", email="ada@example.com")


class TestSignIns:
    def test_each_browser_is_listed_in_words_and_ones_own_is_marked(self, reader: User) -> None:
        desk, telephone = browser(reader), browser(reader, SAFARI)
        assert sorted(rows_of(desk)) == ["Firefox on Linux This one", "Safari on iPhone"]
        assert sorted(rows_of(telephone)) == ["Firefox on Linux", "Safari on iPhone This one"]

    def test_one_is_ended_and_the_others_go_on(self, reader: User) -> None:
        desk, telephone, third = browser(reader), browser(reader, SAFARI), browser(reader)
        own = SignIn.objects.get(device="Safari on iPhone")
        assert desk.post(SIGN_INS, {"end": own.pk})["Location"] == SIGN_INS
        assert [is_signed_in(client) for client in (desk, telephone, third)] == [True, False, True]

    def test_all_others_are_ended_at_once(self, reader: User) -> None:
        desk, *others = browser(reader), browser(reader, SAFARI), browser(reader)
        desk.post(SIGN_INS, {"end": "others"})
        assert "Signed out: 2 other browsers." in desk.get(SIGN_INS).content.decode()
        assert [is_signed_in(client) for client in (desk, *others)] == [True, False, False]

    def test_nobody_ends_somebody_elses(self, reader: User) -> None:
        theirs, other = browser(reader), browser(make_user())
        other.post(SIGN_INS, {"end": SignIn.objects.get(user=reader).pk})
        other.post(SIGN_INS, {"end": "others"})
        assert is_signed_in(theirs)

    @pytest.mark.parametrize("named", ["", "x", "0", "-1", "9" * 30])
    def test_what_names_none_ends_none(self, reader: User, named: str) -> None:
        desk, telephone = browser(reader), browser(reader, SAFARI)
        assert desk.post(SIGN_INS, {"end": named}).status_code == 303
        assert is_signed_in(desk)
        assert is_signed_in(telephone)

    def test_staff_have_the_same_list(self) -> None:
        staff = make_staff()
        desk, telephone = browser(staff), browser(staff, SAFARI)
        desk.post(SIGN_INS, {"end": "others"})
        assert telephone.get("/admin/").status_code == 302

    def test_signing_out_takes_the_row_along(self, reader: User) -> None:
        browser(reader).post("/accounts/logout/")
        assert SignIn.objects.count() == 0

    def test_a_request_under_way_does_not_bring_an_ended_one_back(self, reader: User) -> None:
        desk = browser(reader)
        session = desk.session
        Session.objects.all().delete()
        with pytest.raises(UpdateError):
            session.save()

    def test_one_that_was_ended_while_its_session_changed_its_key_ends_all_the_same(self, reader: User) -> None:
        with time_machine.travel(clock.now(), tick=False) as moved:
            telephone = browser(reader, SAFARI)
            SignIn.objects.all().delete()
            moved.shift(timedelta(hours=1))
            telephone.get("/account/")
            assert (is_signed_in(telephone), SignIn.objects.count(), Session.objects.count()) == (False, 0, 0)

    def test_last_seen_is_written_once_an_hour(self, reader: User) -> None:
        with time_machine.travel(clock.now(), tick=False) as moved:
            desk = browser(reader)
            first = SignIn.objects.get().seen_at
            moved.shift(timedelta(minutes=59))
            desk.get("/account/")
            assert SignIn.objects.get().seen_at == first
            moved.shift(timedelta(minutes=1))
            desk.get("/account/")
            assert SignIn.objects.get().seen_at == first + timedelta(hours=1)

    def test_what_ran_out_is_swept(self, reader: User) -> None:
        desk, now = browser(reader), clock.now()
        sweep_sign_ins(now=now)
        assert is_signed_in(desk)
        Session.objects.update(expire_date=now)
        sweep_sign_ins(now=now)
        assert (SignIn.objects.count(), Session.objects.count()) == (0, 0)

    @pytest.mark.parametrize(
        ("user_agent", "device"),
        [
            (FIREFOX, "Firefox on Linux"),
            (SAFARI, "Safari on iPhone"),
            ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
            ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) AppleWebKit Chrome/140.0 Safari/537.36", "Chrome on Mac"),
            ("Mozilla/5.0 (Linux; Android 16) AppleWebKit Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
            ("<script>alert(1)</script>", "A browser"),
            ("", "A browser"),
        ],
    )
    def test_a_browser_is_named_in_our_words_alone(self, user_agent: str, device: str) -> None:
        assert device_of(user_agent) == device


class TestChangesOfTheKeys:
    def test_a_changed_password_ends_all_other_sign_ins_and_none_is_lost_here(self, reader: User) -> None:
        desk, telephone = browser(reader), browser(reader, SAFARI)
        since = SignIn.objects.get(device="Firefox on Linux").signed_in_at
        answer = desk.post("/accounts/password/set/", {"password1": "correct horse staple", "password2": "correct horse staple"})
        assert answer.status_code == 302
        assert [is_signed_in(client) for client in (desk, telephone)] == [True, False]
        assert rows_of(desk) == ["Firefox on Linux This one"]
        assert SignIn.objects.get().signed_in_at == since

    def test_a_changed_address_ends_all_other_sign_ins_and_both_addresses_are_told(self, reader: User) -> None:
        desk, telephone = browser(reader), browser(reader, SAFARI)
        desk.post("/accounts/email/", {"email": "lovelace@example.com", "action_add": "1"})
        code = OutgoingMail.objects.get(recipient="lovelace@example.com").read_secret()["code"]
        assert desk.post("/accounts/confirm-email/", {"code": code}).status_code == 302
        reader.refresh_from_db()
        assert reader.email == "lovelace@example.com"
        told = OutgoingMail.objects.filter(context__template="account/email/email_changed")
        assert sorted(told.values_list("recipient", flat=True)) == ["ada@example.com", "lovelace@example.com"]
        assert [is_signed_in(client) for client in (desk, telephone)] == [True, False]

    def test_an_address_changed_by_whatever_way_leaves_no_session_of_before(self, reader: User) -> None:
        desk = browser(reader)
        User.objects.filter(pk=reader.pk).update(email="stolen@example.com")
        assert not is_signed_in(desk)


RISKY = [
    EXPORT,
    ERASE,
    "/accounts/email/",
    "/accounts/password/set/",
    "/accounts/2fa/totp/activate/",
    "/accounts/2fa/webauthn/add/",
]


class TestRecentSignIn:
    @pytest.mark.parametrize("page", RISKY)
    def test_who_signed_in_a_while_ago_signs_in_once_more(self, reader: User, page: str) -> None:
        with time_machine.travel(clock.now(), tick=False) as moved:
            desk = browser(reader)
            assert desk.get(page).status_code == 200
            moved.shift(timedelta(minutes=16))
            answer = desk.get(page)
            assert answer["Location"].startswith("/accounts/login/?next=")
            assert not is_signed_in(desk)

    @pytest.mark.parametrize("page", [EXPORT, ERASE])
    def test_who_has_a_second_factor_is_asked_for_it(self, reader: User, page: str) -> None:
        give_app(reader)
        desk = Client()
        desk.force_login(reader)
        assert desk.post(page)["Location"].startswith("/accounts/2fa/reauthenticate/?next=")
        assert not Erasure.objects.exists()

    def test_a_calendar_address_is_given_to_who_signed_in_a_moment_ago(self, reader: User) -> None:
        with time_machine.travel(clock.now(), tick=False) as moved:
            desk = browser(reader)
            moved.shift(timedelta(minutes=16))
            assert desk.post("/account/calendar/")["Location"] == "/accounts/login/?next=%2Faccount%2F"
            assert not CalendarFeed.objects.exists()
        assert browser(reader).post("/account/calendar/").status_code == 303
        assert CalendarFeed.objects.count() == 1


class TestProfile:
    def test_what_is_saved_stands_there_and_seats_keep_their_names(self, client: Client, reader: User) -> None:
        seat = make_guest_seat(make_live_session(), reader)
        client.force_login(reader)
        form = {"name": "Ada King", "firm": "Analytical & Co", "time_zone": "Europe/Paris"}
        assert client.post(PROFILE, form)["Location"] == PROFILE
        reader.refresh_from_db()
        assert (reader.name, reader.firm, reader.time_zone) == ("Ada King", "Analytical & Co", "Europe/Paris")
        html = client.get(PROFILE).content.decode()
        assert "Seats you have booked already keep the old name." in html
        assert "(Paris)" in html
        seat.refresh_from_db()
        assert seat.attendee_name == "Ada Reader"

    @pytest.mark.parametrize(
        ("field", "value"), [("name", ""), ("name", "A\nB"), ("name", "x" * 121), ("firm", "y" * 121), ("time_zone", "Mars/Base")]
    )
    def test_what_does_not_fit_is_said_and_not_saved(self, client: Client, reader: User, field: str, value: str) -> None:
        client.force_login(reader)
        answer = client.post(PROFILE, {"name": "Ada King", "firm": "", "time_zone": "", field: value})
        assert answer.status_code == 400
        assert "There is a problem" in answer.content.decode()
        reader.refresh_from_db()
        assert reader.name == "Ada Reader"

    def test_zones_are_grouped_by_region_and_begin_with_the_city(self, client: Client, reader: User) -> None:
        client.force_login(reader)
        html = client.get(PROFILE).content.decode()
        europe = html.split('<optgroup label="Europe">')[1].split("</optgroup>")[0]
        assert '<option value="Europe/London">London</option>' in europe

    def test_a_zone_of_an_old_name_can_be_kept(self, client: Client, reader: User) -> None:
        User.objects.update(time_zone="US/Eastern")
        client.force_login(reader)
        assert client.post(PROFILE, {"name": "Ada Reader", "firm": "", "time_zone": "US/Eastern"}).status_code == 303


class TestExport:
    def test_the_file_has_all_of_ones_own_and_nothing_of_others(self, shop: Shop) -> None:
        reader, bo = make_user("Ada Reader", email="ada@example.com"), make_user("Bo Colleague", email="bo@example.com")
        boss = make_user("Boss Person", email="boss@example.com")
        shop.sell_seats(reader, make_live_session(), [attendee_of(reader), attendee_of(bo)])
        shop.sell_seats(boss, make_live_session(), [attendee_of(reader), attendee_of(make_user("Cy Stranger"))])
        shop.begin_year(reader)
        make_credits(reader, 1)
        seat = book(reader, make_live_session())
        Question.objects.create(seat=seat, text="Who signs?", asked_at=clock.now())
        shop.hear_all()
        answer = browser(reader).post(EXPORT)
        assert answer["Content-Disposition"].startswith('attachment; filename="red-report-live-')
        file: dict[str, Any] = json.loads(answer.content)
        assert file["schema"] == "red-report-live/export/1"
        assert file["account"]["email"] == "ada@example.com"
        assert [order["amount_minor"] for order in file["orders"]] == [50000, 250000]
        assert [payment["amount_minor"] for payment in file["payments"]] == [50000, 250000]
        assert sorted(invoice["total_minor"] for invoice in file["invoices"]) == [50000, 250000]
        assert [one["booked_by_you"] for one in file["seats"]] == [True, True, False, True]
        assert [line["credits"] for line in file["credits"]] == [12, 1, -1]
        assert [consent["order"] for consent in file["consents"]] == [file["orders"][1]["number"]]
        assert [question["text"] for question in file["questions"]] == ["Who signs?"]
        assert file["sign_ins"][0]["browser"] == "Firefox on Linux"
        assert {"confirmation", "year started"} <= {mail["kind"] for mail in file["mails"]}
        text = answer.content.decode()
        assert "bo@example.com" in text
        for others in ("boss@example.com", "Boss Person", "Cy Stranger", "password", "secret"):
            assert others not in text.replace("has_password", "")
        assert AuditEntry.objects.filter(verb="exported", actor=reader).count() == 1

    def test_looking_at_the_page_takes_nothing(self, reader: User) -> None:
        assert browser(reader).get(EXPORT).status_code == 200
        assert not AuditEntry.objects.filter(verb="exported").exists()


class TestErase:
    @pytest.fixture
    def desk(self, reader: User) -> Iterator[Client]:
        make_credits(reader, 3)
        with time_machine.travel(clock.now(), tick=False):
            yield browser(reader)

    def digest(self, desk: Client) -> str:
        found = re.search(r'name="consequences" value="(\w+)"', desk.get(ERASE).content.decode())
        assert found
        return found[1]

    def test_consequences_come_first_and_the_typed_address_does_it(self, desk: Client, reader: User) -> None:
        html = desk.get(ERASE).content.decode()
        assert "You lose 3 unused credits." in html
        answer = desk.post(ERASE, {"email": " ADA@example.com", "consequences": self.digest(desk)})
        assert "Your account is closed" in answer.content.decode()
        assert not is_signed_in(desk)
        assert Erasure.objects.get().user_id == reader.pk

    @pytest.mark.parametrize("typed", ["", "eve@example.com", "ada"])
    def test_without_the_address_nothing_happens(self, desk: Client, typed: str) -> None:
        answer = desk.post(ERASE, {"email": typed, "consequences": self.digest(desk)})
        assert answer.status_code == 400
        assert not Erasure.objects.exists()

    def test_what_has_changed_meanwhile_is_shown_first(self, desk: Client, reader: User) -> None:
        shown = self.digest(desk)
        make_credits(reader, 1)
        answer = desk.post(ERASE, {"email": reader.email, "consequences": shown})
        assert answer.status_code == 409
        assert "You lose 4 unused credits." in answer.content.decode()
        assert not Erasure.objects.exists()

    def test_what_is_open_leads_to_where_it_is_ended(self, desk: Client, reader: User) -> None:
        seat = book(reader, make_live_session())
        html = desk.get(ERASE).content.decode()
        assert "Not yet: something of yours is open" in html
        assert reverse("subscriptions:cancel", args=[seat.public_id]) in html
        assert "Erase my account" not in html


PAGES = [
    "/account/",
    PROFILE,
    SIGN_INS,
    EXPORT,
    ERASE,
    "/account/mails/",
    "/account/credits/",
    "/accounts/email/",
    "/accounts/2fa/",
]


@pytest.mark.parametrize("page", PAGES)
def test_every_page_of_the_account_has_the_same_ways_to_the_others(reader: User, page: str) -> None:
    html = browser(reader).get(page).content.decode()
    nav = html.split('aria-label="Your account"')[1].split("</nav>")[0]
    links = re.findall(r'href="([^"]+)"', nav)
    assert links == ["/account/", "/account/credits/", PROFILE, "/account/mails/", "/accounts/2fa/", SIGN_INS, EXPORT]
    assert nav.count("aria-current") == 1
