"""A renewal notice whose amounts cannot be had: asked for again with growing waits, until a person must write it."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from redreport import clock
from subscriptions import stripe_gateway as gateway
from subscriptions.models import Case, RenewalNotice, Subscription
from subscriptions.operations.notices import begin_renewal_notice, make_renewal_notice
from tests.fixtures_years import Year, mails_about
from tests.racing import at_once

RENEWS_AT = datetime(2027, 12, 1, 17, tzinfo=UTC)
NOTICE_AT = datetime(2027, 11, 1, 17, tzinfo=UTC)
LATEST_AT = datetime(2027, 11, 16, 17, tzinfo=UTC)
PREVIEW = "/v1/invoices/create_preview"
MINUTE = timedelta(minutes=1)


def notice() -> RenewalNotice:
    return RenewalNotice.objects.get()


def renews(year: Year) -> bool:
    """As far as we know."""
    return year.subscription.renews


def stripe_says_nothing(year: Year) -> None:
    year.shop.stripe.fault("503", path=PREVIEW, count=10_000)


def test_without_an_answer_it_is_asked_again_after_growing_waits(year: Year) -> None:
    year.pass_to(NOTICE_AT)
    stripe_says_nothing(year)
    asked_at = [clock.now()]
    for _ in range(4):
        year.sweep()
        due = notice().next_attempt_at
        assert due is not None
        asked_at.append(due)
        year.traveller.move_to(due)
    waits = [after - before for before, after in pairwise(asked_at)]
    assert waits == [5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 40 * MINUTE]
    assert mails_about("renewal_notice") == []
    year.shop.stripe.clear_faults()
    assert year.sweep() == 1
    assert (len(mails_about("renewal_notice")), notice().attempts, notice().next_attempt_at) == (1, 5, None)


def test_fifteen_days_before_it_is_given_up_and_a_person_writes(year: Year) -> None:
    year.pass_to(NOTICE_AT)
    stripe_says_nothing(year)
    year.sweep()
    for moment in (LATEST_AT - timedelta(minutes=7), LATEST_AT - MINUTE):
        year.traveller.move_to(moment)
        year.sweep()
    assert (notice().next_attempt_at, notice().attempts) == (LATEST_AT, 2)
    year.traveller.move_to(LATEST_AT)
    year.sweep()
    assert (notice().given_up_at, notice().next_attempt_at, notice().attempts) == (LATEST_AT, None, 2)
    case = Case.objects.get()
    assert (case.kind, case.state, case.subscription) == ("renewal_notice", "opened", year.subscription)
    assert case.summary == "No notice went out of the renewal on 2027-12-01: Stripe would not say what it will charge"
    year.shop.stripe.clear_faults()
    year.traveller.move_to(LATEST_AT + timedelta(days=1))
    assert (year.sweep(), mails_about("renewal_notice")) == (0, [])


def test_a_renewal_turned_on_late_is_asked_about_for_a_day_before_it_is_given_up(year: Year) -> None:
    begun_at = RENEWS_AT - timedelta(days=3)
    year.pass_to(begun_at, hear=False)
    stripe_says_nothing(year)
    year.sweep()
    year.traveller.move_to(begun_at + timedelta(hours=23))
    year.sweep()
    assert (notice().given_up_at, notice().attempts) == (None, 2)
    year.traveller.move_to(begun_at + timedelta(days=1))
    year.sweep()
    assert notice().given_up_at == begun_at + timedelta(days=1)


def test_a_notice_begun_anew_late_is_asked_for_all_the_same(year: Year) -> None:
    year.pass_to(NOTICE_AT)
    Subscription.objects.update(cancel_at_period_end=True)
    RenewalNotice.objects.create(subscription=year.subscription, renews_at=RENEWS_AT, created_at=NOTICE_AT)
    year.traveller.move_to(RENEWS_AT - timedelta(days=4))
    Subscription.objects.update(cancel_at_period_end=False)
    assert year.sweep() == 1
    assert (len(mails_about("renewal_notice")), notice().given_up_at) == (1, None)


def test_nothing_upcoming_is_no_failure_but_news(year: Year) -> None:
    """The renewal was turned off at Stripe, and its webhook has not come."""
    year.pass_to(NOTICE_AT)
    gateway.set_renewal(key="off", subscription=gateway.fetch_subscription(year.stripe_id), renews=False)
    assert renews(year)
    assert [year.sweep(), year.sweep()] == [1, 0]
    assert not renews(year)
    assert (notice().next_attempt_at, notice().mail, Case.objects.count()) == (None, None, 0)
    gateway.set_renewal(key="on", subscription=gateway.fetch_subscription(year.stripe_id), renews=True)
    year.hear()
    assert year.sweep() == 1
    assert len(mails_about("renewal_notice")) == 1


def test_a_renewal_that_has_been_is_no_failure_but_news(year: Year) -> None:
    """The date moved at Stripe, and its webhook has not come."""
    year.pass_to(NOTICE_AT)
    Subscription.objects.update(current_period_end=RENEWS_AT - timedelta(days=1))
    assert [year.sweep(), year.sweep()] == [1, 1]
    assert list(RenewalNotice.objects.order_by("renews_at").values_list("renews_at", "mail__kind", "next_attempt_at")) == [
        (RENEWS_AT - timedelta(days=1), None, None),
        (RENEWS_AT, "renewal_notice", None),
    ]


def test_a_renewal_turned_off_between_two_tries_is_let_go(year: Year) -> None:
    year.pass_to(NOTICE_AT)
    stripe_says_nothing(year)
    year.sweep()
    Subscription.objects.update(cancel_at_period_end=True)
    year.traveller.move_to(NOTICE_AT + 5 * MINUTE)
    year.sweep()
    assert (notice().next_attempt_at, notice().attempts, Case.objects.count()) == (None, 1, 0)


def test_a_worker_that_died_after_asking_leaves_the_notice_due(year: Year) -> None:
    year.pass_to(NOTICE_AT)
    stripe_says_nothing(year)
    year.sweep()
    year.shop.stripe.clear_faults()
    make_renewal_notice(notice_id=notice().pk, now=clock.now())
    assert mails_about("renewal_notice") == []
    make_renewal_notice(notice_id=notice().pk, now=clock.now() + 5 * MINUTE)
    make_renewal_notice(notice_id=notice().pk, now=clock.now() + 5 * MINUTE)
    assert len(mails_about("renewal_notice")) == 1


def test_sweeps_side_by_side_make_one_notice(year: Year) -> None:
    year.pass_to(NOTICE_AT)
    subscription_id = year.subscription.pk
    assert at_once([lambda: begin_renewal_notice(subscription_id=subscription_id, now=NOTICE_AT)] * 4) == [None] * 4
    notice_id = notice().pk
    assert at_once([lambda: make_renewal_notice(notice_id=notice_id, now=NOTICE_AT)] * 4) == [None] * 4
    assert (len(mails_about("renewal_notice")), notice().attempts) == (1, 1)
