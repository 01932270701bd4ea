"""Passkeys in a real browser, with an authenticator that Chromium makes up: a reader signs in with one, staff reach the desk."""

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from allauth.mfa.models import Authenticator
from django.test import override_settings
from playwright.sync_api import expect

from redreport.accounts.models import User
from redreport.outbox.models import OutgoingMail
from tests.e2e.watch import Watch
from tests.factories import make_staff, make_user
from tests.staff import recovery_codes_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# What a telephone or a laptop is: it keeps the keys itself, and asks its owner for a finger.
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


class Device:
    """The authenticator of the browser."""

    def __init__(self, page: "Page") -> None:
        self._session: CDPSession = page.context.new_cdp_session(page)
        self._session.send("WebAuthn.enable")
        self._id: str = self._session.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})["authenticatorId"]

    def keys(self) -> int:
        """How many passkeys lie on it."""
        return len(self._session.send("WebAuthn.getCredentials", {"authenticatorId": self._id})["credentials"])

    def owner_is_here(self, is_here: bool) -> None:
        """Whether the finger that it is shown is its owner's."""
        self._session.send("WebAuthn.setUserVerified", {"authenticatorId": self._id, "isUserVerified": is_here})


@pytest.fixture(autouse=True)
def required() -> Iterator[None]:
    with override_settings(STAFF_SECOND_FACTOR=True):
        yield


@pytest.fixture
def watched(page: "Page", site: str) -> "Iterator[Page]":
    """The page fails the test if the policy refused anything or the console complained."""
    watch = Watch(page.context, {site})
    yield page
    assert watch.problems == []


@pytest.fixture
def device(watched: "Page") -> Device:
    return Device(watched)


def path(page: "Page") -> str:
    return urlsplit(page.url).path


def sees(page: "Page", heading: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)


def press(page: "Page", name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def sign_in_by_mail(page: "Page", user: User) -> None:
    """From the sign-in page with a mailed code."""
    sees(page, "Sign in")
    page.locator("[name=login]").fill(user.email)
    press(page, "Mail me a code")
    sees(page, "Type the code")
    page.locator("main [name=code]").first.fill(OutgoingMail.objects.latest("pk").read_secret()["code"])
    press(page, "Sign in")


def sign_out(page: "Page", site: str) -> None:
    page.goto(f"{site}/accounts/logout/")
    press(page, "Sign out")


def add_passkey(page: "Page", site: str, device: Device) -> None:
    """From the page Security, by who has none yet, until the codes stand there."""
    page.get_by_role("link", name="Add a passkey").click()
    sees(page, "Add a passkey")
    expect(page.get_by_label("Name")).to_have_value("Passkey")
    page.get_by_label("Name").fill("The laptop")
    press(page, "Add a passkey")
    # The new key is tried at once: the page with the recovery codes asks for it.
    sees(page, "Show that it is you")
    press(page, "Use your passkey")
    sees(page, "Recovery codes")


def test_reader_adds_a_passkey_signs_in_with_it_and_removes_it(watched: "Page", site: str, device: Device) -> None:
    page, reader = watched, make_user("Ada Reader")
    page.goto(f"{site}/accounts/login/?next=/account/")
    sign_in_by_mail(page, reader)
    sees(page, "Ada Reader")
    page.get_by_role("link", name="Passkeys and authenticator app").click()
    add_passkey(page, site, device)
    assert device.keys() == 1
    expect(page.locator("main")).to_contain_text(recovery_codes_of(reader)[0])
    assert sorted(Authenticator.objects.values_list("type", flat=True)) == ["recovery_codes", "webauthn"]

    sign_out(page, site)
    page.goto(f"{site}/accounts/login/?next=/account/credits/")
    press(page, "Sign in with a passkey")
    page.wait_for_url(f"{site}/account/credits/")

    page.goto(f"{site}/accounts/2fa/webauthn/")
    expect(page.locator("main")).to_contain_text("The laptop")
    page.get_by_role("link", name="remove").click()
    # To have signed in with it is not enough for that.
    sees(page, "Show that it is you")
    press(page, "Use your passkey")
    sees(page, "Remove this passkey?")
    press(page, "Remove it")
    sees(page, "Your passkeys")
    assert not Authenticator.objects.exists()
    told = OutgoingMail.objects.filter(recipient=reader.email).values_list("context__template", flat=True)
    assert {"mfa/email/webauthn_added", "mfa/email/webauthn_removed"} <= set(told)


def test_staff_set_a_passkey_up_and_reach_the_desk_with_it(watched: "Page", site: str, device: Device) -> None:
    page, staff = watched, make_staff()
    page.goto(f"{site}/admin/outbox/outgoingmail/")
    sign_in_by_mail(page, staff)
    # Signed in, and not in the admin: first the second factor, then on to where they were going.
    sees(page, "Security")
    expect(page.locator("main")).to_contain_text("The desk is closed to you until you have a second factor")
    add_passkey(page, site, device)
    page.get_by_role("link", name="I have kept them: go on").click()
    page.wait_for_url(f"{site}/admin/outbox/outgoingmail/")
    expect(page.locator("#content h1")).to_have_text("Select outgoing mail to view")

    sign_out(page, site)
    page.goto(f"{site}/admin/outbox/outgoingmail/")
    press(page, "Sign in with a passkey")
    page.wait_for_url(f"{site}/admin/outbox/outgoingmail/")


def test_passkey_is_the_second_step_after_a_mailed_code(watched: "Page", site: str, device: Device) -> None:
    page, staff = watched, make_staff()
    page.goto(f"{site}/admin/")
    sign_in_by_mail(page, staff)
    add_passkey(page, site, device)
    sign_out(page, site)
    page.goto(f"{site}/admin/outbox/outgoingmail/")
    sign_in_by_mail(page, staff)
    sees(page, "Your second factor")
    press(page, "Use a passkey instead")
    page.wait_for_url(f"{site}/admin/outbox/outgoingmail/")


def test_finger_that_is_not_the_owners_opens_nothing_and_the_page_says_so(watched: "Page", site: str, device: Device) -> None:
    page, reader = watched, make_user("Ada Reader")
    page.goto(f"{site}/accounts/login/?next=/accounts/2fa/")
    sign_in_by_mail(page, reader)
    add_passkey(page, site, device)
    sign_out(page, site)
    device.owner_is_here(False)
    page.goto(f"{site}/accounts/login/")
    press(page, "Sign in with a passkey")
    expect(page.get_by_role("alert")).to_contain_text("That did not work. Try again, or let us mail you a code.")
    assert path(page) == "/accounts/login/"


def test_without_javascript_the_mailed_code_is_the_way_in(browser: "Browser", site: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}/accounts/login/")
    assert page.get_by_role("button", name="Sign in with a passkey").count() == 0
    assert page.get_by_role("button", name="Mail me a code").is_visible()
    context.close()
