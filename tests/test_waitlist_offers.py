"""Taking a seat that is offered: by money as an ordinary hold, by a credit at once; nothing is given twice or too late."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client

from redreport import clock
from redreport.accounts.models import User
from redreport.outbox.models import OutgoingMail
from sessions_live.errors import NotWaiting, OfferGone
from sessions_live.models import LiveSession, Seat
from sessions_live.operations.moves import move_live_session
from sessions_live.tasks import sweep_waitlist
from subscriptions.errors import NoCredit, OtherOrderOpen
from subscriptions.models import CreditEntry, CreditGrant, Order, Plan
from subscriptions.operations.booking import book_with_credit
from subscriptions.operations.checkouts import give_up_order, sync_checkout
from subscriptions.operations.offers import start_offer_order, take_offer_with_credit
from subscriptions.operations.purchase import buy_offered_seat
from subscriptions.selectors import current_price
from tests.factories import make_credits, make_live_session, make_staff
from tests.fixtures_shop import Shop
from tests.waiting import entry_of, free_a_seat, offers_mailed, sold_out_session, states, waits

pytestmark = pytest.mark.django_db(transaction=True)


def pay_for_offer(shop: Shop, reader: User, live_session: LiveSession) -> Order:
    """The reader takes the offer and pays on Stripe's page; we hear of it."""
    order = take_by_money(reader, live_session)
    shop.pay(order)
    sync_checkout(checkout_session_id=str(order.stripe_checkout_session_id), now=clock.now())
    order.refresh_from_db()
    return order


def take_by_money(reader: User, live_session: LiveSession) -> Order:
    price_id = current_price(Plan.SINGLE_SEAT).pk
    buy_offered_seat(user=reader, live_session_id=live_session.pk, price_id=price_id, now=clock.now())
    return Order.objects.get(subscriber__user=reader, live_session=live_session, state="pending")


def test_an_offer_that_is_paid_is_a_seat_like_any_other(shop: Shop) -> None:
    live_session = sold_out_session()
    reader = waits(live_session)
    free_a_seat(live_session)
    offered = entry_of(reader, live_session).seat
    order = pay_for_offer(shop, reader, live_session)
    seat = Seat.objects.get(coverage__order=order)
    assert (seat, seat.state, order.amount_minor) == (offered, "confirmed", 25000)
    assert states(live_session) == ["seated"]
    assert OutgoingMail.objects.filter(kind="seat_confirmed", recipient=reader.email).count() == 1


def test_taking_it_twice_is_one_order_with_one_address(shop: Shop) -> None:
    live_session = sold_out_session()
    reader = waits(live_session)
    free_a_seat(live_session)
    price_id, now = current_price(Plan.SINGLE_SEAT).pk, clock.now()
    first = buy_offered_seat(user=reader, live_session_id=live_session.pk, price_id=price_id, now=now)
    assert buy_offered_seat(user=reader, live_session_id=live_session.pk, price_id=price_id, now=now) == first
    assert Order.objects.count() == 1


def test_an_accepted_offer_that_is_given_back_goes_to_the_next_reader(shop: Shop) -> None:
    live_session = sold_out_session()
    reader, next_one = waits(live_session), waits(live_session)
    free_a_seat(live_session)
    order = take_by_money(reader, live_session)
    give_up_order(order_id=order.pk, by_buyer=True, now=clock.now())
    sweep_waitlist(now=clock.now())
    assert states(live_session) == ["lapsed", "offered"]
    assert offers_mailed(next_one) == 1


def test_an_accepted_offer_outlives_its_time_while_it_is_being_paid(shop: Shop) -> None:
    live_session = sold_out_session()
    reader = waits(live_session)
    free_a_seat(live_session)
    order = take_by_money(reader, live_session)
    expires_at = entry_of(reader, live_session).offer_expires_at
    assert expires_at
    sweep_waitlist(now=expires_at + timedelta(minutes=1))
    assert entry_of(reader, live_session).state == "offered"
    assert Seat.objects.get(coverage__order=order).state == "held"


def test_a_credit_takes_the_offered_seat_at_once() -> None:
    live_session = sold_out_session()
    reader = waits(live_session)
    grant = make_credits(reader)
    free_a_seat(live_session)
    coverage = take_offer_with_credit(user=reader, live_session_id=live_session.pk, now=clock.now())
    grant.refresh_from_db()
    assert (coverage.seat.state, coverage.kind, grant.balance) == ("confirmed", "credit", 0)
    assert states(live_session) == ["seated"]
    with pytest.raises(OfferGone):
        take_offer_with_credit(user=reader, live_session_id=live_session.pk, now=clock.now())
    assert CreditEntry.objects.filter(kind="spend").count() == 1


def test_a_credit_that_was_spent_elsewhere_meanwhile_leaves_the_offer_to_be_paid(shop: Shop) -> None:
    live_session = sold_out_session()
    reader = waits(live_session)
    make_credits(reader)
    free_a_seat(live_session)
    book_with_credit(user=reader, live_session_id=make_live_session().pk, now=clock.now())
    with pytest.raises(NoCredit):
        take_offer_with_credit(user=reader, live_session_id=live_session.pk, now=clock.now())
    assert entry_of(reader, live_session).state == "offered"
    pay_for_offer(shop, reader, live_session)
    assert states(live_session) == ["seated"]


