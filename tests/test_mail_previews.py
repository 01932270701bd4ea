"""Every mail is shown to staff with sample data, and nothing of the samples stays."""

import re
from html import unescape
from pathlib import Path
from typing import Any

import allauth
import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.test import Client
from django.test.signals import template_rendered

from redreport.desk.samples.previews import Sample, all_samples, preview
from redreport.local import mail_compiler
from redreport.local.supervisor import REPOSITORY
from redreport.outbox import kinds
from redreport.outbox.models import OutgoingMail
from tests.factories import make_live_session, make_price, make_user
from tests.outbox_helpers import register_test_kind
from tests.staff import desk_of

OURS = [sample for sample in all_samples() if not sample.kind.startswith("test_")]
LIST = "/admin/desk/mails/previews/"
each_sample = pytest.mark.parametrize("sample", OURS, ids=lambda sample: f"{sample.kind}-{sample.variant}")


def rows() -> dict[str, int]:
    """How many rows every table has."""
    return {model._meta.label: model._base_manager.count() for model in apps.get_models() if model._meta.managed}


@pytest.mark.django_db
@each_sample
def test_every_mail_has_a_sample(sample: Sample, settings: Any) -> None:
    settings.POSTAL_ADDRESS = "1 Example Street, Exampleton"
    shown = preview(sample.kind, sample.variant)
    assert shown.mail is not None, f"there is no sample of {sample.kind} yet: give it one in redreport/desk/samples/cases.py"
    assert shown.mail.subject
    assert "<h1" in shown.mail.html
    for part in (shown.mail.subject, shown.mail.text, shown.mail.html):
        assert not re.search(r"\{\{|\{%|\bNone\b(?! came free)", part)


@pytest.mark.django_db
@each_sample
def test_text_begins_with_the_heading_of_the_html(sample: Sample) -> None:
    mail = preview(sample.kind, sample.variant).mail
    assert mail
    [heading] = re.findall("<h1[^>]*>(.*?)</h1>", mail.html)
    assert mail.text.splitlines()[0] == unescape(re.sub("<[^>]*>", "", heading))
    assert mail.html.count('class="button"') <= 1


@pytest.mark.django_db
def test_no_template_of_a_mail_is_without_a_sample() -> None:
    rendered = set()

    def note(template: Any, **kwargs: Any) -> None:
        rendered.add(template.name)

    template_rendered.connect(note)
    for sample in OURS:
        preview(sample.kind, sample.variant)
    template_rendered.disconnect(note)
    folder = mail_compiler.TEMPLATES
    made = {mail_compiler.html_of(source).relative_to(folder).as_posix() for source in mail_compiler.sources()}
    assert made - rendered == set()


def test_documentation_lists_every_kind() -> None:
    rows = re.findall(r"^\| `([a-z0-9_]+)` \|", (REPOSITORY / "docs" / "mails.md").read_text(), re.MULTILINE)
    assert sorted(rows) == sorted({sample.kind for sample in OURS})


def test_each_mail_of_allauth_has_words_of_ours() -> None:
    """Two are never sent here: addresses are proven, and passwords replaced, with a code and not with a link."""
    theirs = Path(allauth.__file__).parent / "templates"
    names = {
        path.relative_to(theirs).as_posix().removesuffix("_message.txt")
        for app in ("account", "mfa")
        for path in (theirs / app / "email").glob("*_message.txt")
    }
    never_sent = {f"account/email/{name}" for name in ("base", "email_confirm", "password_reset_key")}
    ours = {f"{source.parent.name}/email/{source.stem}" for source in mail_compiler.sources()}
    assert names - never_sent - ours == set()


@pytest.mark.django_db
def test_samples_of_one_kind_say_different_things() -> None:
    came, missed = (preview("follow_up", name).mail for name in ("came", "missed"))
    assert came
    assert missed
    assert came.text != missed.text
    own, colleagues = (preview("seat_confirmed", name).mail for name in ("sample", "colleague"))
    assert own
    assert colleagues
    assert ("$500" in own.text, "$500" in colleagues.text) == (True, False)
    code = preview("account_mail", "login_code").mail
    assert code
    assert "123456" in code.text


@pytest.mark.django_db(transaction=True)
def test_looking_leaves_no_row_and_sends_nothing(settings: Any) -> None:
    make_price()
    make_live_session()
    client = desk_of()
    client.get(LIST)
    before = rows()
    for sample in OURS[::6]:
        for page in ("", "html/"):
            assert client.get(f"{LIST}{sample.kind}/{sample.variant}/{page}").status_code == 200
    assert rows() == before
    assert not OutgoingMail.objects.filter(key__contains=":sample:").exists()


@pytest.mark.django_db
def test_page_shows_subject_text_and_what_a_calendar_does() -> None:
    page = desk_of().get(f"{LIST}seat_confirmed/sample/").content.decode()
    assert "Seat confirmed: Reading the plenum" in page
    assert re.search(r"REQUEST: [^<]*Reading the plenum, \d{4}-\d\d-\d\d \d\d:00 UTC, SEQUENCE 0", page)
    assert f'href="{LIST}seat_confirmed/sample/html/"' in page
    assert "<iframe" not in page


@pytest.mark.django_db
def test_html_stands_alone_under_a_policy_that_allows_only_its_own_styles() -> None:
    answer = desk_of().get(f"{LIST}seat_confirmed/sample/html/")
    policy = answer["Content-Security-Policy"]
    assert policy == (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'none'; form-action 'none'; "
        "base-uri 'none'"
    )
    assert answer.content.decode().lstrip().startswith("<!doctype html>")


@pytest.mark.django_db
def test_list_names_every_kind_once_for_each_sample() -> None:
    page = desk_of().get(LIST).content.decode()
    for sample in OURS:
        assert f'href="{LIST}{sample.kind}/{sample.variant}/"' in page
    assert {sample.kind for sample in OURS} == {kind.name for kind in kinds.known_kinds() if not kind.name.startswith("test_")}


@pytest.mark.django_db
def test_kind_that_nobody_made_a_sample_of_is_named_and_does_no_harm() -> None:
    register_test_kind("test_unknown_rows", render=lambda mail: mail.context["something_new_id"])
    client = desk_of()
    assert "test_unknown_rows" in client.get(LIST).content.decode()
    assert "There is no sample of this mail yet" in client.get(f"{LIST}test_unknown_rows/sample/").content.decode()
    assert client.get(f"{LIST}test_unknown_rows/sample/html/").status_code == 404


@pytest.mark.django_db
def test_previews_are_for_who_may_see_mails() -> None:
    looker, other = make_user(is_staff=True), make_user(is_staff=True)
    looker.user_permissions.add(Permission.objects.get(codename="view_outgoingmail"))
    for user, status in ((looker, 200), (other, 403)):
        client = Client()
        client.force_login(user)
        for page in (LIST, f"{LIST}seat_confirmed/sample/", f"{LIST}seat_confirmed/sample/html/"):
            assert client.get(page).status_code == status
    assert desk_of().get(f"{LIST}seat_confirmed/another/").status_code == 404
    assert desk_of().get(f"{LIST}no_such_kind/sample/").status_code == 404
    assert desk_of().post(LIST).status_code == 405
