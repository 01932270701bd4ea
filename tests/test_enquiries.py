"""An institution asks: the reference, both mails, what a second click and a flood come to, and what the desk does with it."""

import re
import uuid
from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.core import mail as sent_mail
from django.db import IntegrityError, connection, transaction
from django.test import Client

from redreport import clock, policy
from redreport.audit.models import AuditEntry
from redreport.enquiries.models import Enquiry
from redreport.enquiries.operations import mark_enquiry, send_enquiry
from redreport.outbox import kinds
from redreport.outbox.message import build_message
from redreport.outbox.models import OutgoingMail
from tests.factories import make_staff, make_user
from tests.racing import EverybodyLooksFirst, at_once
from tests.staff import desk_of, make_member, staff_who_may

pytestmark = pytest.mark.django_db

WRITTEN = {
    "name": "Ada Okafor",
    "firm": "Okafor Research",
    "email": "ada@example.com",
    "need": "Seats for our team at each session on technology.",
    "scope": "From March, for eight people",
}


def make_enquiry(**changed: str) -> Enquiry:
    return send_enquiry(request_id=uuid.uuid4(), now=clock.now(), **{**WRITTEN, **changed})


def form_of(client: Client) -> dict[str, str]:
    """The form as a browser has it: with its number."""
    found = re.search(r'name="request_id" value="([^"]+)"', client.get("/institutions/").text)
    assert found
    return {**WRITTEN, "request_id": found[1]}


def test_enquiry_leads_to_its_reference_which_stays_on_reload(client: Client) -> None:
    answer = client.post("/institutions/", form_of(client))
    enquiry = Enquiry.objects.get()
    assert (answer.status_code, answer["Location"]) == (303, f"/institutions/{enquiry.reference}/")
    assert re.fullmatch(r"RR-[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}", enquiry.reference)
    for _ in range(2):
        page = client.get(answer["Location"]).text
        assert enquiry.reference in page
        assert f"within {policy.ENQUIRY_REPLY_BUSINESS_DAYS}&nbsp;business&nbsp;days" in page
    assert {name: getattr(enquiry, name) for name in WRITTEN} == WRITTEN


def test_page_of_the_reference_repeats_nothing_that_was_written(client: Client) -> None:
    page = client.get(f"/institutions/{make_enquiry().reference}/").text
    for words in WRITTEN.values():
        assert words not in page


def test_reference_that_nobody_has_is_not_found(client: Client) -> None:
    assert client.get("/institutions/RR-2222-2222/").status_code == 404


def test_form_sent_twice_is_one_enquiry_with_one_mail_to_each(client: Client) -> None:
    form = form_of(client)
    answers = [client.post("/institutions/", form)["Location"] for _ in range(2)]
    assert answers[0] == answers[1]
    assert Enquiry.objects.count() == 1
    assert sorted(OutgoingMail.objects.values_list("kind", flat=True)) == ["enquiry_arrived", "enquiry_received"]


def test_who_goes_back_and_writes_something_else_has_a_second_enquiry(client: Client) -> None:
    form = form_of(client)
    first = client.post("/institutions/", form)["Location"]
    second = client.post("/institutions/", {**form, "need": "An analysis of our own question."})["Location"]
    assert first != second
    assert Enquiry.objects.count() == 2


def test_number_of_the_form_that_was_tampered_with_loses_nothing(client: Client) -> None:
    assert client.post("/institutions/", {**WRITTEN, "request_id": "'; --"}).status_code == 303
    assert Enquiry.objects.count() == 1


def test_errors_stand_in_a_summary_and_what_was_typed_is_kept(client: Client) -> None:
    page = client.post("/institutions/", {**form_of(client), "email": "ada", "need": ""}).text
    assert "<title>Error: For institutions" in page
    assert '<a href="#id_email">Write the e-mail address in full, such as name@example.com</a>' in page
    assert '<a href="#id_need">Say what you need.</a>' in page
    assert 'value="Okafor Research"' in page
    assert 'value="ada"' in page
    assert not Enquiry.objects.exists()


