"""Pages of a session that was moved or canceled say so, and promise what then happens."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from redreport import clock
from redreport.wording import house_time, short_house_time
from sessions_live.models import LiveSession, Seat
from subscriptions.operations.cancel import cancel_live_session_and_settle
from tests.factories import make_live_session, make_price, make_staff
from tests.fixtures_shop import Shop
from tests.moving import move, seat_by_credit
from tests.test_query_counts import MOST_FOR_A_SESSION_PAGE, browser_of, queries_of

MOVED = "We moved this session"


def page(address: str, client: Client | None = None) -> str:
    answer = (client or Client()).get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def page_of(live_session: LiveSession) -> str:
    return page(reverse("sessions:detail", args=[live_session.slug]))


@pytest.mark.django_db
def test_session_page_names_the_old_time_until_the_session_begins() -> None:
    live_session = make_live_session()
    assert MOVED not in page_of(live_session)
    before = live_session.starts_at
    move(live_session)
    shown = page_of(live_session)
    assert MOVED in shown
    assert f"It was to start {house_time(before)}." in shown
    LiveSession.objects.update(starts_at=clock.now() - timedelta(minutes=1))
    assert MOVED not in page_of(live_session)


@pytest.mark.django_db
def test_session_page_asks_no_more_than_eight_questions_also_of_a_moved_session() -> None:
    live_session = make_live_session()
    make_price()
    seat = seat_by_credit(live_session)
    move(live_session)
    asked = queries_of(browser_of(seat.booked_by), reverse("sessions:detail", args=[live_session.slug]))
    assert len(asked) <= MOST_FOR_A_SESSION_PAGE, "\n".join(asked)


@pytest.mark.django_db
def test_page_of_a_canceled_session_says_what_readers_were_told() -> None:
    live_session = make_live_session()
    cancel_live_session_and_settle(
        live_session_id=live_session.pk, actor=make_staff(), reason="Ill", message="We hope for <spring>.", now=clock.now()
    )
    assert "We hope for &lt;spring&gt;." in page_of(live_session)
    assert MOVED not in page_of(live_session)


@pytest.mark.django_db
def test_cancel_page_promises_restitution_until_the_new_start_to_who_did_not_choose_it() -> None:
    live_session = make_live_session()
    early = seat_by_credit(live_session)
    move(live_session)
    late = seat_by_credit(live_session)
    shown = {seat.pk: page(cancel_page(seat), browser_of(seat.booked_by)) for seat in (early, late)}
    until_start = f"This holds until {short_house_time(live_session.starts_at)}, the start: we moved the session"
    assert until_start in shown[early.pk]
    assert f"This holds until {short_house_time(live_session.cancel_cutoff_at)}, 24 hours before the start." in shown[late.pk]


def cancel_page(seat: Seat) -> str:
    return reverse("subscriptions:cancel", args=[seat.public_id])


def test_order_page_says_it_was_moved_and_until_when_it_can_be_canceled(shop: Shop) -> None:
    order = shop.hold_seat()
    assert order.live_session is not None
    client, address = browser_of(order.subscriber.user), reverse("subscriptions:order", args=[order.number])
    move(order.live_session)
    assert MOVED in page(address, client)
    shop.pay(order)
    shop.sweep()
    shown = page(address, client)
    assert MOVED in shown
    assert f"Full refund until {short_house_time(order.live_session.starts_at)}." in shown
