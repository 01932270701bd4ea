"""The audit trail keeps what was written."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from redreport import audit
from redreport.accounts.models import User
from redreport.audit.admin import AuditEntryAdmin
from redreport.audit.models import AuditEntry
from redreport.audit.triggers import append_only, never_emptied

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def staff() -> User:
    return User.objects.create_superuser("desk@example.com", name="Desk")


def test_entry_names_who_did_what_to_which_row_and_why(staff: User) -> None:
    now = timezone.now()
    entry = audit.record(actor=staff, verb="user_changed", target=staff, reason="typo", detail={"fields": ["name"]}, now=now)
    entry.refresh_from_db()
    assert (entry.actor, entry.verb, entry.target_type, entry.target_id) == (
        staff,
        "user_changed",
        "accounts.user",
        str(staff.pk),
    )
    assert (entry.at, entry.reason, entry.detail) == (now, "typo", {"fields": ["name"]})


@pytest.mark.parametrize(("actor", "label"), [(None, "system"), ("stripe", "stripe"), (AnonymousUser(), "visitor")])
def test_who_is_no_person_of_ours_has_a_label(staff: User, actor: str | None, label: str) -> None:
    entry = audit.record(actor=actor, verb="noted", target=staff, now=timezone.now())
    assert (entry.actor, entry.actor_label) == (None, label)


def test_entries_are_neither_changed_nor_deleted(staff: User) -> None:
    entry = audit.record(actor=staff, verb="noted", target=staff, now=timezone.now())
    for change in (
        lambda: AuditEntry.objects.update(reason="rewritten"),
        lambda: AuditEntry.objects.all()._raw_delete("default"),
        entry.delete,
        staff.delete,
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()
    assert AuditEntry.objects.get().reason == ""


def test_the_trail_is_not_emptied_at_a_stroke(staff: User) -> None:
    audit.record(actor=staff, verb="noted", target=staff, now=timezone.now())
    for statement in ("TRUNCATE audit_auditentry", "TRUNCATE accounts_user CASCADE", "DELETE FROM audit_auditentry"):
        with pytest.raises(IntegrityError, match="audit_auditentry is append-only"), transaction.atomic():
            connection.cursor().execute(statement)
    assert AuditEntry.objects.count() == 1


def test_append_only_can_be_taken_back(staff: User) -> None:
    audit.record(actor=staff, verb="noted", target=staff, now=timezone.now())
    operation = append_only("audit_auditentry")
    with connection.cursor() as cursor:
        cursor.execute(str(operation.reverse_sql))
        assert AuditEntry.objects.update(reason="rewritten") == 1
        cursor.execute(str(operation.sql))
    with pytest.raises(IntegrityError):
        AuditEntry.objects.update(reason="again")


def test_never_emptied_can_be_taken_back(staff: User) -> None:
    audit.record(actor=staff, verb="noted", target=staff, now=timezone.now())
    operation = never_emptied("audit_auditentry")
    with connection.cursor() as cursor:
        cursor.execute(str(operation.reverse_sql))
        cursor.execute("TRUNCATE audit_auditentry")
        cursor.execute(str(operation.sql))
    assert not AuditEntry.objects.exists()


def test_entry_falls_with_the_change_it_belongs_to(staff: User) -> None:
    with transaction.atomic():
        audit.record(actor=staff, verb="noted", target=staff, now=timezone.now())
        transaction.set_rollback(True)
    assert not AuditEntry.objects.exists()


def test_admin_shows_the_trail_and_offers_no_change(client: Client, staff: User) -> None:
    entry = audit.record(actor=staff, verb="noted", target=staff, now=timezone.now())
    client.force_login(staff)
    address = "/admin/audit/auditentry/"
    assert "noted" in client.get(address).content.decode()
    assert client.get(f"{address}{entry.pk}/change/").status_code == 200
    assert client.get(f"{address}add/").status_code == 403
    assert client.post(f"{address}{entry.pk}/change/", {"reason": "x"}).status_code == 403
    assert client.post(f"{address}{entry.pk}/delete/", {"post": "yes"}).status_code == 403


def test_admin_says_who_did_what_why_and_leads_to_what_it_is_about(client: Client, staff: User) -> None:
    reader = User.objects.create_user("ada@example.com", name="Ada")
    changed = {"fields": ["name <b>"]}
    entry = audit.record(actor=staff, verb="user_changed", target=reader, reason="a typo", detail=changed, now=timezone.now())
    audit.record(actor="stripe", verb="deleted", target=reader, now=timezone.now())
    client.force_login(staff)
    page = client.get("/admin/audit/auditentry/", {"q": "typo"}).content.decode()
    link = f'<a href="/admin/accounts/user/{reader.pk}/change/">User {reader.pk}</a>'
    assert all(words in page for words in (str(staff), "user changed", link, "a typo"))
    other = client.get("/admin/audit/auditentry/", {"q": "stripe"}).content.decode()
    # What was deleted has no page any more.
    assert (f"User {reader.pk}" in other, link in other) == (True, False)
    page = client.get(f"/admin/audit/auditentry/{entry.pk}/change/").content.decode()
    assert (link in page, "name &lt;b&gt;" in page) == (True, True)


def test_what_has_no_page_is_named_without_a_link() -> None:
    entry = AuditEntry(verb="noted", target_type="gone.thing", target_id="7")
    assert AuditEntryAdmin(AuditEntry, admin.site).about(entry) == "gone.thing 7"


def test_list_of_the_trail_takes_as_many_queries_however_long_it_is(client: Client, staff: User) -> None:
    audit.record(actor=staff, verb="noted", target=staff, now=timezone.now())
    client.force_login(staff)
    with CaptureQueriesContext(connection) as few:
        client.get("/admin/audit/auditentry/")
    for number in range(60):
        actor = User.objects.create_user(f"staff{number}@example.com", name="Staff")
        audit.record(actor=actor, verb="noted", target=actor, now=timezone.now())
    with CaptureQueriesContext(connection) as many:
        client.get("/admin/audit/auditentry/")
    assert len(many) == len(few)
