"""People in the admin."""

import pytest
from allauth.account.models import EmailAddress
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.test import Client

from redreport.accounts.models import User
from redreport.accounts.second_factor import factors_of
from redreport.accounts.selectors import has_proven_email
from redreport.audit.models import AuditEntry
from redreport.outbox.models import OutgoingMail
from tests.factories import make_staff, make_user
from tests.outbox_helpers import rendered_mail
from tests.staff import give_app

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


def test_address_that_staff_replace_is_told_and_not_which_one_it_is_now(client: Client, desk: User) -> None:
    ada = User.objects.create_user("ada@example.com", name="Ada")
    form = {"email": "lovelace@example.com", "name": "Ada", "is_active": "on"}
    client.post(f"{USERS}{ada.pk}/change/", form)
    mail, rendered = OutgoingMail.objects.get(), rendered_mail("account_mail")
    assert (mail.recipient, rendered.subject) == ("ada@example.com", "Your e-mail address was changed")
    assert "ada@example.com no longer opens it" in rendered.text
    assert "lovelace@example.com" not in rendered.text + rendered.html
    client.post(f"{USERS}{ada.pk}/change/", {**form, "name": "Ada L."})
    assert OutgoingMail.objects.count() == 1


def test_address_that_staff_correct_signs_out_whoever_used_the_old_one(client: Client, desk: User) -> None:
    holder, browser = make_user(password="correct horse battery"), Client()
    browser.force_login(holder)
    assert browser.get("/account/").status_code == 200
    client.post(f"{USERS}{holder.pk}/change/", {"email": "owner@example.com", "name": "Owner", "is_active": "on"})
    assert browser.get("/account/").status_code == 302
    holder.refresh_from_db()
    assert not holder.has_usable_password()


def test_another_correction_by_staff_leaves_the_reader_signed_in(client: Client, desk: User) -> None:
    reader, browser = make_user(), Client()
    browser.force_login(reader)
    client.post(f"{USERS}{reader.pk}/change/", {"email": reader.email, "name": "Another Name", "is_active": "on"})
    assert browser.get("/account/").status_code == 200


@pytest.fixture
def helper(client: Client) -> User:
    """Staff who may look after people, and are signed in."""
    helper = make_user("Helper", is_staff=True)
    helper.user_permissions.add(*Permission.objects.filter(codename__in=["add_user", "change_user", "view_user"]))
    client.force_login(helper)
    return helper


def test_staff_cannot_give_themselves_or_a_reader_powers(client: Client, helper: User) -> None:
    reader = make_user()
    for person in (helper, reader):
        page = f"{USERS}{person.pk}/change/"
        assert not {'name="is_superuser"', 'name="groups"'} & set(client.get(page).content.decode().split())
        form = {"email": person.email, "name": "Renamed", "is_active": "on", "is_staff": "on", "is_superuser": "on"}
        client.post(page, form)
        person.refresh_from_db()
        assert not person.is_superuser
    assert (helper.name, reader.name, reader.is_staff) == ("Helper", "Renamed", False)


@pytest.mark.parametrize("power", ["is_staff", "is_superuser"])
def test_staff_cannot_take_over_other_staff(client: Client, helper: User, power: str) -> None:
    boss = make_user("Boss")
    User.objects.filter(pk=boss.pk).update(**{power: True})
    new_password = {"usable_password": "true", "password1": "Xk29!lls0a", "password2": "Xk29!lls0a"}
    assert client.post(f"{USERS}{boss.pk}/password/", new_password).status_code == 403
    form = {"email": "mine@example.com", "name": "Boss", "is_active": "on"}
    assert client.post(f"{USERS}{boss.pk}/change/", form).status_code == 403
    before = boss.email, boss.password
    boss.refresh_from_db()
    assert (boss.email, boss.password) == before


def test_superusers_give_powers(client: Client, desk: User) -> None:
    reader = make_user()
    form = {"email": reader.email, "name": reader.name, "is_active": "on", "is_staff": "on"}
    assert client.post(f"{USERS}{reader.pk}/change/", form).status_code == 302
    reader.refresh_from_db()
    assert reader.is_staff


@pytest.mark.parametrize("power", ["is_staff", "is_superuser"])
def test_who_is_given_powers_begins_with_a_mailed_code_whatever_others_may_know(client: Client, desk: User, power: str) -> None:
    """A colleague at the desk may have set the reader's password, signed in with it and made a passkey."""
    reader, somebody = make_user(password="known to a colleague"), Client()
    give_app(reader)
    somebody.force_login(reader)
    assert somebody.get("/account/").status_code == 200
    form = {"email": reader.email, "name": reader.name, "is_active": "on", power: "on"}
    client.post(f"{USERS}{reader.pk}/change/", form)
    reader.refresh_from_db()
    assert (getattr(reader, power), reader.has_usable_password(), factors_of(reader)) == (True, False, set())
    assert somebody.get("/account/").status_code == 302
    assert AuditEntry.objects.get(verb="user_changed").detail == {"fields": [power], "second_factors_removed": 2}


def test_member_of_staff_who_is_given_more_stays_as_they_are(client: Client, desk: User) -> None:
    colleague, browser = make_user(password="their own secret", is_staff=True), Client()
    give_app(colleague)
    browser.force_login(colleague)
    form = {"email": colleague.email, "name": colleague.name, "is_active": "on", "is_staff": "on", "is_superuser": "on"}
    client.post(f"{USERS}{colleague.pk}/change/", form)
    colleague.refresh_from_db()
    assert (colleague.is_superuser, colleague.has_usable_password(), factors_of(colleague)) == (True, True, {"totp"})
    assert browser.get("/account/").status_code == 200


def test_password_that_staff_set_stands_in_the_audit_and_its_owner_is_told(client: Client, helper: User) -> None:
    reader = make_user()
    address = f"{USERS}{reader.pk}/password/"
    client.post(address, {"usable_password": "true", "password1": "Xk29!lls0a", "password2": "typo"})
    assert not AuditEntry.objects.exists()
    assert not OutgoingMail.objects.exists()
    client.post(address, {"usable_password": "true", "password1": "Xk29!lls0a", "password2": "Xk29!lls0a"})
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.verb, entry.target_id, entry.detail) == (helper, "password_changed", str(reader.pk), {})
    mail = OutgoingMail.objects.get()
    assert (mail.recipient, rendered_mail("account_mail").subject) == (reader.email, "Your password was changed")


def test_staff_cannot_declare_an_address_proven(client: Client) -> None:
    assert not admin.site.is_registered(EmailAddress)
    client.force_login(make_staff())
    assert client.get("/admin/account/emailaddress/").status_code == 404


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
