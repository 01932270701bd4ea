"""Second factors, and the mails of a development copy."""

from email.message import EmailMessage
from pathlib import Path
from typing import Any

from allauth.mfa.models import Authenticator

from tests.e2e.test_passkeys import Device
from tests.factories import make_user
from tests.staff import give_app
from tests.walk.addresses import plain_pages
from tests.walk.walker import Walkers


def take(walkers: Walkers) -> None:
    """The pages of a reader who has an app, a passkey and a password."""
    owner = make_user("Olga Owner", password="a long pass phrase")
    reader = walkers.reader(owner, "a reader with second factors")
    Device(reader.page)
    reader.opens("/accounts/2fa/webauthn/add/", "asked for the password")
    reader.sends("wrong password", password="wrong")
    reader.sends("the first", password="a long pass phrase")
    reader.presses("Add a passkey", "asked for it at once")
    give_app(owner)
    key = Authenticator.objects.get(user=owner, type="webauthn")
    for path in plain_pages(owner):
        reader.opens(path)
    reader.opens("/accounts/password/change/", "again")
    reader.sends()
    reader.opens("/accounts/2fa/totp/deactivate/")
    for page in ("edit", "remove"):
        reader.opens(f"/accounts/2fa/webauthn/keys/{key.pk}/{page}/")
    visitor = walkers.visitor()
    visitor.opens("/accounts/login/password/", "with a factor")
    visitor.sends("asked for the factor", login=owner.email, password="a long pass phrase")
    visitor.sends("wrong factor", code="000000")


def look_at_caught_mails(walkers: Walkers, settings: Any, folder: Path) -> None:
    settings.LOCAL_MAIL_DIR = str(folder)
    reader = walkers.reader(make_user("Dev"), "a developer")
    reader.opens("/dev/mail/", "none")
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = "Seat confirmed", "live@redreport.example", "ada@example.com"
    mail.set_content("Your door: http://127.0.0.1:8000/door/abc/")
    mail.add_alternative("<!doctype html><html lang='en'><title>Mail</title><h1>Your door</h1></html>", subtype="html")
    (folder / "20270106T110000.000000-1.eml").write_bytes(mail.as_bytes())
    for path in plain_pages(None):
        if path.startswith("/dev/"):
            reader.opens(path, "one")
    reader.opens("/dev/mail/20270106T110000.000000-1.eml/")
