"""Staff come into the admin with a second factor; before that nothing opens there but the way out."""

import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from cryptography.fernet import InvalidToken
from django.contrib import admin
from django.contrib.sessions.models import Session
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.test import Client, override_settings
from django.urls import URLPattern, URLResolver

from redreport.accounts.models import User
from redreport.audit.models import AuditEntry
from redreport.outbox.models import OutgoingMail
from tests.factories import make_staff, make_user
from tests.staff import code_of, give_app, make_member, recovery_codes_of, wrong_code_of

pytestmark = pytest.mark.django_db

LOGIN, CONFIRM = "/accounts/login/", "/accounts/login/code/confirm/"
SECURITY, GIVE, GIVE_AGAIN = "/accounts/2fa/", "/accounts/2fa/authenticate/", "/accounts/2fa/reauthenticate/"
SET_UP = "/accounts/2fa/totp/activate/"
CODES = "/accounts/2fa/recovery-codes/"
USERS = "/admin/accounts/user/"


@pytest.fixture(autouse=True)
def required() -> Iterator[None]:
    # The clock stands still: a code that is read off the app is typed before the next one comes.
    with override_settings(STAFF_SECOND_FACTOR=True), time_machine.travel(time.time(), tick=False):
        yield


def mailed_code() -> str:
    code: str = OutgoingMail.objects.filter(kind="account_mail").latest("pk").read_secret()["code"]
    return code


def sign_in(client: Client, user: User, *, next_url: str = "/admin/") -> Any:
    """With a mailed code; returns the answer to it."""
    client.post(LOGIN, {"login": user.email, "next": next_url})
    return client.post(CONFIRM, {"code": mailed_code(), "next": next_url})


def led_to(client: Client, address: str) -> str:
    """Where the admin leads who asks for this address."""
    answer = client.get(address)
    assert answer.status_code == 302
    if answer["Location"].startswith("/admin/login/"):
        answer = client.get(answer["Location"])
        assert answer.status_code == 302
    return unquote(answer["Location"])


def test_staff_without_a_factor_are_led_to_set_one_up_and_back(client: Client) -> None:
    sign_in(client, make_staff())
    assert led_to(client, "/admin/outbox/outgoingmail/?q=ada") == f"{SECURITY}?next=/admin/outbox/outgoingmail/?q=ada"
    page = client.get(f"{SECURITY}?next=/admin/outbox/outgoingmail/").content.decode()
    assert "The desk is closed to you until you have a second factor" in page
    assert f'href="{SET_UP}?next=%2Fadmin%2Foutbox%2Foutgoingmail%2F"' in page


def test_an_app_is_set_up_proven_and_leads_on_to_the_desk(client: Client) -> None:
    staff = make_staff()
    sign_in(client, staff)
    page = client.get(f"{SET_UP}?next=/admin/")
    secret = page.context["form"].secret
    assert 'src="data:image/svg+xml;base64,' in page.content.decode()
    answer = client.post(SET_UP, {"code": code_of(secret), "next": "/admin/"})
    assert answer["Location"] == f"{CODES}?next=%2Fadmin%2F"
    # To have typed one code in setting it up is not to have given it: the page with the codes asks for one.
    assert led_to(client, "/admin/") == f"{GIVE_AGAIN}?next=/admin/"
    asked = client.get(answer["Location"])
    assert asked["Location"].startswith(GIVE_AGAIN)
    given = client.post(asked["Location"], {"code": code_of(secret)})
    page = client.get(given["Location"])
    assert (recovery_codes_of(staff)[0] in page.content.decode(), page.context["go_on_url"]) == (True, "/admin/")
    assert client.get("/admin/").status_code == 200


def test_wrong_code_sets_nothing_up(client: Client) -> None:
    sign_in(client, make_staff())
    secret = client.get(SET_UP).context["form"].secret
    page = client.post(SET_UP, {"code": wrong_code_of(secret)})
    assert "That is not right." in page.content.decode()
    # The page shows the same key as before: the app need not read it anew.
    assert page.context["form"].secret == secret
    assert not Authenticator.objects.exists()


