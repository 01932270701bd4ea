"""What a reader sees who has signed in: with nothing, with everything, each order in each state, seats, doors, the year."""

from datetime import timedelta
from typing import Any

from redreport import clock
from redreport.accounts.models import User
from sessions_live.host_links import host_token
from sessions_live.models import LiveSession, Seat
from sessions_live.operations.feeds import make_calendar_feed
from sessions_live.operations.questions import ask_question
from sessions_live.seat_links import AUTO_OUT, CANT_COME, DOOR, REPLAY
from subscriptions.models import Order, Subscription
from subscriptions.operations.auto_booking import switch_on_auto_booking
from subscriptions.operations.checkouts import give_up_order
from tests.afterwards import add_file, release, seat_in_past_hour
from tests.auto_booking import auto_booked_seat, make_auto_booker
from tests.canceling import book, cancel
from tests.factories import make_credits, make_guest_seat, make_live_session, make_user
from tests.fixtures_shop import Shop
from tests.money_back import bought_seat, refund_by_hand
from tests.parties import BO, CY, party_of
from tests.waiting import free_a_seat, sold_out_session, waits
from tests.walk.addresses import plain_pages
from tests.walk.walker import Walker, Walkers

FORMS = ("/accounts/email/", "/accounts/password/set/", "/accounts/password/change/", "/plans/annual/")


def take(walkers: Walkers, shop: Shop) -> None:
    _with_nothing(walkers)
    ada = make_user("Ada Marsh", firm="Marsh & Partners")
    reader = walkers.reader(ada, "a reader with everything")
    _booking(reader, ada, shop)
    _orders(reader, ada, shop)
    _waitlist(reader, ada, shop)
    _seats(reader, ada, shop)
    _year(walkers, shop)
    shop.begin_year(ada)
    make_calendar_feed(user=ada, now=clock.now())
    for path in plain_pages(ada):
        reader.opens(path)
    _doors(walkers.visitor())


def _with_nothing(walkers: Walkers) -> None:
    newcomer = make_user("Nora New")
    reader = walkers.reader(newcomer, "a reader with nothing")
    for path in plain_pages(newcomer):
        reader.opens(path)
        if path in FORMS:
            reader.sends()
    live_session = make_live_session()
    reader.opens(f"/sessions/{live_session.slug}/")
    reader.opens("/account/renewal/", "no year", status=409)
    reader.opens("/orders/RRL-AAAAAA/", "another's order", status=404)


def _booking(reader: Walker, ada: User, shop: Shop) -> None:
    live_session = make_live_session()
    page = f"/sessions/{live_session.slug}/reserve/"
    reader.opens(page)
    reader.sends()
    reader.opens(page, "again")
    reader.sends("the price has changed", price_id="999999", attendee_name="Ada", attendee_email=ada.email)
    sold_out = sold_out_session()
    reader.opens(f"/sessions/{sold_out.slug}/reserve/", "sold out", status=409)
    canceled = make_live_session(starts_in=-timedelta(minutes=5))
    reader.opens(f"/sessions/{canceled.slug}/reserve/", "begun", status=409)


def _orders(reader: Walker, ada: User, shop: Shop) -> None:
    """Each view of an order's page."""
    held = shop.hold_seat(ada)
    _order(reader, held, "pending")
    party = shop.hold_seat(ada, attendees=party_of(ada, BO))
    _order(reader, party, "pending, two seats")
    reader.opens("/account/", "with open orders")
    assert party.live_session
    reader.opens(f"/sessions/{party.live_session.slug}/", "with an open order")
    shop.stripe.fault("503", path="/v1/checkout/*", count=1)
    reader.opens(f"/orders/{held.number}/?returned=paid", "confirming")
    shop.stripe.clear_faults()
    give_up_order(order_id=held.pk, by_buyer=True, now=clock.now())
    _order(reader, held, "given back")
    lapsed = shop.hold_seat(ada)
    shop.let_hold_lapse(lapsed)
    _order(reader, lapsed, "expired")
    seat = shop.sell_seat(ada)
    _order(reader, seat.coverage.order, "paid")
    several = shop.sell_seats(ada, make_live_session(), party_of(ada, BO, CY))
    _order(reader, several, "paid, three seats")
    cancel(Seat.objects.get(coverage__order=several, attendee_email=BO.email))
    _order(reader, several, "one of three canceled")
    cancel(seat)
    _order(reader, seat.coverage.order, "being returned")
    refunded = bought_seat(shop, ada)
    refund_by_hand(refunded)
    shop.hear_all()
    _order(reader, refunded.order, "refunded")
    Order.objects.filter(pk=lapsed.pk).update(state=Order.State.FAILED)
    _order(reader, lapsed, "failed")
    Order.objects.filter(pk=lapsed.pk).update(state=Order.State.EXPIRED, under_way_since=clock.now())
    _order(reader, lapsed, "not arrived in time")
    Order.objects.filter(pk=party.pk).update(under_way_since=clock.now())
    _order(reader, party, "payment on its way")
    reader.opens("/account/", "with a payment on its way")


