"""The books of years by worked examples: what a credit is worth, when it is earned, and what is counted beside the money."""

from datetime import timedelta

import pytest

from redreport import clock
from redreport.desk.books.definitions import Section
from sessions_live.models import Seat
from sessions_live.operations.attendance import check_in_seat
from subscriptions.models import CreditGrant
from subscriptions.operations.settle import restore_forfeited_credit
from subscriptions.operations.year_endings import end_year
from tests.bookkeeping import (
    assert_every_cent_is_accounted_for,
    books_of,
    cents,
    day,
    figures_in,
    pass_to,
    said,
    session_on,
    turn_renewal_off,
)
from tests.canceling import book, cancel
from tests.factories import make_guest_seat, make_staff
from tests.fixtures_shop import Shop
from tests.timeline import Timeline


@pytest.fixture
def shop(timeline: Timeline) -> Shop:
    """The shop on a day in January 2027."""
    timeline.go_to(day(1, 10))
    return timeline.shop


def test_year_is_earned_credit_by_credit_and_the_rest_when_it_expires(shop: Shop, timeline: Timeline) -> None:
    """Three used, one of them by nobody who came; nine expire. The first four that are earned are a cent larger."""
    year = shop.begin_year()
    reader = year.subscriber.user
    assert said("2027-01") == cents(payments=250000, unused=250000)
    first, second, third = (session_on(day(month, 3)) for month in (2, 3, 4))
    book(reader, first), book(reader, second)
    assert said("2027-01") == cents(payments=250000, booked=41668, unused=208332)
    pass_to(timeline, day(3, 10))
    assert said("2027-02") == cents(earned_credits=20834, booked=20834, unused=208332)
    assert said("2027-03") == cents(earned_credits=20834, unused=208332)
    assert Seat.objects.filter(state="no_show").count() == 2
    book(reader, third)
    pass_to(timeline, day(4, 10))
    assert said("2027-04") == cents(earned_credits=20834, unused=187498)
    turn_renewal_off(year)
    pass_to(timeline, day(1, 11, year=2028))
    assert said("2028-01") == cents(earned_expired=187498)
    assert_every_cent_is_accounted_for()


def test_credit_returned_is_owed_again_and_a_forfeited_one_once_it_is_restored(shop: Shop, timeline: Timeline) -> None:
    year = shop.begin_year()
    in_time, late = book(year.subscriber.user, session_on(day(2, 3))), book(year.subscriber.user, session_on(day(1, 31)))
    pass_to(timeline, day(1, 31, hour=9))
    cancel(in_time)
    cancel(late)
    assert said("2027-01") == cents(payments=250000, earned_late=20834, unused=229166)
    pass_to(timeline, day(2, 2))
    restore_forfeited_credit(seat_id=late.pk, actor=make_staff(), reason="They were ill", now=clock.now())
    assert said("2027-02") == cents(earned_late=-20834, unused=250000)
    assert_every_cent_is_accounted_for()


def test_what_is_carried_over_keeps_its_worth_and_expires_with_the_next_year(shop: Shop, timeline: Timeline) -> None:
    """Eleven sessions for twelve credits: one comes over. Two had been used."""
    year = shop.begin_year()
    for month in range(2, 13):
        live_session = session_on(day(month, 3))
        if month < 4:
            book(year.subscriber.user, live_session)
    pass_to(timeline, day(1, 10, year=2028, hour=18))
    assert sorted(CreditGrant.objects.values_list("source", "balance")) == [("carried_over", 1), ("invoice", 0), ("invoice", 12)]
    # Ten were left: nine expired, and one went into a year of its own worth.
    assert said("2028-01") == cents(payments=250000, earned_expired=208332 - 20833, unused=250000 + 20833)
    turn_renewal_off(year)
    book(year.subscriber.user, session_on(day(2, 3, year=2028)))
    pass_to(timeline, day(2, 4, year=2028))
    assert said("2028-02") == cents(earned_credits=20833, unused=250000)
    pass_to(timeline, day(1, 11, year=2029))
    assert said("2029-01") == cents(earned_expired=250000)
    assert_every_cent_is_accounted_for()


@pytest.mark.parametrize(("refunded", "kept"), [(187500, 0), (100000, 87498)])
def test_year_that_ends_with_a_refund_owes_its_booked_seat_only(shop: Shop, timeline: Timeline, refunded: int, kept: int) -> None:
    """Two used, one booked, nine unused. What was agreed on is a little more than the credits were worth, or much less."""
    year = shop.begin_year()
    for month, number in ((1, 20), (1, 25), (3, 3)):
        book(year.subscriber.user, session_on(day(month, number)))
    pass_to(timeline, day(2, 10))
    assert said("2027-01") == cents(payments=250000, earned_credits=41668, booked=20834, unused=187498)
    end_year(
        subscription_id=year.pk,
        actor=make_staff(),
        reason="Moves away",
        refund_minor=refunded,
        seats_to_cancel=[],
        now=clock.now(),
    )
    booked = 20834 if kept else 20832
    assert said("2027-02") == cents(refunds=-refunded, booked=booked) | ({"earned_kept": kept} if kept else {})
    pass_to(timeline, day(3, 4))
    assert said("2027-03") == cents(earned_credits=booked)
    assert_every_cent_is_accounted_for()


def test_seats_and_years_are_counted_by_the_month_of_what_they_are(shop: Shop, timeline: Timeline) -> None:
    live_session = session_on(day(1, 20), capacity=8)
    year = shop.begin_year()
    shop.sell_seat(live_session=live_session)
    cancel(shop.sell_seat(live_session=live_session))
    book(year.subscriber.user, live_session)
    guest = make_guest_seat(live_session)
    pass_to(timeline, day(1, 20) + timedelta(minutes=5))
    check_in_seat(seat_id=guest.pk, actor=make_staff(), now=clock.now())
    turn_renewal_off(year)
    pass_to(timeline, day(1, 22))
    counted = figures_in("2027-01", Section.SEATS, "")
    assert counted == cents(
        seats_sold=1, seats_by_credit=1, seats_given=1, seats_total=3, capacity=8, fill=37, attended=1, no_shows=2
    )
    assert figures_in("2027-01", Section.YEARS) == cents(years_new=1, years_running=1, annual_recurring=250000, refunds_count=1)
    pass_to(timeline, day(1, 11, year=2028))
    assert figures_in("2027-12", Section.YEARS) == cents(years_running=1, annual_recurring=250000)
    assert figures_in("2028-01", Section.YEARS) == cents(years_ended=1)


def test_what_is_owed_comes_due_with_its_session_or_its_expiry(shop: Shop, timeline: Timeline) -> None:
    year = shop.begin_year()
    shop.sell_seat(live_session=session_on(day(3, 3)))
    book(year.subscriber.user, session_on(day(2, 3)))
    books = books_of("2026-12", "2027-01")
    assert [str(month) for month in books.months_due] == ["2027-02", "2027-03", "2028-01"]
    due = {str(month): figures_in(str(month), Section.DUE, books=books) for month in books.months_due}
    assert due == {
        "2027-02": cents(due_booked=20834, due_total=20834),
        "2027-03": cents(due_coming=25000, due_total=25000),
        "2028-01": cents(due_unused=229166, due_total=229166),
    }
    pass_to(timeline, day(2, 5))
    # As it stood at the end of January, seen from February.
    assert {str(month): books_of("2026-12", "2027-01").value("due_total", "usd", month) for month in books.months_due} == {
        month: values["due_total"] for month, values in due.items()
    }
