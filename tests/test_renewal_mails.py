"""'Your renewal is off' and 'on again': once for each turn, wherever it was made, and for nothing else."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from redreport import clock
from redreport.outbox import kinds
from redreport.outbox.kinds import Verdict
from redreport.outbox.models import OutgoingMail
from redreport.wording import full_day, house_day
from subscriptions import stripe_gateway as gateway
from subscriptions.models import Order, Subscription
from subscriptions.operations.changes import ask_renewal, submit_change
from tests.fixtures_shop import Shop

RENEWAL_MAILS = ("renewal_turned_off", "renewal_turned_on")


@pytest.fixture
def year(shop: Shop) -> Subscription:
    return shop.begin_year()


def turn(year: Subscription, renews: bool) -> None:
    change = ask_renewal(user=year.subscriber.user, renews=renews, now=clock.now())
    submit_change(change_id=change.pk, now=clock.now())


def turn_in_the_portal(shop: Shop, year: Subscription, renews: bool) -> None:
    """As the portal does it: a date, and never the flag."""
    ends = "" if renews else int(year.current_period_end.timestamp())
    gateway.client().v1.subscriptions.update(year.stripe_subscription_id, {"cancel_at": ends})
    shop.hear(shop.events("customer.subscription.updated")[-1])


def owed() -> list[str]:
    return list(OutgoingMail.objects.filter(kind__in=RENEWAL_MAILS).order_by("id").values_list("kind", flat=True))


def verdicts() -> list[Verdict]:
    mails = OutgoingMail.objects.filter(kind__in=RENEWAL_MAILS).order_by("id")
    return [kinds.find(mail.kind).guard(mail, clock.now()) for mail in mails]


def day(moment: datetime) -> str:
    return full_day(house_day(moment))


def test_turning_it_off_here_is_confirmed_with_the_date(shop: Shop, year: Subscription) -> None:
    turn(year, False)
    mail = OutgoingMail.objects.get(kind="renewal_turned_off")
    rendered = kinds.find(mail.kind).render(mail)
    assert (mail.recipient, mail.key) == (year.subscriber.user.email, f"renewal_changed:{year.pk}:1")
    assert rendered.subject == f"Your renewal is off: access until {day(year.current_period_end)}"
    for part in (rendered.text, rendered.html):
        assert day(year.current_period_end) in part
        assert "Nothing will be charged." in part
        assert "http://testserver/account/renewal/" in part


def test_turning_it_on_again_is_confirmed_with_date_and_amount(shop: Shop, year: Subscription) -> None:
    turn(year, False)
    turn(year, True)
    mail = OutgoingMail.objects.get(kind="renewal_turned_on")
    rendered = kinds.find(mail.kind).render(mail)
    assert rendered.subject == f"Your renewal is on: next on {day(year.current_period_end)}"
    assert f"Renews on {day(year.current_period_end)} for $2,500, charged to the card" in rendered.text
    Order.objects.update(tax_minor=22188)
    assert "for $2,500 plus tax, charged" in kinds.find(mail.kind).render(mail).text


def test_same_news_by_webhook_afterwards_mails_nothing_more(shop: Shop, year: Subscription) -> None:
    turn(year, False)
    shop.hear_all()
    shop.hear_all_again()
    assert owed() == ["renewal_turned_off"]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_turns_made_in_the_portal_are_mailed_once_in_whatever_order_they_are_heard(shop: Shop, order: tuple[int, ...]) -> None:
    year = shop.begin_year()
    ends = int(year.current_period_end.timestamp())
    for cancel_at in (ends, "", ends):
        gateway.client().v1.subscriptions.update(year.stripe_subscription_id, {"cancel_at": cancel_at})
    news = shop.events("customer.subscription.updated")[-3:]
    for index in (*order, *order):
        shop.hear(news[index])
    assert owed() == ["renewal_turned_off"]


def test_every_turn_has_its_own_mail_and_only_the_last_is_sent(shop: Shop, year: Subscription) -> None:
    for renews in (False, True, False):
        turn_in_the_portal(shop, year, renews)
    assert owed() == ["renewal_turned_off", "renewal_turned_on", "renewal_turned_off"]
    again = Verdict.withhold("the renewal was changed again since")
    assert verdicts() == [again, again, Verdict.send()]


def test_years_that_end_mail_nothing_of_the_renewal(shop: Shop, year: Subscription) -> None:
    gateway.cancel_subscription(year.stripe_subscription_id)
    shop.hear_all()
    year.refresh_from_db()
    assert (year.status, owed()) == ("canceled", [])


def test_year_that_ends_for_want_of_payment_mails_nothing_of_the_renewal(shop: Shop) -> None:
    year = shop.begin_year(card="4000000000000341")
    shop.stripe.advance(390 * 86400)
    shop.hear_all()
    year.refresh_from_db()
    assert (year.status, owed()) == ("canceled", [])


def test_mail_is_withheld_once_the_year_has_ended(shop: Shop, year: Subscription) -> None:
    turn(year, False)
    Subscription.objects.update(status="canceled")
    assert verdicts() == [Verdict.withhold("the year has ended")]


def test_mail_about_an_unpaid_year_does_not_say_that_nothing_is_charged(shop: Shop, year: Subscription) -> None:
    turn(year, False)
    began = datetime(2027, 3, 1, 12, tzinfo=UTC)
    Subscription.objects.update(status="past_due", current_period_start=began, current_period_end=began + timedelta(days=365))
    mail = OutgoingMail.objects.get(kind="renewal_turned_off")
    text = kinds.find(mail.kind).render(mail).text
    assert "The payment for the year that began on 1 March 2027 is still open; no further year will be charged." in text
    assert "Nothing will be charged" not in text
