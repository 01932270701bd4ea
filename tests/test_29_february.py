"""A year bought on 29 February: Stripe's period end counts, in credits, on pages and in mails."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client

from redreport import clock
from redreport.outbox import kinds
from redreport.outbox.models import OutgoingMail
from subscriptions.errors import CreditExpiresBefore
from subscriptions.models import CreditGrant, Subscription
from subscriptions.operations.booking import book_with_credit
from subscriptions.operations.changes import ask_renewal, submit_change
from tests.factories import make_live_session, make_user
from tests.fixtures_shop import Shop

LEAP_DAY = datetime(2028, 2, 29, 17, tzinfo=UTC)
A_YEAR_ON = datetime(2029, 2, 28, 17, tzinfo=UTC)


@pytest.fixture
def leap_day(shop: Shop) -> Iterator[time_machine.Traveller]:
    shop.stripe.set_clock(int(LEAP_DAY.timestamp()))
    with time_machine.travel(LEAP_DAY, tick=True) as traveller:
        yield traveller


@pytest.fixture
def year(shop: Shop, leap_day: time_machine.Traveller) -> Subscription:
    return shop.begin_year(make_user())


def to_the_minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def mail_text(kind: str) -> str:
    mail = OutgoingMail.objects.filter(kind=kind).latest("id")
    return kinds.find(kind).render(mail).text


def test_credits_pages_and_mails_name_stripes_end(shop: Shop, year: Subscription) -> None:
    grant = CreditGrant.objects.get()
    assert to_the_minute(year.current_period_start) == LEAP_DAY
    assert to_the_minute(grant.expires_at) == to_the_minute(year.current_period_end) == A_YEAR_ON
    client = Client()
    client.force_login(year.subscriber.user)
    assert "Renews on <strong>28 February 2029</strong> for $2,500" in client.get("/account/").text
    assert "28 February 2029" in client.get("/account/renewal/").text
    assert "Renews on: 28 February 2029" in mail_text("year_started")
    change = ask_renewal(user=year.subscriber.user, renews=False, now=clock.now())
    submit_change(change_id=change.pk, now=clock.now())
    assert "You keep access until 28 February 2029" in mail_text("renewal_turned_off")


def test_credit_is_good_until_stripes_end_and_not_a_day_longer(shop: Shop, year: Subscription) -> None:
    user = year.subscriber.user
    last = make_live_session(starts_in=year.current_period_end - clock.now() - timedelta(seconds=5))
    assert book_with_credit(user=user, live_session_id=last.pk, now=clock.now()).kind == "credit"
    beyond = make_live_session(starts_in=year.current_period_end - clock.now() + timedelta(seconds=5))
    with pytest.raises(CreditExpiresBefore):
        book_with_credit(user=user, live_session_id=beyond.pk, now=clock.now())


def test_each_renewal_is_granted_for_stripes_own_period(shop: Shop, year: Subscription, leap_day: time_machine.Traveller) -> None:
    for end in (2029, 2030, 2031):
        leap_day.move_to(datetime(end, 3, 1, 17, tzinfo=UTC))
        shop.stripe.set_clock(int(datetime(end, 3, 1, 17, tzinfo=UTC).timestamp()))
    shop.hear_all()
    ends = [grant.expires_at.date().isoformat() for grant in CreditGrant.objects.filter(source="invoice").order_by("valid_from")]
    assert ends == ["2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]
