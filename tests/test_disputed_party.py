"""A seat of several is given back while its payment is with the bank."""

from uuid import uuid4

from django.test import Client

from redreport import clock
from sessions_live.models import Seat
from subscriptions.models import Case, Payment, Refund
from subscriptions.operations.case_money import refund_rest_of_case
from tests.canceling import cancel
from tests.factories import make_live_session, make_staff, make_user
from tests.fixtures_shop import Shop
from tests.parties import BO, CY, party_of, who_sits


def test_once_the_dispute_is_won_the_case_returns_that_seats_share_and_the_others_keep_theirs(shop: Shop, client: Client) -> None:
    user = make_user()
    order = shop.sell_seats(user, make_live_session(), party_of(user, BO, CY))
    payment = Payment.objects.get()
    dispute_id = shop.stripe.open_dispute(payment.stripe_payment_intent_id)
    shop.hear_all()
    cancel(Seat.objects.select_related("live_session", "booked_by").get(attendee_email=BO.email))
    shop.stripe.settle_dispute(dispute_id, "won")
    shop.hear_all()
    case = Case.objects.get(kind="disputed_restitution")
    client.force_login(make_staff())
    page = client.get(f"/admin/subscriptions/case/{case.pk}/change/").content.decode()
    assert 'value="Refund $250"' in page
    assert "The order’s other seats stay." in page
    refund_rest_of_case(case_id=case.pk, amount_minor=25000, actor=make_staff(), request_id=uuid4(), now=clock.now())
    assert list(Refund.objects.values_list("amount_minor", "state")) == [(25000, "pending")]
    assert who_sits(order) == [user.email, CY.email]
    case.refresh_from_db()
    assert (case.state, case.resolution) == ("settled", "$250 is refunded for this seat.")