def test_code_of_the_app_after_the_mailed_one_opens_the_admin(client: Client) -> None:
    staff = make_staff()
    secret = give_app(staff)
    assert sign_in(client, staff)["Location"] == f"{GIVE}?next=%2Fadmin%2F"
    assert "_auth_user_id" not in client.session
    page = client.get(f"{GIVE}?next=%2Fadmin%2F").content.decode()
    assert '<input type="hidden" name="next" value="/admin/">' in page
    assert client.post(GIVE, {"code": code_of(secret), "next": "/admin/"})["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200


def test_wrong_codes_sign_nobody_in_and_are_limited(client: Client) -> None:
    staff = make_staff()
    secret = give_app(staff)
    sign_in(client, staff)
    for _ in range(5):
        assert "That is not right." in client.post(GIVE, {"code": wrong_code_of(secret)}).content.decode()
    answer = client.post(GIVE, {"code": code_of(secret)})
    assert (answer.status_code, answer["Retry-After"]) == (429, "300")
    assert "Wait 5 minutes, then try once more." in answer.content.decode()
    assert "_auth_user_id" not in client.session
    with time_machine.travel(time.time() + 301, tick=False):
        assert client.post(GIVE, {"code": code_of(secret)}).status_code == 302


def test_a_code_works_once(client: Client) -> None:
    staff = make_staff()
    secret = give_app(staff)
    sign_in(client, staff)
    code = code_of(secret)
    assert client.post(GIVE, {"code": code}).status_code == 302
    for later in (0, 35):
        other = Client()
        with time_machine.travel(time.time() + later):
            sign_in(other, staff)
            assert "That is not right." in other.post(GIVE, {"code": code}).content.decode(), later


@pytest.mark.parametrize(("periods", "works"), [(-2, False), (-1, True), (1, True), (2, False)])
def test_clock_of_the_telephone_may_be_half_a_minute_off(client: Client, periods: int, works: bool) -> None:
    staff = make_staff()
    secret = give_app(staff)
    sign_in(client, staff)
    assert (client.post(GIVE, {"code": code_of(secret, periods=periods)}).status_code == 302) == works


def test_recovery_code_opens_the_admin_once(client: Client) -> None:
    staff = make_staff()
    give_app(staff)
    code = recovery_codes_of(staff)[0]
    sign_in(client, staff)
    client.post(GIVE, {"code": code})
    assert client.get("/admin/").status_code == 200
    assert code not in recovery_codes_of(staff)
    other = Client()
    sign_in(other, staff)
    assert "That is not right." in other.post(GIVE, {"code": code}).content.decode()


def test_password_signs_nobody_past_the_second_factor(client: Client) -> None:
    staff = make_staff()
    staff.set_password("correct horse battery")
    staff.save()
    give_app(staff)
    answer = client.post("/accounts/login/password/", {"login": staff.email, "password": "correct horse battery"})
    assert answer["Location"].startswith(GIVE)
    assert led_to(client, "/admin/").startswith(LOGIN)


def test_session_from_before_the_factor_must_give_it(client: Client) -> None:
    staff = make_staff()
    sign_in(client, staff)
    secret = give_app(staff)
    assert led_to(client, USERS) == f"{GIVE_AGAIN}?next={USERS}"
    assert client.post(GIVE_AGAIN, {"code": wrong_code_of(secret), "next": USERS}).status_code == 200
    assert led_to(client, USERS).startswith(GIVE_AGAIN)
    assert client.post(GIVE_AGAIN, {"code": code_of(secret), "next": USERS})["Location"] == USERS
    assert client.get(USERS).status_code == 200


def test_neither_a_password_nor_a_forced_session_gives_the_factor(client: Client) -> None:
    staff = make_staff()
    staff.set_password("correct horse battery")
    staff.save()
    give_app(staff)
    client.force_login(staff)
    answer = client.post("/accounts/reauthenticate/", {"password": "correct horse battery", "next": "/admin/"})
    assert answer["Location"].startswith(GIVE_AGAIN)
    assert led_to(client, "/admin/").startswith(GIVE_AGAIN)


def inside(client: Client) -> tuple[User, str]:
    """A superuser who is in the admin, and the key of their app."""
    staff = make_staff()
    secret = give_app(staff)
    sign_in(client, staff)
    client.post(GIVE, {"code": code_of(secret)})
    assert client.get("/admin/").status_code == 200
    return staff, secret


def test_taking_the_last_factor_off_closes_the_admin_at_once(client: Client) -> None:
    staff, secret = inside(client)
    address = "/accounts/2fa/totp/deactivate/"
    assert client.get(address)["Location"].startswith(GIVE_AGAIN)
    with time_machine.travel(time.time() + 30):
        client.post(GIVE_AGAIN, {"code": code_of(secret), "next": address})
    assert client.post(address)["Location"] == SECURITY
    assert not Authenticator.objects.filter(user=staff).exists()
    assert led_to(client, "/admin/") == f"{SECURITY}?next=/admin/"


def test_session_that_gave_a_factor_which_is_gone_gives_another(client: Client) -> None:
    staff, _ = inside(client)
    Authenticator.objects.filter(user=staff).delete()
    give_app(staff)
    assert led_to(client, "/admin/").startswith(GIVE_AGAIN)


def test_recovery_codes_alone_are_no_second_factor(client: Client) -> None:
    staff, _ = inside(client)
    Authenticator.objects.filter(user=staff).exclude(type="recovery_codes").delete()
    assert led_to(client, "/admin/").startswith(SECURITY)


def test_another_account_in_the_same_browser_starts_anew(client: Client) -> None:
    inside(client)
    client.force_login(make_staff())
    assert led_to(client, "/admin/").startswith(SECURITY)


def addresses(patterns: list[URLPattern | URLResolver], prefix: str = "/admin/") -> Iterator[str]:
    """Every address under the admin; what stands for an object is made up."""
    for entry in patterns:
        route = str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from addresses(entry.url_patterns, prefix + route)
        elif route.startswith("^"):
            yield from (f"{prefix}{label}/" for label in re.findall(r"\w+(?=[|)])", route) if label != "app_label")
        elif "(?P<url>" in route:
            yield f"{prefix}nowhere/"
        else:
            yield prefix + re.sub(r"<uuid:\w+>", "0" * 8 + "-0000-4000-8000-" + "0" * 12, re.sub(r"<(int|path):\w+>", "1", route))


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("has_one", [False, True], ids=["none set up", "not given"])
def test_nothing_in_the_admin_opens_before_the_factor_is_given(client: Client, method: str, has_one: bool) -> None:
    staff = make_staff()
    if has_one:
        give_app(staff)
    client.force_login(staff)
    asked = [address for address in addresses(admin.site.get_urls()) if address not in ("/admin/login/", "/admin/logout/")]
    assert {"/admin/", "/admin/jsi18n/", "/admin/autocomplete/", "/admin/desk/", "/admin/nowhere/", USERS} <= set(asked)
    before = AuditEntry.objects.count()
    for address in asked:
        answer = getattr(client, method)(address)
        # 405: an address that takes the other method alone.
        assert (answer.status_code, answer.headers.get("Location", "")[:13]) in [(302, "/admin/login/"), (405, "")], address
    assert AuditEntry.objects.count() == before


def test_who_has_not_given_it_may_still_sign_out(client: Client) -> None:
    client.force_login(make_staff())
    assert client.post("/admin/logout/").status_code == 200
    assert "_auth_user_id" not in client.session


def test_a_long_file_is_not_read_before_the_factor_is_given(client: Client) -> None:
    client.force_login(make_staff())
    answer = client.post("/admin/sessions_live/material/add/", {"title": "x" * 1_100_000})
    assert answer.status_code == 413


def test_readers_are_refused_as_ever_and_need_no_factor(client: Client) -> None:
    client.force_login(make_user())
    assert client.get("/admin/", follow=True).status_code == 403
    assert client.get("/account/").status_code == 200


@override_settings(STAFF_SECOND_FACTOR=False)
def test_switched_off_nobody_is_asked(client: Client) -> None:
    client.force_login(make_staff())
    assert client.get("/admin/").status_code == 200


@pytest.mark.parametrize(("asked", "warned"), [(True, False), (False, True)])
def test_deployment_that_asks_staff_for_none_is_warned(asked: bool, warned: bool) -> None:
    with override_settings(STAFF_SECOND_FACTOR=asked):
        found = {message.id for message in run_checks(include_deployment_checks=True)}
    assert ("accounts.W001" in found) == warned


def test_djangos_own_sign_in_form_is_never_shown(client: Client) -> None:
    inside(client)
    answer = client.post("/admin/login/", {"username": "desk@example.com", "password": "guess"})
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")
    assert client.get("/admin/login/?next=https://evil.example/")["Location"] == "/admin/"
    assert client.get("/admin/password_change/")["Location"] == "/accounts/password/change/"


@pytest.mark.parametrize("address", [SET_UP, "/accounts/2fa/webauthn/add/"])
def test_setting_a_factor_up_needs_a_fresh_sign_in(client: Client, address: str) -> None:
    sign_in(client, make_staff())
    with time_machine.travel(time.time() + 901):
        answer = client.get(f"{address}?next=/admin/")
    assert unquote(answer["Location"]) == f"{LOGIN}?next={address}?next=/admin/"
    assert "_auth_user_id" not in client.session


def test_setting_another_one_up_needs_the_one_there_is(client: Client) -> None:
    staff = make_staff()
    give_app(staff)
    client.force_login(staff)
    assert client.get("/accounts/2fa/webauthn/add/")["Location"].startswith(GIVE_AGAIN)
    assert client.get(CODES)["Location"].startswith(GIVE_AGAIN)
    assert client.get(f"{CODES}download/")["Location"].startswith(GIVE_AGAIN)


def test_an_unproven_address_gets_no_factor(client: Client) -> None:
    user = make_user(proven=False)
    client.force_login(user)
    page = client.get(SET_UP, follow=True)
    assert not Authenticator.objects.exists()
    assert page.redirect_chain[-1][0].startswith((SECURITY, LOGIN))


def test_secrets_rest_encrypted_and_outlive_a_new_key(client: Client) -> None:
    staff = make_staff()
    sign_in(client, staff)
    secret = client.get(SET_UP).context["form"].secret
    assert all(secret not in str(session.get_decoded()) for session in Session.objects.all())
    client.post(SET_UP, {"code": code_of(secret)})
    app = Authenticator.objects.get(type="totp")
    codes = recovery_codes_of(staff)
    assert secret not in str(app.data)
    assert not set(codes) & set(re.findall(r"\d{8}", str(Authenticator.objects.get(type="recovery_codes").data)))
    from django.conf import settings

    with override_settings(SECRET_KEY="another key", SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        assert app.wrap().validate_code(code_of(secret))
        assert recovery_codes_of(staff) == codes
        call_command("reseal_second_factors")
        call_command("reseal_second_factors")
    app.refresh_from_db()
    with pytest.raises(InvalidToken):
        app.wrap().validate_code(code_of(secret, periods=1))
    # Sealed anew, it needs the old key no more.
    with override_settings(SECRET_KEY="another key"):
        assert app.wrap().validate_code(code_of(secret, periods=1))
        assert recovery_codes_of(staff) == codes


def test_superuser_removes_a_lost_factor_with_a_reason_and_its_owner_is_told(client: Client) -> None:
    boss, _ = inside(client)
    colleague, browser = make_member("desk"), Client()
    secret = give_app(colleague)
    sign_in(browser, colleague)
    browser.post(GIVE, {"code": code_of(secret)})
    address = f"{USERS}{colleague.pk}/second-factor/"
    assert address in client.get(f"{USERS}{colleague.pk}/change/").content.decode()
    assert "an authenticator app" in client.get(address).content.decode()
    assert "required" in client.post(address, {"reason": " "}).content.decode()
    assert Authenticator.objects.filter(user=colleague).count() == 2
    for _ in range(2):
        client.post(address, {"reason": "lost the telephone"})
    entry = AuditEntry.objects.get(verb="second_factor_removed")
    assert (entry.actor, entry.target_id, entry.reason) == (boss, str(colleague.pk), "lost the telephone")
    assert entry.detail == {"factors": ["recovery_codes", "totp"]}
    told = OutgoingMail.objects.get(context__template="mfa/email/removed_by_staff")
    assert told.recipient == colleague.email
    assert led_to(browser, "/admin/").startswith(SECURITY)


def test_only_superusers_remove_a_factor_and_never_their_own(client: Client) -> None:
    boss, _ = inside(client)
    assert client.post(f"{USERS}{boss.pk}/second-factor/", {"reason": "mine"}).status_code == 403
    helper, browser = make_member("desk"), Client()
    secret = give_app(helper)
    sign_in(browser, helper)
    browser.post(GIVE, {"code": code_of(secret)})
    reader = make_user()
    give_app(reader)
    for person in (boss, reader, helper):
        assert browser.post(f"{USERS}{person.pk}/second-factor/", {"reason": "x"}).status_code == 403
    assert Authenticator.objects.filter(type="totp").count() == 3


def test_factors_are_in_no_list_of_the_admin(client: Client) -> None:
    inside(client)
    assert not admin.site.is_registered(Authenticator)
    assert client.get("/admin/mfa/authenticator/").status_code == 404


def test_address_that_staff_correct_takes_the_factors_along(client: Client) -> None:
    inside(client)
    holder = make_user()
    give_app(holder)
    client.post(f"{USERS}{holder.pk}/change/", {"email": "owner@example.com", "name": "Owner", "is_active": "on"})
    assert not Authenticator.objects.filter(user=holder).exists()
    assert AuditEntry.objects.get(verb="user_changed").detail["second_factors_removed"] == 2


def test_last_superuser_gets_in_again_from_the_shell() -> None:
    staff = make_staff()
    give_app(staff)
    call_command("remove_second_factor", staff.email.upper(), reason="lost the telephone")
    entry = AuditEntry.objects.get()
    assert (entry.actor_label, entry.verb, entry.reason) == ("shell", "second_factor_removed", "lost the telephone")
    for address in (staff.email, "nobody@example.com"):
        with pytest.raises(CommandError):
            call_command("remove_second_factor", address, reason="again")


@pytest.mark.parametrize(
    ("path", "heading"),
    [
        (SECURITY, "Security"),
        (SET_UP, "Set up an authenticator app"),
        ("/accounts/2fa/webauthn/add/", "Add a passkey"),
        ("/accounts/2fa/webauthn/", "Your passkeys"),
    ],
)
def test_pages_of_a_reader_without_one(client: Client, path: str, heading: str) -> None:
    reader = make_user()
    sign_in(client, reader, next_url="/account/")
    assert f"<h1>{heading}</h1>" in client.get(path).content.decode()
    assert "The desk" not in client.get(path).content.decode()


def test_pages_of_a_reader_with_one(client: Client) -> None:
    reader = make_user()
    secret = give_app(reader)
    sign_in(client, reader)
    client.post(GIVE, {"code": code_of(secret)})
    with time_machine.travel(time.time() + 30):
        client.post(f"{GIVE_AGAIN}?next={CODES}", {"code": code_of(secret)})
    for path, heading in (
        (SECURITY, "Security"),
        ("/accounts/2fa/totp/deactivate/", "Take the authenticator app off?"),
        (CODES, "Recovery codes"),
        (f"{CODES}generate/", "Make new recovery codes?"),
    ):
        assert f"<h1>{heading}</h1>" in client.get(path).content.decode(), path
    download = client.get(f"{CODES}download/")
    assert download["Content-Disposition"] == 'attachment; filename="recovery-codes.txt"'
    assert download.content.decode().splitlines()[2:] == recovery_codes_of(reader)
    before = recovery_codes_of(reader)
    client.post(f"{CODES}generate/")
    assert not set(before) & set(recovery_codes_of(reader))


def test_account_page_leads_to_security(client: Client) -> None:
    client.force_login(make_user())
    assert f'href="{SECURITY}"' in client.get("/account/").content.decode()
