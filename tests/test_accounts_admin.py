"""People in the admin."""

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from redreport.accounts.models import User
from redreport.accounts.selectors import has_proven_email
from redreport.audit.models import AuditEntry

pytestmark = pytest.mark.django_db(transaction=True)

USERS = "/admin/accounts/user/"


@pytest.fixture
def desk(client: Client) -> User:
    user = User.objects.create_superuser("desk@example.com", name="Desk")
    client.force_login(user)
    return user


@pytest.mark.parametrize("query", ["ada@", "Lovelace", "Engines"])
def test_people_are_found_by_address_name_and_firm(client: Client, desk: User, query: str) -> None:
    User.objects.create_user("ada@example.com", name="Ada Lovelace", firm="Example Engines")
    assert "ada@example.com" in client.get(USERS, {"q": query}).content.decode()


def test_staff_add_a_person_without_a_password(client: Client, desk: User) -> None:
    form = {"email": "Ada@Example.com", "name": "Ada", "firm": "", "usable_password": "false"}
    assert client.post(f"{USERS}add/", form).status_code == 302
    ada = User.objects.get(email="ada@example.com")
    assert not ada.has_usable_password()
    assert AuditEntry.objects.get().verb == "user_added"


def test_address_that_staff_replace_opens_nothing_and_the_new_one_is_unproven(client: Client, desk: User) -> None:
    ada = User.objects.create_user("ada@example.com", name="Ada")
    EmailAddress.objects.create(user=ada, email=ada.email, verified=True, primary=True)
    assert has_proven_email(ada)
    form = {"email": "lovelace@example.com", "name": "Ada", "is_active": "on"}
    assert client.post(f"{USERS}{ada.pk}/change/", form).status_code == 302
    ada.refresh_from_db()
    assert (ada.email, has_proven_email(ada)) == ("lovelace@example.com", False)
    assert not EmailAddress.objects.filter(user=ada).exists()
    assert AuditEntry.objects.get().detail == {"fields": ["email"]}


def test_the_admins_own_scripts_may_run_under_the_policy_that_else_holds(client: Client, desk: User) -> None:
    elsewhere, admin = client.get("/")["Content-Security-Policy"], client.get(USERS)["Content-Security-Policy"]
    assert "require-trusted-types-for" in elsewhere
    assert "require-trusted-types-for" not in admin
    assert "script-src 'self'" in admin


def test_time_zone_must_exist(client: Client, desk: User) -> None:
    form = {"email": "desk@example.com", "name": "Desk", "is_active": "on", "time_zone": "Europe/Atlantis"}
    page = client.post(f"{USERS}{desk.pk}/change/", form)
    assert "Choose a time zone by its name" in page.content.decode()


def test_people_are_deactivated_never_deleted(client: Client, desk: User) -> None:
    ada = User.objects.create_user("ada@example.com", name="Ada")
    assert client.post(f"{USERS}{ada.pk}/delete/", {"post": "yes"}).status_code == 403
    assert "delete_selected" not in client.get(USERS).content.decode()
