"""The page that shows caught mails in development, and the catcher that fills it."""

import os
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import NoReverseMatch, include, path, reverse

from redreport.local import mailcatcher
from redreport.local.processes import Process, python_module, start_process
from redreport.urls import urlpatterns as addresses_elsewhere
from tests.ports import free_ports

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

# The addresses of a development copy: the test run itself is none.
urlpatterns = [path("dev/", include("redreport.local.urls")), *addresses_elsewhere]


@pytest.fixture
def mail_folder(tmp_path: Path, settings: Any) -> Path:
    settings.LOCAL_MAIL_DIR = str(tmp_path / "mail")
    return tmp_path / "mail"


@pytest.fixture
def catcher(mail_folder: Path, tmp_path: Path) -> Iterator[int]:
    port = free_ports()
    command = python_module("redreport.local.mailcatcher", "--port", str(port), "--dir", mail_folder)
    process: Process = start_process("mail", command, env=os.environ, log=tmp_path / "mail.log")
    process.wait_until_it_says(mailcatcher.READY)
    yield port
    process.stop()
    assert process.exit_code == 0


def seat_confirmed() -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = "Seat confirmed: 北戴河, Wed 6 Jan"
    message["From"] = "live@redreport.example"
    message["To"] = "reader@example.com"
    message.set_content("Your door: http://127.0.0.1:8000/door/abc/")
    message.add_alternative("<h1>Your door</h1><script>alert(1)</script>", subtype="html")
    message.add_alternative("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", subtype="calendar", params={"method": "REQUEST"})
    return message


def send(port: int, message: EmailMessage) -> None:
    with smtplib.SMTP("127.0.0.1", port, local_hostname="localhost") as smtp:
        smtp.send_message(message)


def test_caught_mail_is_listed_and_read_in_all_its_parts(catcher: int, mail_folder: Path, client: Client) -> None:
    send(catcher, seat_confirmed())
    [caught] = mail_folder.glob("*.eml")
    assert caught.stat().st_mode & 0o777 == 0o600

    listed = client.get("/dev/mail/").content.decode()
    assert "reader@example.com" in listed
    assert "Seat confirmed: 北戴河, Wed 6 Jan" in listed
    shown = client.get(f"/dev/mail/{caught.name}/")
    assert '<a href="http://127.0.0.1:8000/door/abc/"' in shown.content.decode()
    assert "BEGIN:VCALENDAR" in shown.content.decode()
    assert "frame-src 'self'" in shown["Content-Security-Policy"]


def test_html_of_a_mail_is_shown_without_its_scripts(catcher: int, mail_folder: Path, client: Client) -> None:
    send(catcher, seat_confirmed())
    [caught] = mail_folder.glob("*.eml")
    framed = client.get(f"/dev/mail/{caught.name}/html/")
    assert "<h1>Your door</h1>" in framed.content.decode()
    assert "script-src" not in framed["Content-Security-Policy"]
    assert "default-src 'none'" in framed["Content-Security-Policy"]
    assert "sandbox" in framed["Content-Security-Policy"]
    assert "allow-scripts" not in framed["Content-Security-Policy"]
    assert "alert(1)" not in client.get(f"/dev/mail/{caught.name}/").content.decode()


def test_newest_mail_is_first(mail_folder: Path, client: Client) -> None:
    mail_folder.mkdir()
    for name, subject in [
        ("20270106T110000.000000-9.eml", "older"),
        ("20270106T110000.000000-10.eml", "newer"),
        ("20270106T100000.000000-11.eml", "oldest"),
    ]:
        (mail_folder / name).write_text(f"Subject: the {subject} one\n\ntext")
    listed = client.get("/dev/mail/").content.decode()
    assert listed.index("the newer one") < listed.index("the older one") < listed.index("the oldest one")


def test_an_empty_folder_says_so(mail_folder: Path, client: Client) -> None:
    mail_folder.mkdir()
    assert "None so far" in client.get("/dev/mail/").content.decode()


@pytest.mark.parametrize(
    "name", ["..%2Fsecret", "..%2F20270106T110000.000000-1.eml", "secret", "%2Fetc%2Fpasswd", "20270106T110000.000000-2.eml"]
)
def test_nothing_outside_the_mail_folder_is_shown(mail_folder: Path, client: Client, name: str) -> None:
    mail_folder.mkdir()
    outside = mail_folder.parent / "20270106T110000.000000-1.eml"
    outside.write_text("Subject: secret\n\nsecret text")
    (mail_folder / "20270106T110000.000000-2.eml").symlink_to(outside)
    (mail_folder / "secret").write_text("Subject: secret\n\nsecret text")
    answer = client.get(f"/dev/mail/{name}/")
    assert answer.status_code == 404
    assert "secret text" not in answer.content.decode()


def test_the_page_exists_in_the_local_stack_only(client: Client, settings: Any) -> None:
    settings.LOCAL_MAIL_DIR = ""
    assert client.get("/dev/mail/").status_code == 404
    assert client.get("/dev/mail/20270106T110000.000000-1.eml/html/").status_code == 404


@pytest.mark.urls("redreport.urls")
def test_elsewhere_there_is_no_such_address(client: Client) -> None:
    with pytest.raises(NoReverseMatch):
        reverse("local:mails")
    assert client.get("/dev/mail/").status_code == 404


def test_a_site_with_https_shows_no_caught_mails_whatever_its_environment_says(tmp_path: Path) -> None:
    told = {**os.environ, "SITE_URL": "https://live.redreport.example", "LOCAL_MAIL_DIR": str(tmp_path)}
    command = [sys.executable, "-c", "from django.conf import settings; print(repr(settings.LOCAL_MAIL_DIR))"]
    assert subprocess.run(command, env=told, capture_output=True, text=True, check=True).stdout == "''\n"
