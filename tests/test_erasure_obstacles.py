"""What is open keeps an account from being erased, so that nothing that is owed gets lost by it; and nothing is lost unread."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from redreport import clock
from redreport.accounts.models import Erasure, User
from redreport.accounts.privacy.erasing import CannotErase, ErasureChanged, ask_erasure, plan_erasure
from sessions_live.operations.cancellations import cancel_live_session
from subscriptions.models import Case, Dispute, Payment, Refund, Subscriber
from tests.canceling import cancel
from tests.erasing import NAME
from tests.factories import make_credits, make_live_session, make_staff, make_user
from tests.fixtures_shop import Shop


def coming_seat(shop: Shop, user: User) -> str:
    seat = shop.sell_seat(user)
    return f"Your seat in “{seat.live_session.title}”: give it back first, or wait until the session is over. You get $250 back"


def open_order(shop: Shop, user: User) -> str:
    return f"Order {shop.hold_seat(user).number} is open"


def moving_refund(shop: Shop, user: User) -> str:
    seat = shop.sell_seat(user)
    cancel(seat)
    Refund.objects.update(state="pending")
    return "A refund of $250 is on its way"


def open_dispute(shop: Shop, user: User) -> str:
    cancel(shop.sell_seat(user))
    Dispute.objects.create(
        payment=Payment.objects.get(),
        stripe_dispute_id="dp_1",
        amount_minor=25000,
        currency="usd",
        reason="fraudulent",
        status="needs_response",
        opened_at=clock.now(),
        synced_at=clock.now(),
    )
    return "Your bank is deciding about a payment"


def open_case(shop: Shop, user: User) -> str:
    shop.begin_year(user)
    subscriber = Subscriber.objects.get(user=user)
    Case.objects.create(key="k", kind="difference", subscriber=subscriber, summary="A difference", opened_at=clock.now())
    return "Our desk is settling something"


def unpaid_year(shop: Shop, user: User) -> str:
    year = shop.begin_year(user)
    type(year).objects.update(status="past_due")
    return "The payment for your year is open"


def staff_account(shop: Shop, user: User) -> str:
    User.objects.filter(pk=user.pk).update(is_staff=True)
    return "This is an account of staff"


OBSTACLES = [coming_seat, open_order, moving_refund, open_dispute, open_case, unpaid_year, staff_account]


@pytest.mark.parametrize("stage", OBSTACLES, ids=lambda stage: stage.__name__)
def test_an_account_is_not_erased_while_something_is_open(shop: Shop, stage: Callable[[Shop, User], str]) -> None:
    user = make_user(NAME)
    expected = stage(shop, user)
    user = User.objects.get(pk=user.pk)
    plan = plan_erasure(user=user, now=clock.now())
    assert [obstacle.words.startswith(expected) for obstacle in plan.obstacles] == [True]
    with pytest.raises(CannotErase):
        ask_erasure(user_id=user.pk, actor=user, consequences=plan.digest, now=clock.now())
    user.refresh_from_db()
    assert (user.is_active, user.name, Erasure.objects.count()) == (True, NAME, 0)


def test_money_that_a_bank_is_moving_for_a_seat_already_let_go_keeps_the_account(shop: Shop, settings: Any) -> None:
    settings.STRIPE_DELAYED_PAYMENTS = True
    shop.stripe.allow_delayed_payments()
    user, live_session = make_user(NAME), make_live_session(starts_in=timedelta(days=7))
    order = shop.hold_seat(user, live_session)
    shop.stripe.pay_by_debit(str(order.stripe_checkout_session_id))
    shop.hear_all()
    cancel_live_session(live_session_id=live_session.pk, actor=make_staff(), reason="Ill", now=clock.now())
    with time_machine.travel(live_session.starts_at, tick=False):
        shop.sweep()
        order.refresh_from_db()
        assert (order.state, order.under_way_since is not None) == ("expired", True)
        plan = plan_erasure(user=user, now=clock.now())
        words = f"The payment for order {order.number} is on its way from your bank. Wait until it has arrived or failed."
        assert [obstacle.words for obstacle in plan.obstacles] == [words]
    shop.stripe.settle_debit(str(order.stripe_checkout_session_id), "failed")
    shop.hear_all()
    assert plan_erasure(user=user, now=clock.now()).obstacles == []


@pytest.mark.django_db
def test_what_was_not_read_is_not_done() -> None:
    user = make_user(NAME)
    shown = plan_erasure(user=user, now=clock.now()).digest
    make_credits(user, 3)
    with pytest.raises(ErasureChanged):
        ask_erasure(user_id=user.pk, actor=user, consequences=shown, now=clock.now())
    assert "You lose 3 unused credits." in plan_erasure(user=user, now=clock.now()).consequences
