"""Who knows an address can use its limits up, and keeps its reader out of nothing."""

from collections.abc import Callable

import pytest
import time_machine
from django.test import Client

from redreport import clock
from redreport.accounts.adapter import MAILS_PER_HOUR
from redreport.accounts.known_browser import KNOWN_BROWSER_COOKIE
from redreport.accounts.mails import ACCOUNT_MAIL
from redreport.accounts.models import User
from redreport.outbox.models import OutgoingMail
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD = "a long pass phrase"
LOGIN, CONFIRM, BY_PASSWORD = "/accounts/login/", "/accounts/login/code/confirm/", "/accounts/login/password/"


@pytest.fixture
def ada() -> User:
    return make_user("Ada", email="ada@example.com", password=PASSWORD)


def browser_of(user: User) -> Client:
    """A browser in which somebody has signed in, and out again."""
    browser = Client()
    browser.post(LOGIN, {"login": user.email})
    browser.post(CONFIRM, {"code": OutgoingMail.objects.latest("pk").read_secret()["code"]})
    assert browser.session["_auth_user_id"] == str(user.pk)
    browser.post("/accounts/logout/")
    return browser


def ask_for_code(browser: Client) -> int:
    return browser.post(LOGIN, {"login": "ada@example.com"}).status_code


def try_wrong_password(browser: Client) -> int:
    return browser.post(BY_PASSWORD, {"login": "ada@example.com", "password": "wrong"}).status_code


def use_up(attempt: Callable[[Client], int], browser: Client) -> None:
    with time_machine.travel(clock.now(), tick=False) as moved:
        while attempt(browser) != 429:
            moved.shift(1)


@pytest.mark.parametrize("attempt", [ask_for_code, try_wrong_password])
def test_without_a_known_browser_the_address_is_used_up_for_everybody(ada: User, attempt: Callable[[Client], int]) -> None:
    use_up(attempt, Client(REMOTE_ADDR="192.0.2.1"))
    assert attempt(Client(REMOTE_ADDR="192.0.2.2")) == 429


def test_who_uses_up_the_codes_of_an_address_keeps_its_reader_out_of_nothing(ada: User) -> None:
    own = browser_of(ada)
    use_up(ask_for_code, Client(REMOTE_ADDR="192.0.2.1"))
    assert ask_for_code(own) == 302
    own.post(CONFIRM, {"code": OutgoingMail.objects.latest("pk").read_secret()["code"]})
    assert own.session["_auth_user_id"] == str(ada.pk)


def test_who_guesses_at_a_password_keeps_its_reader_out_of_nothing(ada: User) -> None:
    own = browser_of(ada)
    use_up(try_wrong_password, Client(REMOTE_ADDR="192.0.2.1"))
    assert own.post(BY_PASSWORD, {"login": "ada@example.com", "password": PASSWORD}).status_code == 302
    assert own.session["_auth_user_id"] == str(ada.pk)


def test_the_known_browser_has_its_own_limit(ada: User) -> None:
    own = browser_of(ada)
    use_up(try_wrong_password, own)
    assert own.post(BY_PASSWORD, {"login": "ada@example.com", "password": PASSWORD}).status_code == 429


def test_a_browser_is_known_for_no_other_address(ada: User) -> None:
    others = browser_of(make_user("Bo", email="bo@example.com"))
    use_up(ask_for_code, Client(REMOTE_ADDR="192.0.2.1"))
    assert ask_for_code(others) == 429


def test_a_mailbox_that_a_stranger_has_filled_takes_its_readers_own_codes_all_the_same(ada: User) -> None:
    own = browser_of(ada)
    for number in range(MAILS_PER_HOUR):
        OutgoingMail.objects.create(
            kind=ACCOUNT_MAIL, key=f"stranger-{number}", recipient=ada.email, due_at=clock.now(), message_id=f"<{number}@x>"
        )
    mails = OutgoingMail.objects.filter(kind=ACCOUNT_MAIL).count()
    assert [ask_for_code(browser) for browser in (Client(), own)] == [302, 302]
    assert OutgoingMail.objects.filter(kind=ACCOUNT_MAIL).count() == mails + 1
    own.post(CONFIRM, {"code": OutgoingMail.objects.latest("pk").read_secret()["code"]})
    assert own.session["_auth_user_id"] == str(ada.pk)


def test_neither_blanks_nor_capitals_nor_a_second_browser_bring_more_tries(ada: User) -> None:
    own, second = browser_of(ada), browser_of(ada)
    use_up(ask_for_code, own)
    for typed in ("ada@example.com ", "ada@example.com  ", "ADA@example.com", " Ada@Example.com"):
        assert [browser.post(LOGIN, {"login": typed}).status_code for browser in (own, second)] == [429, 429]


@pytest.mark.parametrize("made_up", ["", "ada@example.com", "WyJhIiwgImIiXQ:1tX:abc"])
def test_a_cookie_that_we_did_not_sign_is_not_believed(ada: User, made_up: str) -> None:
    use_up(ask_for_code, Client(REMOTE_ADDR="192.0.2.1"))
    stranger = Client()
    stranger.cookies[KNOWN_BROWSER_COOKIE] = made_up
    assert ask_for_code(stranger) == 429


def test_the_cookie_names_nobody_and_no_script_reads_it(ada: User) -> None:
    cookie = browser_of(ada).cookies[KNOWN_BROWSER_COOKIE]
    assert "ada" not in cookie.value
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", 400 * 24 * 3600)