@pytest.mark.parametrize("field", ["name", "firm", "scope"])
def test_what_stands_in_a_subject_or_a_list_is_on_one_line(client: Client, field: str) -> None:
    page = client.post("/institutions/", {**form_of(client), field: "Okafor\u2028Bcc: all@example.com"})
    assert "Write this on one line" in page.text
    assert not Enquiry.objects.exists()
    with pytest.raises(IntegrityError, match="enquiry_names_one_line"), transaction.atomic():
        Enquiry.objects.create(key=uuid.uuid4(), created_at=clock.now(), **{**WRITTEN, field: "a\nb"})


def test_who_is_signed_in_need_not_write_their_name(client: Client) -> None:
    client.force_login(make_user("Bo Chen", email="bo@example.org", firm="Chen Partners"))
    page = client.get("/institutions/").text
    for known in ("Bo Chen", "bo@example.org", "Chen Partners"):
        assert f'value="{known}"' in page


def test_an_address_is_taken_three_times_an_hour_and_then_told_so(client: Client) -> None:
    for number in range(policy.MOST_ENQUIRIES_PER_HOUR):
        make_enquiry(need=f"Question {number}", email="Ada@Example.com")
    answer = client.post("/institutions/", form_of(client))
    assert answer.status_code == 429
    assert "this one was not taken. Try again in an hour" in answer.text
    assert WRITTEN["need"] in answer.text
    assert Enquiry.objects.count() == policy.MOST_ENQUIRIES_PER_HOUR
    assert client.post("/institutions/", {**form_of(client), "email": "bo@example.org"}).status_code == 303
    Enquiry.objects.update(created_at=clock.now() - timedelta(minutes=61))
    assert client.post("/institutions/", form_of(client)).status_code == 303


def message_of(kind: str) -> sent_mail.EmailMultiAlternatives:
    owed = OutgoingMail.objects.get(kind=kind)
    return build_message(owed, kinds.find(kind).render(owed), None, clock.now())


def test_who_asks_is_mailed_the_reference_and_none_of_the_words() -> None:
    enquiry = make_enquiry()
    message = message_of("enquiry_received")
    assert (message.to, message.subject) == (["ada@example.com"], f"We have your enquiry {enquiry.reference}")
    html = str(message.alternatives[0][0])
    for body in (message.body, html):
        assert f"Reply within {policy.ENQUIRY_REPLY_BUSINESS_DAYS} business days" in body
        assert f"/institutions/{enquiry.reference}/" in body
        for words in (WRITTEN["name"], WRITTEN["firm"], WRITTEN["need"], WRITTEN["scope"]):
            assert words not in body


def test_desk_is_mailed_the_enquiry_and_its_answer_goes_to_who_asked() -> None:
    enquiry = make_enquiry(need="<b>Seats</b>\nfor our team")
    message = message_of("enquiry_arrived")
    assert (message.to, message.reply_to) == (["desk@redreport.example"], ["ada@example.com"])
    assert message.subject == f"Enquiry {enquiry.reference}: Okafor Research"
    assert "<b>Seats</b>\nfor our team" in message.body
    html = str(message.alternatives[0][0])
    assert "&lt;b&gt;Seats&lt;/b&gt;<br>for our team" in html
    assert f"/admin/enquiries/enquiry/{enquiry.pk}/change/" in html


def test_mail_to_the_desk_is_withheld_once_the_enquiry_is_answered() -> None:
    enquiry = make_enquiry()
    guard, owed = kinds.find("enquiry_arrived").guard, OutgoingMail.objects.get(kind="enquiry_arrived")
    assert guard(owed, clock.now()).action == "send"
    mark_enquiry(enquiry_id=enquiry.pk, state="answered", actor=make_staff(), now=clock.now())
    assert guard(owed, clock.now()).action == "withhold"


def press(client: Client, action: str, enquiry: Enquiry) -> str:
    form = {"action": action, "_selected_action": [enquiry.pk]}
    return client.post("/admin/enquiries/enquiry/", form, follow=True).text


