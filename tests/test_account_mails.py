"""The mails about second factors: in our words, with one button, by the outbox, and with the time in the house's zone."""

import re
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from django.utils import timezone

from redreport.accounts.mails import render
from redreport.outbox import seal
from redreport.outbox.deliver import deliver_mail
from redreport.outbox.models import OutgoingMail
from tests.factories import make_user
from tests.fixtures_mail import MailServer
from tests.staff import code_of

SUBJECTS = {
    "mfa/email/totp_activated": "An authenticator app was set up",
    "mfa/email/totp_deactivated": "Your authenticator app was taken off",
    "mfa/email/webauthn_added": "A passkey was added",
    "mfa/email/webauthn_removed": "A passkey was removed",
    "mfa/email/recovery_codes_generated": "New recovery codes were made",
    "mfa/email/removed_by_staff": "Your second factor was removed",
}
OF_CHANGES = ("password_changed", "password_set", "password_reset", "email_changed", "email_deleted")
NOTICES = [*SUBJECTS, *(f"account/email/{name}" for name in OF_CHANGES)]


def written(template: str) -> OutgoingMail:
    addresses = {name: f"{name}@example.com" for name in ("from_email", "to_email", "deleted_email")}
    secret = seal.seal({"ip": "192.0.2.7", **addresses})
    at = datetime(2027, 7, 28, 15, tzinfo=UTC)
    return OutgoingMail(context={"template": template}, recipient="ada@example.com", secret=secret, created_at=at)


def test_there_is_a_test_of_each() -> None:
    folder = Path(settings.BASE_DIR, "templates", "mfa", "email")
    assert {f"mfa/email/{path.name.removesuffix('_subject.txt')}" for path in folder.glob("*_subject.txt")} == set(SUBJECTS)


@pytest.mark.parametrize(("template", "subject"), SUBJECTS.items())
def test_mail_has_its_subject_one_button_and_the_same_links_in_both_parts(template: str, subject: str) -> None:
    mail = render(written(template))
    assert mail.subject == subject
    assert (mail.html.count("<h1"), mail.html.count('class="button"')) == (1, 1)
    in_html = {unescape(link) for link in re.findall(r'href="(http[^"]+)"', mail.html)}
    in_text = set(re.findall(r"https?://\S+", mail.text)) - {"http://testserver"}
    assert in_html == in_text == {"http://testserver/accounts/2fa/"}
    for part in (mail.text, mail.html):
        assert "Not you? Reply to this mail at once" in part
        assert "192.0.2.7" in part


@pytest.mark.parametrize("template", NOTICES)
def test_mail_says_when_in_the_house_zone_and_in_utc(template: str) -> None:
    mail = render(written(template))
    for part in (mail.text, mail.html):
        assert "When: Wed 28 Jul 2027, 11:00 am ET (15:00 UTC)" in part


@pytest.mark.django_db(transaction=True)
def test_owner_is_told_of_a_new_app_by_a_mail_of_the_outbox(client: Client, smtp_server: MailServer) -> None:
    reader = make_user()
    client.post("/accounts/login/", {"login": reader.email})
    code = OutgoingMail.objects.latest("pk").read_secret()["code"]
    client.post("/accounts/login/code/confirm/", {"code": code})
    secret = client.get("/accounts/2fa/totp/activate/").context["form"].secret
    with time_machine.travel(timezone.now(), tick=False):
        client.post("/accounts/2fa/totp/activate/", {"code": code_of(secret)})
        mail = OutgoingMail.objects.latest("pk")
        assert deliver_mail(mail.pk, timezone.now()) == "sent"
    assert smtp_server.mails[-1].subject == "An authenticator app was set up"
    assert smtp_server.mails[-1].recipients == [reader.email]
    assert secret not in str(smtp_server.mails[-1].part("text/plain"))
