"""The credit ledger over a year and its renewal: carried over, expired, revoked, given, restored; and always in balance."""

from datetime import datetime, timedelta
from functools import partial

import pytest
from django.db import transaction

from redreport import clock
from redreport.accounts.models import User
from redreport.audit.models import AuditEntry
from sessions_live.models import LiveSession
from subscriptions.errors import CreditExpiresBefore, CreditsNotGrantable, NoCredit, NotForfeited
from subscriptions.models import CreditEntry, CreditGrant, Payment, Subscription
from subscriptions.operations.credits import grant_year_credits, revoke_credits
from subscriptions.operations.granting import expire_grant, give_credits
from subscriptions.operations.settle import restore_forfeited_credit
from subscriptions.operations.subscribers import lock_subscriber, subscriber_of
from subscriptions.selectors import credit_balance
from subscriptions.stripe_objects import InvoiceLine
from subscriptions.tasks import expire_credits_task
from tests.canceling import assert_books_balance, book, cancel, cancel_by_house, returned_grant, spent_grant
from tests.factories import make_credits, make_live_session, make_staff, make_user
from tests.racing import at_once

pytestmark = pytest.mark.django_db

YEAR = timedelta(days=365)
BEGAN = clock.now() - timedelta(days=1)


def year_of(user: User) -> Subscription:
    return Subscription.objects.create(
        subscriber=subscriber_of(user),
        stripe_subscription_id=f"sub_{user.pk}",
        status="active",
        current_period_start=BEGAN,
        current_period_end=BEGAN + YEAR,
        synced_at=BEGAN,
    )


def pay_year(subscription: Subscription, number: int, now: datetime | None = None) -> CreditGrant:
    """The invoice of the subscription's so-many-th year, counted from 0, is paid."""
    begin = BEGAN + number * YEAR
    line = InvoiceLine(f"il_{subscription.pk}_{number}", "price_year", 250000, False, 1, begin, begin + YEAR)
    with transaction.atomic():
        lock_subscriber(subscription.subscriber_id)
        grant, _ = grant_year_credits(
            subscription=subscription, line=line, invoice_id=f"in_{number}", now=now or begin + timedelta(hours=1)
        )
    return grant


def give_year_back(subscription: Subscription, number: int, now: datetime) -> None:
    """The payment of the subscription's so-many-th year went back in full."""
    Payment.objects.create(
        subscriber=subscription.subscriber,
        stripe_payment_intent_id=f"pi_{number}",
        stripe_invoice_id=f"in_{number}",
        amount_minor=250000,
        refunded_minor=250000,
        currency="usd",
        captured_at=BEGAN,
        recorded_at=BEGAN,
    )
    with transaction.atomic():
        revoke_credits(
            subscriber_id=subscription.subscriber_id, stripe_invoice_id=f"in_{number}", actor=None, reason="Refunded", now=now
        )


def offer(count: int) -> list[LiveSession]:
    return [make_live_session(starts_in=timedelta(days=10 + number)) for number in range(count)]


def carried(subscription: Subscription) -> list[int]:
    grants = CreditGrant.objects.filter(subscription=subscription, source=CreditGrant.Source.CARRIED_OVER)
    return list(grants.values_list("credits", flat=True))


@pytest.mark.parametrize(
    ("used", "offered", "expected"),
    [(0, 12, []), (0, 10, [2]), (0, 0, [12]), (9, 9, [3]), (5, 12, []), (5, 8, [4]), (10, 10, [2]), (4, 14, []), (2, 3, [9])],
)
@pytest.mark.parametrize("swept_first", [False, True], ids=["renewed in time", "expired before it was paid"])
def test_unused_credits_come_over_as_far_as_too_few_sessions_were_offered(
    used: int, offered: int, expected: list[int], swept_first: bool
) -> None:
    user = make_user()
    subscription = year_of(user)
    pay_year(subscription, 0)
    for live_session in offer(offered)[:used]:
        book(user, live_session)
    if swept_first:
        expire_grant(grant_id=CreditGrant.objects.get().pk, now=BEGAN + YEAR)
    pay_year(subscription, 1)
    assert carried(subscription) == expected
    assert credit_balance(user=user, now=BEGAN + YEAR + timedelta(hours=2)).total == 12 + sum(expected)
    assert_books_balance()


