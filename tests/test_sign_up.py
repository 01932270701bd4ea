"""Signing up: an address, a name, perhaps a firm; the address is proven by a mailed code."""

import re
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from redreport.accounts.adapter import AccountAdapter
from redreport.accounts.models import User
from redreport.accounts.selectors import has_proven_email
from redreport.outbox.deliver import deliver_mail
from redreport.outbox.models import OutgoingMail
from redreport.outbox.wishes import say_wish, wants_mail
from sessions_live.mails.news import NEW_SESSIONS
from tests.fixtures_mail import MailServer

pytestmark = pytest.mark.django_db(transaction=True)

SESSION_PAGE = "/sessions/what-the-plenum-decided/"
SIGN_UP, PROVE = "/accounts/signup/", "/accounts/confirm-email/"
GRACE = {"email": "Grace@Example.com", "name": "Grace Example", "firm": "Example & Partners", "next": SESSION_PAGE}


def sign_up(client: Client, **changes: str) -> Any:
    return client.post(SIGN_UP, {**GRACE, **changes}, follow=True)


def last_code() -> str:
    return str(OutgoingMail.objects.latest("pk").read_secret()["code"])


def test_reader_who_signs_up_on_the_way_to_a_session_ends_there_with_a_proven_address(client: Client) -> None:
    start = client.get("/accounts/login/", {"next": SESSION_PAGE}).content.decode()
    assert "/accounts/signup/?next=%2Fsessions%2Fwhat-the-plenum-decided%2F" in start
    page = sign_up(client)
    assert page.redirect_chain == [(f"{PROVE}?next=%2Fsessions%2Fwhat-the-plenum-decided%2F", 302)]
    user = User.objects.get()
    assert (user.email, user.name, user.firm) == ("grace@example.com", "Grace Example", "Example & Partners")
    assert not has_proven_email(user)
    assert "_auth_user_id" not in client.session
    answer = client.post(PROVE, {"code": last_code()})
    assert answer["Location"] == SESSION_PAGE
    assert client.session["_auth_user_id"] == str(user.pk)
    assert has_proven_email(user)


def test_sign_up_asks_for_no_password_and_one_can_be_set_later(client: Client) -> None:
    sign_up(client)
    client.post(PROVE, {"code": last_code()})
    assert not User.objects.get().has_usable_password()
    # Whoever has just proven the address has just signed in: nothing is asked again.
    assert client.get("/accounts/password/set/").status_code == 200
    client.post("/accounts/password/set/", {"password1": "correct horse battery", "password2": "correct horse battery"})
    assert User.objects.get().check_password("correct horse battery")
    assert OutgoingMail.objects.latest("pk").context["template"] == "account/email/password_set"


def test_code_is_mailed_as_text_and_html(client: Client, smtp_server: MailServer) -> None:
    sign_up(client)
    code = last_code()
    assert deliver_mail(OutgoingMail.objects.get().pk, timezone.now()) == "sent"
    sent = smtp_server.mails[0]
    assert (sent.recipients, sent.subject) == (["grace@example.com"], f"{code} is your sign-in code")
    assert sent.part("text/plain").splitlines()[2] == "Expires in 10 minutes."
    assert code in sent.part("text/html")


def test_known_and_new_addresses_are_answered_alike() -> None:
    ada = User.objects.create_user("ada@example.com", name="Ada")
    EmailAddress.objects.create(user=ada, email=ada.email, verified=True, primary=True)

    def answer(email: str) -> tuple[Any, ...]:
        client = Client()
        page = sign_up(client, email=email)
        html = re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", page.content.decode()).replace(email, "EMAIL")
        wrong = [client.post(PROVE, {"code": "abc"}) for _ in range(3)]
        return page.redirect_chain, html, [(each.status_code, each.get("Location")) for each in wrong]

    assert answer("ada@example.com") == answer("new@example.com")


def test_known_address_is_mailed_the_way_to_sign_in_and_nothing_changes(client: Client, smtp_server: MailServer) -> None:
    ada = User.objects.create_user("ada@example.com", name="Ada")
    EmailAddress.objects.create(user=ada, email=ada.email, verified=True, primary=True)
    sign_up(client, email="ada@example.com", name="Somebody Else")
    ada.refresh_from_db()
    assert (User.objects.count(), ada.name) == (1, "Ada")
    assert deliver_mail(OutgoingMail.objects.get().pk, timezone.now()) == "sent"
    text = smtp_server.mails[0].part("text/plain")
    assert "http://testserver/accounts/login/?next=%2Fsessions%2Fwhat-the-plenum-decided%2F" in text