def test_desk_marks_an_enquiry_as_answered_and_opens_it_again_with_a_trace() -> None:
    enquiry, member = make_enquiry(), make_member("desk")
    desk = desk_of(member)
    assert "Marked as answered: 1." in press(desk, "mark_answered", enquiry)
    enquiry.refresh_from_db()
    assert (enquiry.state, enquiry.handled_by) == ("answered", member)
    assert enquiry.handled_at
    assert "Nothing to do: they are so already." in press(desk, "mark_answered", enquiry)
    assert "Opened again: 1." in press(desk, "open_again", enquiry)
    assert "Closed: 1." in press(desk, "mark_closed", enquiry)
    trail = AuditEntry.objects.filter(target_type="enquiries.enquiry", target_id=str(enquiry.pk)).order_by("id")
    assert [entry.verb for entry in trail] == ["enquiry_answered", "enquiry_opened_again", "enquiry_closed"]
    assert {entry.actor for entry in trail} == {member}


def test_page_of_an_enquiry_has_the_buttons_for_who_may_press_them() -> None:
    enquiry = make_enquiry()
    address = f"/admin/enquiries/enquiry/{enquiry.pk}/change/"
    page = desk_of(make_member("desk")).get(address).text
    assert page.count(f'name="_selected_action" value="{enquiry.pk}"') == 2
    assert re.findall(r'name="action" value="(\w+)"', page) == ["mark_answered", "mark_closed"]
    mark_enquiry(enquiry_id=enquiry.pk, state="closed", actor=make_staff(), now=clock.now())
    assert re.findall(r'name="action" value="(\w+)"', desk_of(make_member("desk")).get(address).text) == ["open_again"]
    assert 'name="action"' not in desk_of(staff_who_may("enquiries.view_enquiry")).get(address).text


@pytest.mark.parametrize("query", ["", "Okafor", "technology"])
def test_desk_finds_an_enquiry_by_its_reference_and_its_words(query: str) -> None:
    enquiry = make_enquiry()
    make_enquiry(name="Bo", firm="Chen", email="bo@example.org", need="Books")
    page = desk_of(make_member("desk")).get("/admin/enquiries/enquiry/", {"q": query or enquiry.reference}).text
    assert enquiry.reference in page
    assert "bo@example.org" not in page


def test_home_of_the_desk_counts_what_waits_for_an_answer() -> None:
    desk = desk_of(make_member("desk"))
    assert "None waits for an answer." in desk.get("/admin/").text
    first = make_enquiry()
    make_enquiry(email="bo@example.org")
    Enquiry.objects.filter(pk=first.pk).update(created_at=clock.now() - timedelta(days=3))
    page = desk.get("/admin/").text
    assert "2 enquiries of institutions to answer, the oldest for 3 days." in page
    mark_enquiry(enquiry_id=first.pk, state="closed", actor=make_staff(), now=clock.now())
    assert "1 enquiry of institutions to answer, the oldest for 0 minutes." in desk.get("/admin/").text
    assert "nquiries of institutions" not in desk_of(make_member("host")).get("/admin/").text


def test_state_names_who_and_when_or_nobody() -> None:
    enquiry = make_enquiry()
    with pytest.raises(IntegrityError, match="enquiry_handled_says_who_and_when"), transaction.atomic():
        Enquiry.objects.filter(pk=enquiry.pk).update(state="answered")


def test_permissions_are_taken_back_and_given_again() -> None:
    from django.contrib.auth.models import Group

    migration = import_module("redreport.desk.migrations.0004_enquiries_and_erasures")
    desk = Group.objects.get(name="desk")
    with connection.schema_editor() as editor:
        migration.remove_permissions(apps, editor)
        assert not desk.permissions.filter(content_type__app_label="enquiries").exists()
        for _ in range(2):
            migration.add_permissions(apps, editor)
    given = desk.permissions.filter(content_type__app_label="enquiries").values_list("codename", flat=True)
    assert sorted(given) == ["change_enquiry", "view_enquiry"]


@pytest.mark.django_db(transaction=True)
def test_form_sent_twice_at_the_same_moment_is_one_enquiry() -> None:
    request_id = uuid.uuid4()
    looks_first = EverybodyLooksFirst(2, before='INSERT INTO "enquiries_enquiry"')

    def send() -> Enquiry:
        return looks_first(lambda: send_enquiry(request_id=request_id, now=clock.now(), **WRITTEN))

    first, second = at_once([send, send])
    assert first == second == Enquiry.objects.get()
    assert OutgoingMail.objects.count() == 2
