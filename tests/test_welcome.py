"""Who has signed up and proven the address is welcomed once; nobody else is."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from redreport.accounts.models import User
from redreport.outbox import kinds
from redreport.outbox.deliver import deliver_mail
from redreport.outbox.models import OutgoingMail
from tests.factories import make_user
from tests.fixtures_mail import MailServer
from tests.outbox_helpers import kinds_owed_to

pytestmark = pytest.mark.django_db(transaction=True)

GRACE = {"email": "grace@example.com", "name": "Grace Example"}


def last_code() -> str:
    return str(OutgoingMail.objects.filter(kind="account_mail").latest("pk").read_secret()["code"])


def sign_up(client: Client) -> User:
    client.post("/accounts/signup/", GRACE)
    client.post("/accounts/confirm-email/", {"code": last_code()})
    return User.objects.get(email="grace@example.com")


def sign_in(client: Client, email: str) -> None:
    client.post("/accounts/login/", {"login": email})
    client.post("/accounts/login/code/confirm/", {"code": last_code()})
    assert "_auth_user_id" in client.session


def test_new_reader_is_led_to_the_sessions_once_the_address_is_proven(client: Client, smtp_server: MailServer) -> None:
    client.post("/accounts/signup/", GRACE)
    assert kinds_owed_to("grace@example.com") == ["account_mail"]
    client.post("/accounts/confirm-email/", {"code": last_code()})
    assert kinds_owed_to("grace@example.com") == ["account_mail", "welcome"]
    assert deliver_mail(OutgoingMail.objects.get(kind="welcome").pk, timezone.now()) == "sent"
    [mail] = smtp_server.mails
    assert (mail.recipients, mail.subject) == (["grace@example.com"], "Your Red Report Live account")
    assert "Find a session and reserve your seat: http://testserver/sessions/" in mail.part("text/plain")


def test_signing_in_again_welcomes_nobody_twice(client: Client) -> None:
    sign_up(client)
    sign_in(Client(), "grace@example.com")
    assert kinds_owed_to("grace@example.com").count("welcome") == 1


def test_reader_whose_account_the_house_made_has_an_invitation_and_no_welcome(client: Client) -> None:
    sign_in(client, make_user().email)
    assert not OutgoingMail.objects.filter(kind="welcome").exists()


def test_welcome_is_withheld_from_who_is_gone_and_comes_no_days_late(client: Client) -> None:
    user = sign_up(client)
    mail, guard = OutgoingMail.objects.get(kind="welcome"), kinds.find("welcome").guard
    assert guard(mail, mail.created_at).action == "send"
    assert guard(mail, mail.created_at + timedelta(days=2)).action == "miss"
    user.is_active = False
    user.save()
    assert guard(mail, mail.created_at).action == "withhold"
