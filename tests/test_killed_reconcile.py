"""kill -9 at every seventh step of the hourly comparison after a day without webhooks: the next hour's run completes it, once."""

from datetime import timedelta
from itertools import count

from redreport.outbox.models import OutgoingMail
from sessions_live.models import Seat
from subscriptions import tasks
from subscriptions.models import Case, CreditGrant, Order
from tests.books import Day, our_books, stripes_books
from tests.killing import killed_scenes, operate_in_two_processes
from tests.stack import wait_for
from tests.timeline import Timeline


def test_killed_while_reconciling_the_next_hour_completes_it_and_nothing_is_doubled(timeline: Timeline) -> None:
    day, days = Day(timeline.shop), count(1)

    def a_day_without_webhooks() -> int:
        number = next(days)
        day.buy_seat(f"seat{number}")
        day.buy_year(f"year{number}")
        timeline.let_pass(timedelta(days=1))
        return number

    def run_an_hour_later_and_check(number: int) -> None:
        timeline.let_pass(timedelta(hours=1))
        wait_for(it_runs, "the database to see that the run before is gone")
        assert our_books() == stripes_books(day.shop)
        assert list(Order.objects.order_by("id").values_list("kind", "state")) == [("seat", "paid"), ("year", "paid")] * number
        assert list(Seat.objects.values_list("state", flat=True)) == ["confirmed"] * number
        assert list(CreditGrant.objects.values_list("credits", "balance")) == [(12, 12)] * number
        mails = list(OutgoingMail.objects.order_by().values_list("kind", flat=True))
        assert (mails.count("seat_confirmed"), mails.count("year_started")) == (number, number)
        assert not Case.objects.exists()
        assert tasks.reconcile_task().startswith("reconcile: nothing differs")

    for number in killed_scenes(a_day_without_webhooks, lambda _: tasks.reconcile_task(), every=7):
        run_an_hour_later_and_check(number)
    assert number > 15

    number = a_day_without_webhooks()
    operate_in_two_processes(tasks.reconcile_task)
    run_an_hour_later_and_check(number)


def it_runs() -> bool:
    """One run, unless the lock of the one before still stands."""
    return tasks.reconcile_task() != "reconcile: another run is under way."
