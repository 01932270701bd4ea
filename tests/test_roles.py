"""The groups of staff: what each may do, and that nobody gives themselves more."""

from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test import Client

from redreport.accounts.models import User
from redreport.audit.models import AuditEntry
from redreport.desk.roles import ROLES
from sessions_live.models import Host, LiveSession
from tests.factories import make_live_session, make_staff, make_user
from tests.staff import make_member

pytestmark = pytest.mark.django_db

groups = import_module("redreport.desk.migrations.0003_groups")
enquiries = import_module("redreport.desk.migrations.0004_enquiries_and_erasures")


def written() -> dict[str, set[str]]:
    """What the database says the groups may do."""
    return {
        group.name: {f"{one.content_type.app_label}.{one.codename}" for one in group.permissions.select_related("content_type")}
        for group in Group.objects.all()
    }


def test_groups_may_do_what_the_table_says() -> None:
    assert written() == {name: set(permissions) for name, permissions in ROLES.items()}


def test_each_permission_of_the_table_is_there_and_named_once() -> None:
    for permissions in ROLES.values():
        assert len(permissions) == len(set(permissions))
        for permission in permissions:
            app_label, codename = permission.split(".")
            assert Permission.objects.filter(content_type__app_label=app_label, codename=codename).count() == 1, permission


def test_migration_can_be_taken_back_and_run_twice() -> None:
    before = written()
    with connection.schema_editor() as editor:
        groups.remove_groups(apps, editor)
        assert written() == {}
        for make in (groups.make_groups, enquiries.add_permissions) * 2:
            make(apps, editor)
    assert written() == before


def test_migration_leaves_what_a_superuser_gave_beside_it() -> None:
    extra = Permission.objects.get(codename="view_doorentry")
    Group.objects.get(name="host").permissions.add(extra)
    with connection.schema_editor() as editor:
        groups.make_groups(apps, editor)
    assert written()["host"] == {*ROLES["host"], "sessions_live.view_doorentry"}


def test_no_group_but_finance_sees_the_books_and_it_changes_no_seat() -> None:
    assert [role for role in ROLES if make_member(role).has_perm("desk.view_books")] == ["finance"]
    finance = make_member("finance")
    changes = {permission for permission in finance.get_group_permissions() if ".view_" not in permission}
    assert changes == {"desk.export_rosterseat", "subscriptions.change_case", "subscriptions.change_subscription"}


def test_superuser_puts_a_colleague_into_a_group(client: Client) -> None:
    client.force_login(make_staff())
    colleague = make_user(is_staff=True)
    form = {"email": colleague.email, "name": colleague.name, "is_active": "on", "is_staff": "on"}
    desk = Group.objects.get(name="desk")
    client.post(f"/admin/accounts/user/{colleague.pk}/change/", {**form, "groups": [desk.pk]})
    assert User.objects.get(pk=colleague.pk).has_perm("sessions_live.change_seat")
    assert AuditEntry.objects.get(verb="user_changed").detail == {"fields": ["groups"]}


@pytest.fixture
def desk(client: Client) -> User:
    """Signed in: who changes people, and is no superuser."""
    member = make_member("desk")
    client.force_login(member)
    return member


def test_desk_gives_nobody_powers_and_reaches_no_colleague(client: Client, desk: User) -> None:
    reader, finance = make_user(), Group.objects.get(name="finance")
    every = Permission.objects.get(codename="view_books")
    powers = {"is_staff": "on", "is_superuser": "on", "groups": [finance.pk], "user_permissions": [every.pk]}
    for person, status in ((reader, 302), (desk, 403), (make_member("host"), 403), (make_staff(), 403)):
        page = f"/admin/accounts/user/{person.pk}/change/"
        form = {"email": person.email, "name": "Renamed", "is_active": "on", **powers}
        assert client.post(page, form).status_code == status
        fresh = User.objects.get(pk=person.pk)
        assert (fresh.is_staff, fresh.is_superuser, fresh.has_perm("desk.view_books")) == (
            person.is_staff,
            person.is_superuser,
            person.is_superuser,
        )
        assert (fresh.name == "Renamed") == (status == 302)
    new = {"email": "new@example.com", "name": "New", "usable_password": "false", **powers}
    client.post("/admin/accounts/user/add/", new)
    made = User.objects.get(email="new@example.com")
    assert (made.is_staff, made.is_superuser, made.groups.count(), made.user_permissions.count()) == (False, False, 0, 0)


