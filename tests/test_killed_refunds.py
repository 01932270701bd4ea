"""kill -9 at every step of giving money back: each refund is made once, whatever Stripe answered and whoever clicks again."""

import pytest
from django.db import transaction

from redreport import clock
from subscriptions.models import Payment, Refund
from subscriptions.operations.refunds import owe_refund, submit_refund
from tests.aftermath import AtStripe
from tests.fixtures_shop import Shop
from tests.killing import kill_at_each_step

PART = 500


@pytest.fixture
def payment(shop: Shop) -> Payment:
    """One seat's payment, of which each scene gives a part back."""
    return Payment.objects.get(order=shop.sell_seat().coverage.order)


def owe_a_part(payment: Payment) -> Refund:
    with transaction.atomic():
        refund = owe_refund(payment_id=payment.pk, reason=Refund.Reason.STAFF, amount_minor=PART, now=clock.now())
    assert refund is not None
    return refund


def submit(refund: Refund) -> None:
    submit_refund(refund_id=refund.pk, now=clock.now())


def assert_made_once(refund: Refund, stripe: AtStripe) -> None:
    refund.refresh_from_db()
    assert (refund.state, stripe.refunds_for(refund)) == ("succeeded", [PART])


def assert_whole(payment: Payment, stripe: AtStripe) -> None:
    """What we count as given back is what Stripe gave back, and no more than our refunds say."""
    payment.refresh_from_db()
    made = stripe.refunds_of([payment])
    assert payment.refunded_minor == sum(made) == PART * Refund.objects.filter(state="succeeded").count()
    assert len(made) == Refund.objects.filter(state="succeeded").count()


def test_killed_while_asking_for_an_owed_refund_it_is_made_once(shop: Shop, payment: Payment) -> None:
    def check(refund: Refund, stripe: AtStripe) -> None:
        assert_made_once(refund, stripe)
        assert_whole(payment, stripe)

    assert kill_at_each_step(shop, prepare=lambda: owe_a_part(payment), operate=submit, check=check) >= 6


def test_killed_after_stripe_made_a_refund_and_said_500_it_is_made_once(shop: Shop, payment: Payment) -> None:
    def prepare() -> Refund:
        shop.stripe.clear_faults()
        shop.stripe.fault("500_after", method="POST", path="/v1/refunds", count=1)
        return owe_a_part(payment)

    def check(refund: Refund, stripe: AtStripe) -> None:
        shop.stripe.clear_faults()
        assert_made_once(refund, stripe)
        assert_whole(payment, stripe)

    def stripe_answers_again(refund: Refund) -> None:
        shop.stripe.clear_faults()

    killed = kill_at_each_step(shop, prepare=prepare, operate=submit, again=stripe_answers_again, check=check)
    assert killed >= 5