def test_double_click_makes_one_account_and_either_answer_leads_in() -> None:
    barrier, clients = Barrier(2), [Client(), Client()]

    def click(client: Client) -> None:
        barrier.wait()
        assert sign_up(client).status_code == 200
        connection.close()

    threads = [Thread(target=click, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (User.objects.count(), EmailAddress.objects.count()) == (1, 1)
    codes = [mail.read_secret()["code"] for mail in OutgoingMail.objects.all()]
    assert len(codes) == 2
    answers = [clients[1].post(PROVE, {"code": code}) for code in codes]
    assert SESSION_PAGE in [answer.get("Location") for answer in answers]


def test_an_address_taken_between_check_and_insert_is_no_error(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    save_user = AccountAdapter.save_user

    def rival() -> None:
        User.objects.create_user("grace@example.com", name="Grace Example")
        connection.close()

    def save_user_too_late(self: AccountAdapter, *arguments: Any, **options: Any) -> Any:
        thread = Thread(target=rival)
        thread.start()
        thread.join()
        return save_user(self, *arguments, **options)

    monkeypatch.setattr(AccountAdapter, "save_user", save_user_too_late)
    assert sign_up(client).status_code == 200
    assert client.post(PROVE, {"code": last_code()})["Location"] == SESSION_PAGE
    assert has_proven_email(User.objects.get())


def test_name_and_firm_are_those_of_the_browser_that_proves_the_address(client: Client) -> None:
    sign_up(Client(), name="Clown", firm="Circus")
    sign_up(client)
    code = last_code()
    sign_up(Client(), name="Clown again")
    assert User.objects.get().name == "Clown"
    assert client.post(PROVE, {"code": code})["Location"] == SESSION_PAGE
    assert (User.objects.get().name, User.objects.get().firm) == ("Grace Example", "Example & Partners")


def test_name_typed_for_a_proven_address_never_reaches_its_account(client: Client) -> None:
    ada = User.objects.create_user("ada@example.com", name="Ada")
    EmailAddress.objects.create(user=ada, email=ada.email, verified=True, primary=True)
    sign_up(client, email="ada@example.com", name="Somebody Else")
    client.post("/accounts/login/", {"login": "ada@example.com"})
    client.post("/accounts/login/code/confirm/", {"code": last_code()})
    assert client.session["_auth_user_id"] == str(ada.pk)
    ada.refresh_from_db()
    assert ada.name == "Ada"


@pytest.mark.parametrize("field", ["name", "firm"])
@pytest.mark.parametrize("bad", ["Ada\r\nBcc: all@example.com", "Ada\nX: y", "Ada\u2028Bcc: x", "Ada\x00", "A" * 161])
def test_line_breaks_and_endless_names_are_refused_in_words(client: Client, field: str, bad: str) -> None:
    page = client.post(SIGN_UP, {**GRACE, field: bad})
    assert page.status_code == 200
    assert page.context["form"].errors[field]
    assert not User.objects.exists()


def test_name_is_required_and_firm_is_not(client: Client) -> None:
    assert client.post(SIGN_UP, {**GRACE, "name": ""}).context["form"].errors == {"name": ["This field is required."]}
    assert sign_up(client, firm="").redirect_chain


def test_database_refuses_capitals_twins_and_line_breaks() -> None:
    User.objects.create_user("ADA@example.com ", name="Ada")
    assert User.objects.get().email == "ada@example.com"
    for wrong in [
        {"email": "ada@example.com"},
        {"email": "Eve@example.com"},
        {"email": "eve@example.com", "name": "E\nve"},
        {"email": "eve@example.com", "firm": "E\r\nve"},
    ]:
        with pytest.raises(IntegrityError), transaction.atomic():
            User.objects.bulk_create([User(**{"name": "Eve", **wrong})])


def test_nobody_can_fill_a_strangers_mailbox() -> None:
    ada = User.objects.create_user("ada@example.com", name="Ada")
    EmailAddress.objects.create(user=ada, email=ada.email, verified=True, primary=True)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _ in range(12):
            clock.shift(timedelta(minutes=1))
            assert sign_up(Client(), email="ada@example.com").status_code == 200
            assert Client().post("/accounts/login/", {"login": "ada@example.com"}).status_code == 302
    assert OutgoingMail.objects.count() == 20


def test_changing_the_address_tells_the_old_one_and_proves_the_new_one(client: Client) -> None:
    sign_up(client)
    client.post(PROVE, {"code": last_code()})
    client.post("/accounts/login/", {"login": "grace@example.com"})
    fresh = Client()
    fresh.post("/accounts/login/", {"login": "grace@example.com"})
    fresh.post("/accounts/login/code/confirm/", {"code": last_code()})
    fresh.post("/accounts/email/", {"email": "hopper@example.com", "action_add": "1"})
    assert User.objects.get().email == "grace@example.com"
    say_wish(email="grace@example.com", topic=NEW_SESSIONS, is_wanted=True, now=timezone.now())
    asked = OutgoingMail.objects.latest("pk")
    assert (asked.recipient, asked.context["template"]) == ("hopper@example.com", "account/email/email_confirmation")
    fresh.post(PROVE, {"code": last_code()})
    user = User.objects.get()
    assert (user.email, has_proven_email(user)) == ("hopper@example.com", True)
    told = OutgoingMail.objects.latest("pk")
    assert (told.recipient, told.context["template"]) == ("grace@example.com", "account/email/email_changed")
    assert wants_mail(email="hopper@example.com", topic=NEW_SESSIONS)


def test_a_reader_without_password_signs_in_anew_before_changing_the_address(client: Client) -> None:
    user = User.objects.create_user("ada@example.com", name="Ada")
    client.force_login(user)
    answer = client.post("/accounts/email/", {"email": "eve@example.com", "action_add": "1"})
    assert answer["Location"] == "/accounts/login/?next=%2Faccounts%2Femail%2F"
    assert "_auth_user_id" not in client.session
    assert not OutgoingMail.objects.exists()