def _order(reader: Walker, order: Order | None, state: str) -> None:
    assert order
    reader.opens(f"/orders/{order.number}/", state)


def _waitlist(reader: Walker, ada: User, shop: Shop) -> None:
    live_session = sold_out_session()
    page = f"/sessions/{live_session.slug}/"
    reader.opens(page, "sold out")
    waits(live_session, ada)
    reader.opens(page, "waiting")
    free_a_seat(live_session)
    reader.opens(page, "offered a seat")
    reader.opens(f"{page}offer/", "offered a seat")
    reader.opens("/account/", "waiting")
    reader.opens(f"/sessions/{make_live_session().slug}/offer/", "none", status=409)


def _seats(reader: Walker, ada: User, shop: Shop) -> None:
    seat = shop.sell_seat(ada)
    for page, button in (("cancel", ""), ("hand-over", "Hand over the seat")):
        reader.opens(f"/seats/{seat.public_id}/{page}/")
        if button:
            reader.sends()
    cancel(seat)
    reader.opens(f"/seats/{seat.public_id}/cancel/", "canceled")
    late = shop.sell_seat(ada, make_live_session(starts_in=timedelta(hours=20)))
    reader.opens(f"/seats/{late.public_id}/cancel/", "after the cut-off")
    reader.opens(f"/seats/{late.public_id}/hand-over/", "after the cut-off")
    reader.opens(f"/sessions/{late.live_session.slug}/", "has a seat")
    make_credits(ada, 4)
    with_credit = make_live_session()
    reader.opens(f"/sessions/{with_credit.slug}/", "can use a credit")
    own = book(ada, with_credit)
    reader.opens(f"/seats/{own.public_id}/cancel/", "by credit")
    past = seat_in_past_hour(ada)
    Seat.objects.filter(pk=past.pk).update(booked_by=ada)
    add_file(past.live_session)
    release(past.live_session)
    reader.opens(f"/sessions/{past.live_session.slug}/", "was there")
    reader.opens(f"/seats/{past.public_id}/cancel/", "begun", status=409)


def _year(walkers: Walkers, shop: Shop) -> None:
    """The year from the order to its end."""
    yves = make_user("Yves Year")
    reader = walkers.reader(yves, "a reader with a year")
    order = shop.order_year(yves)
    _order(reader, order, "a year, pending")
    give_up_order(order_id=order.pk, by_buyer=True, now=clock.now())
    _order(reader, order, "a year, dropped")
    year = shop.begin_year(yves)
    _order(reader, year.started_by, "a year")
    switch_on_auto_booking(user=yves, now=clock.now())
    reader.opens("/plans/annual/", "has a year", status=409)
    reader.opens("/account/renewal/", "renews")
    reader.presses("Turn off auto-renew", "off")
    reader.opens("/account/", "year ends")
    for fields in ({"status": "past_due"}, {"status": "unpaid"}, {"status": "paused"}, {"status": "canceled"}):
        Subscription.objects.filter(pk=year.pk).update(**fields)
        reader.opens("/account/", f"year {fields['status']}")


def _doors(visitor: Walker) -> None:
    """What personal links lead to, which need no account."""
    for state, starts_in in (("closed", timedelta(days=7)), ("soon", timedelta(hours=1)), ("open", timedelta(minutes=5))):
        seat = make_guest_seat(make_live_session(starts_in=timedelta(days=2)))
        LiveSession.objects.filter(pk=seat.live_session_id).update(starts_at=clock.now() + starts_in)
        _links(visitor, seat, state)
    path = _path(DOOR, seat)
    visitor.opens(f"{path}", "about to ask")
    visitor.sends("no question")
    ask_question(seat=seat, text="Who signs for the ministry?", now=clock.now())
    visitor.opens(path, "has asked")
    host = seat.live_session.hosts.all()[0]
    visitor.opens(f"/host/{host_token(seat.live_session, host)}/", "with a question")
    past = seat_in_past_hour()
    _links(visitor, past, "over", replay=False)
    visitor.opens(_path(REPLAY, past), "nothing yet")
    add_file(past.live_session)
    release(past.live_session)
    visitor.opens(_path(REPLAY, past), "notes")
    visitor.sends("no rating")
    out = auto_booked_seat(make_auto_booker(credits=2))
    visitor.opens(_path(AUTO_OUT, out))
    visitor.presses("Give the seat back", "done")


def _links(visitor: Walker, seat: Seat, state: str, *, replay: bool = True) -> None:
    live_session = LiveSession.objects.get(pk=seat.live_session_id)
    visitor.opens(_path(DOOR, seat), state)
    visitor.opens(f"/host/{host_token(live_session, live_session.hosts.all()[0])}/", state)
    visitor.opens(_path(CANT_COME, seat), state)
    if replay:
        visitor.opens(_path(REPLAY, seat), state)


def _path(link: Any, seat: Seat) -> str:
    return str(link.url(seat)).removeprefix("http://testserver")
