"""The statement says in the reader's words where each credit came from, went, and until when it is good."""

import re
from datetime import timedelta

import pytest
from django.db import transaction
from django.test import Client

from redreport import clock
from redreport.wording import full_day, house_day
from subscriptions.models import CreditGrant
from subscriptions.operations.credits import revoke_credits
from subscriptions.operations.granting import expire_grant, give_credits
from subscriptions.selectors import credit_statement
from tests.canceling import book, cancel, cancel_by_house
from tests.factories import make_credits, make_live_session, make_staff, make_user

pytestmark = pytest.mark.django_db


def page_of(user) -> str:
    client = Client()
    client.force_login(user)
    text = client.get("/account/credits/").content.decode()
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def test_every_kind_of_line_is_said_in_words_with_the_balance_of_all() -> None:
    user, staff, now, soon = make_user(), make_staff(), clock.now(), make_live_session()
    year = make_credits(user, 3)
    CreditGrant.objects.update(stripe_invoice_id="in_1", expires_at=now + timedelta(days=30))
    give_credits(user=user, credits=2, expires_at=now + timedelta(days=400), actor=staff, reason="Kept to staff", now=now)
    cancel(book(user, soon))
    cancel_by_house(book(user, soon))
    with transaction.atomic():
        revoke_credits(subscriber_id=year.subscriber_id, stripe_invoice_id="in_1", actor=staff, reason="x", now=now)
    given = CreditGrant.objects.get(source="staff")
    expire_grant(grant_id=given.pk, now=given.expires_at)
    lines = [(line.entry.kind, line.entry.delta, line.balance) for line in credit_statement(user=user)]
    assert lines[::-1] == [
        ("grant", 3, 3),
        ("grant", 2, 5),
        ("spend", -1, 4),
        ("return", 1, 5),
        ("spend", -1, 4),
        ("return", 1, 5),
        ("revoke", -2, 3),
        ("revoke", -1, 2),
        ("expire", -2, 0),
    ]
    text = page_of(user)
    for said in (
        "Your year was paid",
        "Given by us",
        f"Seat reserved: {soon.title}",
        f"Seat canceled, credit returned: {soon.title}",
        "Taken back with the payment they came from",
        "Not used in time",
        "A year you paid for",
        "A seat that was canceled",
        full_day(house_day(now + timedelta(days=90))),
    ):
        assert said in text, said
    assert "Kept to staff" not in text


def test_carried_over_credits_say_why() -> None:
    user, now = make_user(), clock.now()
    year = make_credits(user, 12)
    over = CreditGrant.objects.create(
        source="carried_over",
        carried_from=year,
        subscriber=year.subscriber,
        credits=2,
        balance=2,
        valid_from=now,
        expires_at=now + timedelta(days=365),
        created_at=now,
    )
    over.entries.create(kind="carry_over", delta=2, balance_after=2, at=now)
    text = page_of(user)
    assert "Carried over from the year before" in text
    assert "Carried over: we offered fewer sessions than you had credits" in text