def test_no_offer_is_taken_after_it_ran_out(shop: Shop) -> None:
    live_session = sold_out_session()
    reader = waits(live_session)
    make_credits(reader)
    free_a_seat(live_session)
    expires_at = entry_of(reader, live_session).offer_expires_at
    assert expires_at
    with pytest.raises(OfferGone):
        take_offer_with_credit(user=reader, live_session_id=live_session.pk, now=expires_at)
    with pytest.raises(OfferGone):
        start_offer_order(
            user=reader, live_session_id=live_session.pk, price_id=current_price(Plan.SINGLE_SEAT).pk, now=expires_at
        )
    assert CreditGrant.objects.get().balance == 1


def test_who_waits_takes_nothing_before_a_seat_is_offered() -> None:
    live_session = sold_out_session()
    reader = waits(live_session)
    make_credits(reader)
    with pytest.raises(NotWaiting):
        take_offer_with_credit(user=reader, live_session_id=live_session.pk, now=clock.now())


def test_what_is_being_paid_for_is_not_taken_with_a_credit_as_well(shop: Shop) -> None:
    live_session = sold_out_session()
    reader = waits(live_session)
    grant = make_credits(reader)
    free_a_seat(live_session)
    take_by_money(reader, live_session)
    with pytest.raises(OtherOrderOpen):
        take_offer_with_credit(user=reader, live_session_id=live_session.pk, now=clock.now())
    grant.refresh_from_db()
    assert grant.balance == 1


def test_an_offer_stands_no_longer_than_a_session_moved_nearer_allows() -> None:
    live_session = sold_out_session()
    reader = waits(live_session)
    free_a_seat(live_session)
    now = clock.now()
    move_live_session(
        live_session_id=live_session.pk,
        starts_at=now + timedelta(hours=8),
        duration_minutes=60,
        message="",
        reason="the host travels",
        actor=make_staff(),
        now=now,
    )
    entry = entry_of(reader, live_session)
    assert entry.seat
    assert (entry.offer_expires_at, entry.seat.hold_expires_at) == (now + timedelta(hours=2), now + timedelta(hours=2))


class TestPages:
    @pytest.fixture
    def client(self) -> Client:
        return Client()

    def test_from_sold_out_to_the_waitlist_to_a_seat(self, shop: Shop, client: Client) -> None:
        live_session = sold_out_session()
        page = f"/sessions/{live_session.slug}/"
        assert "Sign in to join the waitlist" in client.get(page).content.decode()
        reader = waits(sold_out_session())
        client.force_login(reader)
        assert "Join the waitlist: $250" in client.get(page).content.decode()
        client.post(f"{page}waitlist/", {"pay_by": "money"})
        assert "You are next." in client.get(page).content.decode()
        free_a_seat(live_session)
        assert f"{page}offer/" in client.get(page).content.decode()
        offer = client.get(f"{page}offer/").content.decode()
        assert "Take it and pay $250 on Stripe" in offer
        assert "with 1 credit" not in offer
        price_id = current_price(Plan.SINGLE_SEAT).pk
        answer = client.post(f"{page}offer/", {"answer": "money", "price_id": price_id})
        assert (answer.status_code, answer["Location"].startswith(settings.STRIPE_API_BASE)) == (303, True)
        assert client.get(f"{page}offer/")["Location"] == page

    def test_a_missing_credit_is_said_beside_the_way_to_pay(self, shop: Shop, client: Client) -> None:
        live_session = sold_out_session()
        reader = waits(live_session)
        free_a_seat(live_session)
        client.force_login(reader)
        answer = client.post(f"/sessions/{live_session.slug}/offer/", {"answer": "credit"})
        assert answer.status_code == 409
        assert "You have no credit left" in answer.content.decode()
        assert "Take it and pay $250 on Stripe" in answer.content.decode()

    def test_somebody_elses_offer_is_nothing_to_me(self, shop: Shop, client: Client) -> None:
        live_session = sold_out_session()
        waits(live_session)
        free_a_seat(live_session)
        client.force_login(make_staff())
        answer = client.get(f"/sessions/{live_session.slug}/offer/")
        assert (answer.status_code, "This offer is gone" in answer.content.decode()) == (409, True)

    def test_leaving_and_declining_are_said(self, client: Client) -> None:
        live_session = sold_out_session()
        reader = waits(live_session)
        client.force_login(reader)
        client.post(f"/sessions/{live_session.slug}/waitlist/leave/")
        assert states(live_session) == ["withdrawn"]
        again = waits(live_session, reader)
        free_a_seat(live_session)
        client.post(f"/sessions/{live_session.slug}/offer/", {"answer": "decline"})
        assert entry_of(again, live_session).state == "declined"

    def test_the_account_says_where_a_reader_waits(self, client: Client) -> None:
        live_session = sold_out_session()
        reader = waits(live_session)
        client.force_login(reader)
        assert live_session.title in client.get("/account/").content.decode()
        free_a_seat(live_session)
        assert "A seat is yours until" in client.get("/account/").content.decode()
