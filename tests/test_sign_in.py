"""Signing in by mailed code, from the page where the reader was and back to it."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.test import Client
from django.utils import timezone

from redreport.accounts.models import User
from redreport.accounts.selectors import has_proven_email
from redreport.outbox.deliver import deliver_mail
from redreport.outbox.models import OutgoingMail
from tests.fixtures_mail import MailServer

pytestmark = pytest.mark.django_db(transaction=True)

SESSION_PAGE = "/sessions/what-the-plenum-decided/"
LOGIN, CONFIRM = "/accounts/login/", "/accounts/login/code/confirm/"


@pytest.fixture
def reader(client: Client) -> User:
    return User.objects.create_user("ada@example.com", name="Ada Example")


def last_code() -> str:
    code = OutgoingMail.objects.latest("pk").read_secret()["code"]
    assert re.fullmatch(r"\d{6}", code)
    return str(code)


def hidden_next(response: Any) -> str:
    form = response.content.decode().split('<form class="form"')[1].split("</form>")[0]
    found = re.search(r'name="next" value="([^"]*)"', form)
    return found[1] if found else ""


def ask_for_code(client: Client, email: str = "ada@example.com", next_url: str = SESSION_PAGE) -> Any:
    page = client.get(LOGIN, {"next": next_url})
    return client.post(LOGIN, {"login": email, "next": hidden_next(page)}, follow=True)


def test_reader_who_starts_on_a_session_page_ends_there_with_a_proven_address(client: Client, reader: User) -> None:
    assert not has_proven_email(reader)
    page = ask_for_code(client)
    assert page.redirect_chain == [(f"{CONFIRM}?next=%2Fsessions%2Fwhat-the-plenum-decided%2F", 302)]
    answer = client.post(CONFIRM, {"code": last_code(), "next": hidden_next(page)})
    assert (answer.status_code, answer["Location"]) == (302, SESSION_PAGE)
    assert client.session["_auth_user_id"] == str(reader.pk)
    assert has_proven_email(reader)


def test_address_may_be_typed_in_capitals(client: Client, reader: User) -> None:
    page = ask_for_code(client, email=" ADA@Example.com ")
    client.post(CONFIRM, {"code": last_code(), "next": hidden_next(page)})
    assert client.session["_auth_user_id"] == str(reader.pk)


def test_code_page_is_made_for_a_code(client: Client, reader: User) -> None:
    html = ask_for_code(client).content.decode()
    assert 'autocomplete="one-time-code"' in html
    assert 'inputmode="numeric"' in html


def test_code_is_mailed_in_subject_text_and_html_and_then_forgotten(
    client: Client, reader: User, smtp_server: MailServer
) -> None:
    ask_for_code(client)
    mail, code = OutgoingMail.objects.get(), last_code()
    assert code not in str(mail.context)
    assert deliver_mail(mail.pk, timezone.now()) == "sent"
    sent = smtp_server.mails[0]
    assert sent.subject == f"{code} is your sign-in code"
    assert sent.part("text/plain").splitlines()[2] == "Expires in 10 minutes."
    assert code in sent.part("text/html")
    mail.refresh_from_db()
    assert (mail.secret, mail.sent_bytes, mail.subject) == (None, None, "")


def test_a_stale_code_is_withheld_not_mailed(client: Client, reader: User, smtp_server: MailServer) -> None:
    ask_for_code(client)
    mail = OutgoingMail.objects.get()
    assert deliver_mail(mail.pk, timezone.now() + timedelta(minutes=11)) == "withheld"
    mail.refresh_from_db()
    assert (mail.reason, mail.secret, smtp_server.attempts) == ("code_expired", None, 0)


def test_a_code_asked_for_again_expires_with_the_first(client: Client, reader: User) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        ask_for_code(client)
        first = OutgoingMail.objects.get().read_secret()["expires_at"]
        clock.shift(timedelta(minutes=4))
        client.post(CONFIRM, {"action": "resend", "next": SESSION_PAGE})
        assert OutgoingMail.objects.count() == 2
        assert OutgoingMail.objects.latest("pk").read_secret()["expires_at"][:19] == first[:19]
        clock.shift(timedelta(minutes=5))
        assert client.post(CONFIRM, {"code": last_code(), "next": SESSION_PAGE})["Location"] == SESSION_PAGE


def test_an_expired_code_does_not_sign_in_and_next_is_kept(client: Client, reader: User) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        ask_for_code(client)
        code = last_code()
        clock.shift(timedelta(minutes=11))
        answer = client.post(CONFIRM, {"code": code, "next": SESSION_PAGE})
    assert answer["Location"].endswith("?next=%2Fsessions%2Fwhat-the-plenum-decided%2F")
    assert "_auth_user_id" not in client.session


def test_three_wrong_codes_end_the_attempt_even_for_the_right_one(client: Client, reader: User) -> None:
    ask_for_code(client)
    code = last_code()
    wrong = "000000" if code != "000000" else "111111"
    answers = [client.post(CONFIRM, {"code": wrong, "next": SESSION_PAGE}) for _ in range(3)]
    assert "Three wrong tries. Ask for a new code." in client.get(LOGIN).content.decode()
    assert [answer.status_code for answer in answers] == [200, 200, 302]
    assert answers[2]["Location"].endswith("?next=%2Fsessions%2Fwhat-the-plenum-decided%2F")
    client.post(CONFIRM, {"code": code, "next": SESSION_PAGE})
    assert "_auth_user_id" not in client.session


def test_a_mistyped_address_can_be_typed_anew(client: Client, reader: User) -> None:
    ask_for_code(client, email="adda@example.com")
    page = ask_for_code(client)
    client.post(CONFIRM, {"code": last_code(), "next": hidden_next(page)})
    assert client.session["_auth_user_id"] == str(reader.pk)


def test_known_and_unknown_addresses_are_answered_alike(reader: User) -> None:
    def answer(email: str) -> tuple[Any, ...]:
        client = Client()
        page = ask_for_code(client, email=email)
        wrong = [client.post(CONFIRM, {"code": "abc", "next": SESSION_PAGE}) for _ in range(3)]
        html = re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", page.content.decode()).replace(email, "EMAIL")
        return page.redirect_chain, html, [(each.status_code, each.get("Location")) for each in wrong]

    assert answer("ada@example.com") == answer("eve@example.com")


def test_unknown_address_is_mailed_the_way_to_sign_up_and_back(client: Client, smtp_server: MailServer) -> None:
    ask_for_code(client, email="eve@example.com")
    assert deliver_mail(OutgoingMail.objects.get().pk, timezone.now()) == "sent"
    text = smtp_server.mails[0].part("text/plain")
    assert "http://testserver/accounts/signup/?next=%2Fsessions%2Fwhat-the-plenum-decided%2F" in text
    assert not re.search(r"\d{6}", text)


@pytest.mark.parametrize("evil", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "https:evil.example"])
def test_next_leads_to_no_other_host(client: Client, reader: User, evil: str) -> None:
    page = ask_for_code(client, next_url=evil)
    answer = client.post(CONFIRM, {"code": last_code(), "next": hidden_next(page)})
    assert answer["Location"] == "/account/"


def test_signing_in_changes_the_session_key(client: Client, reader: User) -> None:
    ask_for_code(client)
    before = client.session.session_key
    client.post(CONFIRM, {"code": last_code(), "next": SESSION_PAGE})
    assert client.session.session_key != before


def test_codes_for_one_address_are_limited(client: Client, reader: User) -> None:
    for _ in range(6):
        page = ask_for_code(client)
    assert OutgoingMail.objects.count() == 3
    html = page.content.decode()
    assert page.status_code == 429
    assert "Too many attempts" in html
    assert "If you were signing in with a code and have set a password" in html
    assert "/accounts/login/password/" in html


def test_strangers_who_ask_for_codes_do_not_spoil_the_one_that_the_reader_has(client: Client, reader: User) -> None:
    page, code = ask_for_code(client), last_code()
    for number in range(14):
        Client(REMOTE_ADDR=f"192.0.2.{number}").post(LOGIN, {"login": "ada@example.com"})
    assert "Too many attempts" in ask_for_code(Client()).content.decode()
    assert client.post(CONFIRM, {"code": code, "next": hidden_next(page)})["Location"] == SESSION_PAGE


@pytest.mark.parametrize("page", ["login/", "login/password/", "login/code/", "signup/", "password/reset/"])
def test_the_address_is_called_the_same_on_every_page(client: Client, page: str) -> None:
    html = client.get(f"/accounts/{page}").content.decode()
    assert set(re.findall(r"<label[^>]*>\s*([^<]*mail[^<]*?)\s*<", html, re.IGNORECASE)) == {"E-mail address"}


def test_password_signs_in_too_and_next_is_kept(client: Client, reader: User) -> None:
    reader.set_password("correct horse battery")
    reader.save()
    EmailAddress.objects.create(user=reader, email=reader.email, verified=True, primary=True)
    page = client.get(LOGIN, {"next": SESSION_PAGE})
    link = "/accounts/login/password/?next=%2Fsessions%2Fwhat-the-plenum-decided%2F"
    assert link in page.content.decode()
    page = client.get(link)
    form = {"login": "Ada@example.com", "next": hidden_next(page)}
    wrong = client.post(link, {**form, "password": "guess"})
    assert "The e-mail address or the password is not right." in wrong.content.decode()
    answer = client.post(link, {**form, "password": "correct horse battery"})
    assert answer["Location"] == SESSION_PAGE


def test_guessing_a_password_is_stopped(client: Client, reader: User) -> None:
    reader.set_password("correct horse battery")
    reader.save()
    for _ in range(6):
        page = client.post("/accounts/login/password/", {"login": "ada@example.com", "password": "guess"})
    assert "Too many attempts" in page.content.decode()
    client.post("/accounts/login/password/", {"login": "ada@example.com", "password": "correct horse battery"})
    assert "_auth_user_id" not in client.session


def test_wrong_password_is_answered_alike_for_known_and_unknown(reader: User) -> None:
    def answer(email: str) -> tuple[int, str]:
        page = Client().post("/accounts/login/password/", {"login": email, "password": "guess"})
        html = re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", page.content.decode()).replace(email, "EMAIL")
        return page.status_code, html

    assert answer("ada@example.com") == answer("eve@example.com")


def test_deactivated_reader_gets_no_code(client: Client, reader: User) -> None:
    User.objects.update(is_active=False)
    ask_for_code(client)
    assert "code" not in OutgoingMail.objects.get().read_secret()


def test_broker_down_does_not_stop_signing_in(client: Client, reader: User, broker_down: None) -> None:
    page = ask_for_code(client)
    assert page.status_code == 200
    answer = client.post(CONFIRM, {"code": last_code(), "next": hidden_next(page)})
    assert answer["Location"] == SESSION_PAGE


def test_staff_reach_the_admin_through_the_same_sign_in(client: Client) -> None:
    staff = User.objects.create_superuser("desk@example.com", name="Desk")
    answer = client.get("/admin/")
    page = client.get(answer["Location"], follow=True)
    assert page.redirect_chain[-1][0].startswith(LOGIN)
    client.post(LOGIN, {"login": "desk@example.com", "next": "/admin/"})
    assert client.post(CONFIRM, {"code": last_code(), "next": "/admin/"})["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200
    assert client.session["_auth_user_id"] == str(staff.pk)


def test_reader_is_refused_by_the_admin(client: Client, reader: User) -> None:
    client.force_login(reader)
    assert client.get("/admin/", follow=True).status_code == 403


def test_sign_in_and_out_need_a_token_of_ours(reader: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(LOGIN, {"login": "ada@example.com"}).status_code == 403
    strict.force_login(reader)
    assert strict.post("/accounts/logout/").status_code == 403
    strict.get("/accounts/logout/")
    assert "_auth_user_id" in strict.session


def test_a_made_up_forwarding_header_does_not_get_around_the_limit() -> None:
    answers = [
        Client(headers={"X-Forwarded-For": f"192.0.2.{number}"}).post(LOGIN, {"login": f"reader{number}@example.com"})
        for number in range(25)
    ]
    assert OutgoingMail.objects.count() == 20
    assert "Too many attempts" in answers[-1].content.decode()


def test_forgotten_password_is_answered_alike_for_known_and_unknown(reader: User) -> None:
    def answer(email: str) -> tuple[Any, ...]:
        client = Client()
        page = client.post("/accounts/password/reset/", {"email": email}, follow=True)
        html = re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", page.content.decode()).replace(email, "EMAIL")
        return page.status_code, page.redirect_chain, html

    assert answer("ada@example.com") == answer("eve@example.com")


def test_a_password_is_asked_for_before_the_address_is_changed(client: Client, reader: User) -> None:
    reader.set_password("correct horse battery")
    reader.save()
    client.force_login(reader)
    answer = client.post("/accounts/email/", {"email": "eve@example.com", "action_add": "1"})
    assert answer["Location"].startswith("/accounts/reauthenticate/")
    assert not OutgoingMail.objects.exists()
