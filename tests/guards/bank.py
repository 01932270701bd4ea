"""Guards of money that goes back by other ways than a canceled seat: by staff, by Stripe's dashboard, by the reader's bank."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from django.db import transaction

from redreport import clock
from subscriptions.models import Payment, Refund
from subscriptions.operations import dashboard_refunds, disputes, refunds
from subscriptions.operations.taking_back import TakenBack
from subscriptions.selectors import credit_balance
from tests.factories import make_live_session, make_staff
from tests.fixtures_shop import Shop, seats_given
from tests.guards import Guard
from tests.money_back import bought_seat, bought_year, refund_by_hand
from tests.racing import EverybodyLooksFirst, at_once, without_check

OWED_TOO_MUCH = "more of a payment was owed back than was taken"
FORM_SENT_TWICE = "one form of the desk's refunded twice"
FREE_CREDITS = "a year's payment was lost to the bank, and its credits can be used"
FREE_SEAT = "all of a seat's price went back, and the seat is still there"


def two_refunds_at_once_of_more_than_was_taken(shop: Shop) -> None:
    payment = bought_seat(shop)

    def owe() -> None:
        with transaction.atomic():
            refunds.owe_refund(payment_id=payment.pk, amount_minor=15000, reason=Refund.Reason.STAFF, now=clock.now())

    look_first = EverybodyLooksFirst(2, before=f'UPDATE "{Payment._meta.db_table}"')
    at_once([partial(look_first, owe)] * 2)
    assert sum(Refund.objects.values_list("amount_minor", flat=True)) == 15000, OWED_TOO_MUCH


@contextmanager
def payment_is_not_locked() -> Iterator[None]:
    """Nor does the database bound what is owed of it: either alone holds."""
    nothing_owed = partial(Payment.objects.update, refunded_minor=0)
    bound = without_check(Payment._meta.db_table, "payment_refunds_within_amount", nothing_owed)
    with bound, pytest.MonkeyPatch.context() as patch:
        patch.setattr(refunds, "lock_payment", lambda payment_id: Payment.objects.get(pk=payment_id))
        yield


def form_of_the_desk_is_sent_twice(shop: Shop) -> None:
    payment, staff, form = bought_seat(shop), make_staff(), uuid.uuid4()
    for _ in range(2):
        refund = refunds.refund_payment(
            payment_id=payment.pk, amount_minor=10000, actor=staff, note="Agreed", request_id=form, now=clock.now()
        )
        assert refund
        refunds.submit_refund(refund_id=refund.pk, now=clock.now())
    assert [refund["amount"] for refund in shop.stripe.objects("refund")] == [10000], FORM_SENT_TWICE


@contextmanager
def forms_are_not_told_apart() -> Iterator[None]:
    """Whatever is sent counts as another form."""
    refund_payment = refunds.refund_payment

    def refund_anew(*, request_id: uuid.UUID, **asked: Any) -> Refund | None:
        return refund_payment(request_id=uuid.uuid4(), **asked)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(refunds, "refund_payment", refund_anew)
        yield


def bank_takes_back_a_years_payment(shop: Shop) -> None:
    payment = bought_year(shop)
    dispute = shop.stripe.open_dispute(payment.stripe_payment_intent_id)
    shop.stripe.settle_dispute(dispute, "lost")
    shop.hear_all()
    assert credit_balance(user=payment.subscriber.user, now=clock.now()).total == 0, FREE_CREDITS


@contextmanager
def lost_dispute_takes_nothing_back() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(disputes, "take_back_what_it_bought", take_nothing_back)
        yield


def dashboard_returns_all_of_a_seats_price(shop: Shop) -> None:
    live_session = make_live_session()
    refund_by_hand(bought_seat(shop, live_session=live_session))
    shop.hear_all()
    assert seats_given(live_session) == 0, FREE_SEAT


@contextmanager
def refund_by_hand_takes_nothing_back() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dashboard_refunds, "take_back_what_it_bought", take_nothing_back)
        yield


def take_nothing_back(**bought: Any) -> TakenBack:
    return TakenBack(seats=0, credits=0)


BANK = [
    Guard("payment-lock", OWED_TOO_MUCH, two_refunds_at_once_of_more_than_was_taken, payment_is_not_locked),
    Guard("one-refund-per-form", FORM_SENT_TWICE, form_of_the_desk_is_sent_twice, forms_are_not_told_apart),
    Guard("lost-to-the-bank", FREE_CREDITS, bank_takes_back_a_years_payment, lost_dispute_takes_nothing_back),
    Guard("refunded-by-hand", FREE_SEAT, dashboard_returns_all_of_a_seats_price, refund_by_hand_takes_nothing_back),
]