def test_groups_are_for_superusers_whatever_a_permission_says(client: Client) -> None:
    sly = make_member("desk")
    sly.user_permissions.set(Permission.objects.filter(content_type__app_label="auth"))
    client.force_login(sly)
    host = Group.objects.get(name="host")
    books = Permission.objects.get(codename="view_books")
    for address in ("", "add/", f"{host.pk}/change/", f"{host.pk}/delete/"):
        for answer in (client.get(f"/admin/auth/group/{address}"), client.post(f"/admin/auth/group/{address}", {"post": "yes"})):
            assert answer.status_code == 403, address
    assert not host.permissions.filter(pk=books.pk).exists()
    assert "/admin/auth/group/" not in client.get("/admin/").content.decode()


def test_change_of_a_group_is_written_down(client: Client) -> None:
    boss = make_staff()
    client.force_login(boss)
    host = Group.objects.get(name="host")
    entry = Permission.objects.get(codename="view_doorentry")
    client.post(f"/admin/auth/group/{host.pk}/change/", {"name": "host", "permissions": [entry.pk]})
    assert written()["host"] == {"sessions_live.view_doorentry"}
    trail = AuditEntry.objects.get(target_type="auth.group")
    assert (trail.actor, trail.verb, trail.detail) == (boss, "changed", {"fields": ["permissions"]})


def test_every_change_of_a_host_is_written_down(client: Client, desk: User) -> None:
    form = {"name": "Mei Lin", "email": "mei@example.com", "bio": "", "user": ""}
    client.post("/admin/sessions_live/host/add/", form)
    host = Host.objects.get()
    client.post(f"/admin/sessions_live/host/{host.pk}/change/", {**form, "bio": "Reads communiqués."})
    client.post(f"/admin/sessions_live/host/{host.pk}/change/", {**form, "bio": "Reads communiqués."})
    client.post(f"/admin/sessions_live/host/{host.pk}/delete/", {"post": "yes"})
    trail = AuditEntry.objects.filter(target_type="sessions_live.host").order_by("id")
    assert list(trail.values_list("actor", "verb", "target_id", "detail")) == [
        (desk.pk, "created", str(host.pk), {"fields": ["email", "name"]}),
        (desk.pk, "changed", str(host.pk), {"fields": ["bio"]}),
        (desk.pk, "deleted", str(host.pk), {"was": "Mei Lin"}),
    ]


def test_host_of_a_session_is_not_deleted(client: Client, desk: User) -> None:
    live_session = make_live_session()
    host = live_session.hosts.get()
    assert client.post(f"/admin/sessions_live/host/{host.pk}/delete/", {"post": "yes"}).status_code == 403
    action = {"action": "delete_selected", "_selected_action": [host.pk], "post": "yes"}
    client.post("/admin/sessions_live/host/", action)
    assert list(live_session.hosts.all()) == [host]


def test_deleted_draft_is_written_down(client: Client, desk: User) -> None:
    draft = make_live_session(published=False)
    assert client.post(f"/admin/sessions_live/livesession/{draft.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not LiveSession.objects.exists()
    entry = AuditEntry.objects.get(verb="deleted")
    assert (entry.actor, entry.target_id, entry.detail) == (desk, str(draft.pk), {"was": draft.title})


def test_account_of_a_host_is_chosen_by_who_may_change_hosts(client: Client, desk: User) -> None:
    reader = make_user("Mei Lin")
    query = {"app_label": "sessions_live", "model_name": "host", "field_name": "user", "term": reader.email}
    assert client.get("/admin/autocomplete/", query).json()["results"] == [{"id": str(reader.pk), "text": reader.email}]
    client.post("/admin/sessions_live/host/add/", {"name": "Mei Lin", "email": "", "bio": "", "user": reader.pk})
    assert Host.objects.get().user == reader
    client.force_login(make_member("host"))
    assert client.get("/admin/autocomplete/", query).status_code == 403
