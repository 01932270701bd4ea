"""What an account may hold, an order and a seat can too."""

from django.test import Client

from redreport.text import FIRM_LENGTH, NAME_LENGTH
from sessions_live.models import Seat
from subscriptions.models import Order, Plan, Subscriber
from subscriptions.selectors import current_price
from tests.factories import make_credits, make_live_session, make_user
from tests.fixtures_shop import Shop

NAME, FIRM = "N" * NAME_LENGTH, "F" * FIRM_LENGTH


def test_reader_with_the_longest_name_and_firm_buys_a_seat(shop: Shop, client: Client) -> None:
    user, live_session = make_user(NAME, firm=FIRM), make_live_session()
    user.full_clean()
    client.force_login(user)
    form = {"attendee_name": NAME, "attendee_email": user.email, "attendee_firm": FIRM}
    price = current_price(Plan.SINGLE_SEAT)
    answer = client.post(f"/sessions/{live_session.slug}/reserve/", {**form, "price_id": price.pk})
    assert answer.status_code == 303
    shop.pay(Order.objects.get())
    shop.hear_all()
    seat, subscriber = Seat.objects.get(), Subscriber.objects.get()
    assert (seat.state, seat.attendee_name, seat.attendee_firm) == ("confirmed", NAME, FIRM)
    assert (subscriber.billing_name, subscriber.firm) == (NAME, FIRM)


def test_reader_with_the_longest_name_and_firm_uses_a_credit(shop: Shop, client: Client) -> None:
    user, live_session = make_user(NAME, firm=FIRM), make_live_session()
    make_credits(user)
    client.force_login(user)
    assert client.post(f"/sessions/{live_session.slug}/use-credit/").status_code == 303
    assert Seat.objects.get().attendee_firm == FIRM