def test_canceled_sessions_do_not_count_as_offered() -> None:
    subscription = year_of(make_user())
    pay_year(subscription, 0)
    for live_session in offer(12)[:3]:
        LiveSession.objects.filter(pk=live_session.pk).update(state=LiveSession.State.CANCELED)
    pay_year(subscription, 1)
    assert carried(subscription) == [3]


def test_what_came_over_is_spent_first_and_does_not_come_over_again() -> None:
    user = make_user()
    subscription = year_of(user)
    pay_year(subscription, 0)
    offer(10)
    for _ in range(2):
        pay_year(subscription, 1)
    over = CreditGrant.objects.get(source="carried_over")
    in_second_year = make_live_session(starts_in=YEAR + timedelta(days=30))
    seat = book(user, in_second_year, BEGAN + YEAR + timedelta(days=1))
    assert spent_grant(seat) == over
    pay_year(subscription, 2)
    # The second year offered one session: of its own twelve, eleven come over; of the one left of the first, none.
    assert carried(subscription) == [2, 11]
    assert_books_balance()


def test_nothing_comes_over_from_a_year_that_was_refunded_after_its_credits_had_expired() -> None:
    user = make_user()
    subscription = year_of(user)
    grant, end = pay_year(subscription, 0), BEGAN + YEAR
    expire_grant(grant_id=grant.pk, now=end)
    give_year_back(subscription, 0, end + timedelta(days=1))
    # Its renewal was declined at first.
    pay_year(subscription, 1, end + timedelta(days=3))
    assert carried(subscription) == []
    assert credit_balance(user=user, now=end + timedelta(days=4)).total == 12
    assert_books_balance()


def test_revoking_takes_what_is_unused_of_an_invoice_and_leaves_what_is_booked() -> None:
    user = make_user()
    subscription = year_of(user)
    pay_year(subscription, 0)
    seat, kept = book(user, make_live_session()), book(user, make_live_session())
    CreditGrant.objects.update(expires_at=clock.now() + timedelta(days=20))
    cancel_by_house(seat)
    with transaction.atomic():
        assert (
            revoke_credits(
                subscriber_id=subscription.subscriber_id, stripe_invoice_id="in_0", actor=None, reason="Refunded", now=clock.now()
            )
            == 11
        )
    kept.refresh_from_db()
    assert (kept.state, credit_balance(user=user, now=clock.now()).total) == ("confirmed", 0)
    assert sorted(CreditEntry.objects.filter(kind="revoke").values_list("delta", flat=True)) == [-10, -1]
    assert_books_balance()


def test_sweep_writes_off_what_is_over_once() -> None:
    user = make_user()
    over, good = make_credits(user, 5), make_credits(user, 3)
    book(user, make_live_session())
    CreditGrant.objects.filter(pk=over.pk).update(expires_at=clock.now() - timedelta(seconds=1), valid_from=BEGAN)
    assert [expire_credits_task() for _ in range(2)] == [1, 0]
    entry = CreditEntry.objects.get(kind="expire")
    assert (entry.grant, entry.delta, entry.balance_after) == (over, -4, 0)
    good.refresh_from_db()
    assert good.balance == 3
    assert_books_balance()


def test_grant_is_not_written_off_before_its_time() -> None:
    grant = make_credits(make_user(), 5)
    expire_grant(grant_id=grant.pk, now=grant.expires_at - timedelta(seconds=1))
    assert not CreditEntry.objects.filter(kind="expire").exists()
    expire_grant(grant_id=grant.pk, now=grant.expires_at)
    assert CreditEntry.objects.get(kind="expire").delta == -5


def test_credit_returned_after_its_grant_expired_can_be_used_again() -> None:
    user = make_user()
    grant = make_credits(user, 2)
    seat = book(user, make_live_session(starts_in=timedelta(days=5)))
    CreditGrant.objects.update(expires_at=clock.now() - timedelta(seconds=1), valid_from=BEGAN)
    expire_credits_task()
    cancel(seat)
    back = returned_grant(seat)
    assert (back != grant, back.balance) == (True, 1)
    book(user, make_live_session(starts_in=timedelta(days=89)))
    with pytest.raises(NoCredit):
        book(user, make_live_session())
    assert_books_balance()


