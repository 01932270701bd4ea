"""Staff erase an account whose owner has asked for it."""

import pytest
from django.test import Client

from redreport import clock
from redreport.accounts.models import Erasure, User
from redreport.accounts.privacy.erasing import plan_erasure
from redreport.audit.models import AuditEntry
from tests.canceling import book
from tests.erasing import NAME
from tests.factories import make_credits, make_live_session, make_staff, make_user

pytestmark = pytest.mark.django_db


def page_of(user: User) -> str:
    return f"/admin/accounts/user/{user.pk}/erase/"


def test_staff_erase_an_account_with_a_reason_after_they_read_what_is_lost(client: Client) -> None:
    user, staff = make_user(NAME), make_staff()
    make_credits(user, 3)
    client.force_login(staff)
    html = client.get(page_of(user)).content.decode()
    assert "You lose 3 unused credits." in html
    shown = plan_erasure(user=user, now=clock.now()).digest
    assert client.post(page_of(user), {"reason": "", "consequences": shown}).status_code == 200
    assert not Erasure.objects.exists()
    assert client.post(page_of(user), {"reason": "Asked by mail", "consequences": shown}).status_code == 302
    erasure = Erasure.objects.get()
    assert (erasure.user_id, erasure.asked_by_id, erasure.reason) == (user.pk, staff.pk, "Asked by mail")
    entry = AuditEntry.objects.get(verb="erasure_asked")
    assert (entry.actor_id, entry.target_id, entry.reason) == (staff.pk, str(user.pk), "Asked by mail")


def test_what_has_changed_meanwhile_is_read_first(client: Client) -> None:
    user = make_user(NAME)
    client.force_login(make_staff())
    answer = client.post(page_of(user), {"reason": "Asked by mail", "consequences": "something else"})
    assert "Nothing is erased yet" in answer.content.decode()
    assert not Erasure.objects.exists()


def test_an_account_with_something_open_has_no_button(client: Client) -> None:
    user, live_session = make_user(NAME), make_live_session()
    make_credits(user, 1)
    book(user, live_session)
    client.force_login(make_staff())
    html = client.get(page_of(user)).content.decode()
    assert f"Your seat in “{live_session.title}”" in html
    assert 'value="Erase the account"' not in html


def test_an_account_that_was_only_switched_off_can_be_erased(client: Client) -> None:
    user = make_user(NAME, is_active=False)
    client.force_login(make_staff())
    shown = plan_erasure(user=user, now=clock.now()).digest
    assert 'value="Erase the account"' in client.get(page_of(user)).content.decode()
    assert client.post(page_of(user), {"reason": "Asked by mail", "consequences": shown}).status_code == 302
    assert Erasure.objects.get().user_id == user.pk
    assert "is being erased already" in client.get(page_of(user), follow=True).content.decode()


def test_nobody_erases_staff(client: Client) -> None:
    colleague = make_staff()
    client.force_login(make_staff())
    assert "This is an account of staff" in client.get(page_of(colleague)).content.decode()