def test_house_gives_credits_for_a_written_reason() -> None:
    user, staff, now = make_user(), make_staff(), clock.now()
    give = partial(give_credits, user=user, actor=staff, now=now)
    grant = give(credits=12, expires_at=now + YEAR, reason=" Paid by wire in May ")
    assert (grant.source, grant.credits, grant.balance, grant.reason) == ("staff", 12, 12, "Paid by wire in May")
    assert AuditEntry.objects.get(verb="granted").actor_id == staff.pk
    book(user, make_live_session())
    with pytest.raises(CreditExpiresBefore):
        book(user, make_live_session(starts_in=YEAR + timedelta(days=1)))
    for credits, expires_at, reason in ((0, now + YEAR, "x"), (121, now + YEAR, "x"), (1, now, "x"), (1, now + YEAR, "  ")):
        with pytest.raises(CreditsNotGrantable):
            give(credits=credits, expires_at=expires_at, reason=reason)
    assert CreditGrant.objects.count() == 1
    assert_books_balance()


def test_forfeited_credit_is_restored_once_by_a_named_member_of_staff() -> None:
    user, staff, now = make_user(), make_staff(), clock.now()
    grant = make_credits(user)
    seat = book(user, make_live_session())
    cancel(seat, seat.live_session.cancel_cutoff_at)
    coverage = restore_forfeited_credit(seat_id=seat.pk, actor=staff, reason="Was in hospital", now=now)
    grant.refresh_from_db()
    assert (coverage.settlement, grant.balance) == ("credit", 1)
    returned = CreditEntry.objects.get(kind="return")
    assert (returned.actor, returned.reason) == (staff, "Was in hospital")
    assert AuditEntry.objects.get(verb="restored").reason == "Was in hospital"
    with pytest.raises(NotForfeited):
        restore_forfeited_credit(seat_id=seat.pk, actor=staff, reason="Again", now=now)
    assert_books_balance()


def test_restored_credit_is_good_for_ninety_more_days() -> None:
    user, now = make_user(), clock.now()
    make_credits(user)
    seat = book(user, make_live_session())
    CreditGrant.objects.update(expires_at=now + timedelta(days=10))
    cancel(seat, seat.live_session.cancel_cutoff_at)
    restore_forfeited_credit(seat_id=seat.pk, actor=make_staff(), reason="Ill", now=now)
    assert returned_grant(seat).expires_at == now + timedelta(days=90)


def test_what_was_not_forfeited_is_not_restored() -> None:
    user = make_user()
    make_credits(user, 2)
    standing, returned = book(user, make_live_session()), book(user, make_live_session())
    cancel(returned)
    for seat in (standing, returned):
        with pytest.raises(NotForfeited):
            restore_forfeited_credit(seat_id=seat.pk, actor=make_staff(), reason="x", now=clock.now())


def test_credit_of_a_year_that_went_back_is_not_restored() -> None:
    user = make_user()
    subscription = year_of(user)
    pay_year(subscription, 0, clock.now())
    seat = book(user, make_live_session())
    cancel(seat, seat.live_session.cancel_cutoff_at)
    give_year_back(subscription, 0, clock.now())
    with pytest.raises(NotForfeited):
        restore_forfeited_credit(seat_id=seat.pk, actor=make_staff(), reason="Was in hospital", now=clock.now())
    assert credit_balance(user=user, now=clock.now()).total == 0


@pytest.mark.django_db(transaction=True)
def test_restored_by_two_members_of_staff_at_once_is_one_credit() -> None:
    user, staff = make_user(), make_staff()
    make_credits(user)
    seat = book(user, make_live_session())
    cancel(seat, seat.live_session.cancel_cutoff_at)
    restore = partial(restore_forfeited_credit, seat_id=seat.pk, actor=staff, reason="Ill", now=clock.now())
    outcomes = at_once([restore] * 3)
    assert sum(isinstance(outcome, NotForfeited) for outcome in outcomes) == 2
    assert CreditGrant.objects.get().balance == 1


@pytest.mark.django_db(transaction=True)
def test_expiry_cancellation_and_booking_at_once_leave_the_books_in_balance() -> None:
    user, now = make_user(), clock.now()
    grant = make_credits(user, 3)
    seats = [book(user, make_live_session()) for _ in range(2)]
    soon = make_live_session()
    outcomes = at_once(
        [
            *(partial(cancel, seat, now) for seat in seats),
            partial(book, user, soon, now),
            partial(expire_grant, grant_id=grant.pk, now=grant.expires_at),
        ]
    )
    assert [outcome for outcome in outcomes if isinstance(outcome, Exception) and not isinstance(outcome, NoCredit)] == []
    assert_books_balance()
