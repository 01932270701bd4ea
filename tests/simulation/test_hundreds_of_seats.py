"""Hundreds of seats are moved, then canceled, while workers are killed and the mail server refuses every tenth message for now.

Everybody ends with the mails they are owed and with what their seat cost; what came twice is counted, and can be told.
"""

import os
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django.db.models import F, Sum

from redreport import clock
from redreport.dispatch import hand_to_worker
from redreport.local.processes import Process
from redreport.outbox.models import OutgoingMail
from redreport.outbox.sweep import BATCH, sweep_outbox
from sessions_live.models import LiveSession, ScheduleChange, Seat
from subscriptions.change_progress import ChangeProgress, change_progress
from subscriptions.models import CreditGrant, Refund, SeatCoverage
from subscriptions.operations.cancel import cancel_live_session_and_settle
from subscriptions.tasks import SETTLE_CANCELED_SEATS, SWEEP_REFUNDS
from tests.canceling import assert_books_balance
from tests.factories import make_live_session, make_staff
from tests.fixtures_mail import MailServer, ReceivedMail
from tests.fixtures_shop import Shop
from tests.full_house import fill
from tests.moving import move
from tests.stack import wait_for
from tests.test_calendar_entries import only_event

# `make simulate` takes five hundred. Half of them are more than the outbox takes at a time, too.
SEATS = int(os.environ.get("SIMULATED_SEATS", "250"))
assert SEATS > BATCH
PAID = 5
GUESTS = SEATS * 2 // 5
BY_CREDIT = SEATS - PAID - GUESTS
LONG = 400
OPEN = OutgoingMail.OPEN_STATES
# Longer than any claim and hand-off of the outbox.
A_WHILE = timedelta(minutes=15)


class Workers:
    """One real worker at a time; it can be killed, and another takes its place."""

    def __init__(self, start: Callable[[], Process]) -> None:
        self._start = start
        self._running = start()

    def replace_after_a_kill(self) -> None:
        os.killpg(self._running.popen.pid, signal.SIGKILL)
        self._running.popen.wait()
        self._running = self._start()


@pytest.fixture
def workers(celery_worker_process: Callable[..., Process], smtp_server: MailServer, shop: Shop, settings: Any) -> Workers:
    told = {"STRIPE_API_BASE": settings.STRIPE_API_BASE, "EMAIL_URL": smtp_server.url}
    return Workers(lambda: celery_worker_process(concurrency=2, **told))


@pytest.fixture
def live_session(shop: Shop) -> LiveSession:
    """All seats taken, and all that readers were owed for booking them long done with."""
    live_session = make_live_session(capacity=SEATS)
    for _ in range(PAID):
        shop.sell_seat(live_session=live_session)
    fill(live_session, by_credit=BY_CREDIT, guests=GUESTS)
    OutgoingMail.objects.all().delete()
    return live_session


def sent(kind: str) -> int:
    return OutgoingMail.objects.filter(kind=kind, state="sent").count()


def settled() -> int:
    return SeatCoverage.objects.filter(settled_at__isnull=False).count()


def a_quarter_of_an_hour_passes() -> None:
    """For rows that a dead worker had claimed or been handed; then beat asks for what it asks for each minute."""
    OutgoingMail.objects.filter(state__in=OPEN).update(
        handed_until=F("handed_until") - A_WHILE, claimed_until=F("claimed_until") - A_WHILE
    )
    for task in (SETTLE_CANCELED_SEATS, SWEEP_REFUNDS):
        hand_to_worker(task)


def drain(change: ScheduleChange) -> None:
    """Until nothing of the change is left to the workers. Each second beat sweeps, and what was to be tried again later is tried
    now; where nothing moves, as while the mail server rests after a time-out, the clock goes on."""
    turns, standstill = count(1), StandStill()

    def is_done() -> bool:
        if next(turns) % 20:
            return False
        OutgoingMail.objects.filter(state="queued", attempts__gt=0).update(due_at=clock.now())
        sweep_outbox(clock.now())
        progress = change_progress(change)
        if standstill.lasts(progress):
            a_quarter_of_an_hour_passes()
        return progress.is_done

    a_quarter_of_an_hour_passes()
    wait_for(is_done, "the workers to do all of it", LONG)


@dataclass
class StandStill:
    """Whether one and the same progress has been seen for half a minute or so."""

    last: ChangeProgress | None = None
    seen: int = 0

    def lasts(self, progress: ChangeProgress) -> bool:
        self.seen = self.seen + 1 if progress == self.last else 0
        self.last = progress
        return self.seen > 0 and self.seen % 25 == 0


def by_message_id(mails: list[ReceivedMail]) -> dict[str, list[ReceivedMail]]:
    found: dict[str, list[ReceivedMail]] = {}
    for mail in mails:
        found.setdefault(str(mail.message["Message-ID"]), []).append(mail)
    return found


def assert_each_once_but_for_what_is_counted(kind: str, received: list[ReceivedMail]) -> int:
    """Each owed mail arrived; those that arrived twice have one Message-ID and are counted. Returns how many came twice."""
    owed = {mail.message_id: mail for mail in OutgoingMail.objects.filter(kind=kind)}
    arrived = {number: mails for number, mails in by_message_id(received).items() if number in owed}
    assert set(arrived) == set(owed)
    assert {tuple(mails[0].recipients) for mails in arrived.values()} == {(mail.recipient,) for mail in owed.values()}
    for number, mails in arrived.items():
        assert len({tuple(mail.recipients) for mail in mails}) == 1
        assert len(mails) - 1 <= owed[number].duplicate_risk
    return sum(len(mails) - 1 for mails in arrived.values())


def assert_every_calendar_shows(live_session: LiveSession, received: list[ReceivedMail]) -> None:
    starts: Counter[Any] = Counter()
    for mails in by_message_id(received).values():
        _, event = only_event(mails[0].part("text/calendar").encode())
        starts[event.decoded("dtstart"), event["SEQUENCE"]] += 1
    assert starts == {(live_session.starts_at.replace(microsecond=0), 1): SEATS}


def test_hundreds_of_seats_moved_and_canceled_while_workers_die(
    live_session: LiveSession, workers: Workers, smtp_server: MailServer
) -> None:
    smtp_server.answer_every(10, 451)
    moved = move(live_session)
    wait_for(lambda: sent("session_moved") >= SEATS // 5, "a fifth of the mails", LONG)
    workers.replace_after_a_kill()
    assert not change_progress(moved).is_done
    drain(moved)
    assert change_progress(moved).mails_sent == SEATS
    received_of_the_move = list(smtp_server.mails)
    twice = assert_each_once_but_for_what_is_counted("session_moved", received_of_the_move)
    assert_every_calendar_shows(live_session, received_of_the_move)

    cancel_live_session_and_settle(live_session_id=live_session.pk, actor=make_staff(), reason="Ill", now=clock.now())
    canceled = ScheduleChange.objects.get(kind="canceled")
    wait_for(lambda: settled() >= SEATS // 5, "a fifth of the seats to be settled", LONG)
    workers.replace_after_a_kill()
    drain(canceled)

    progress = change_progress(canceled)
    assert (progress.mails_sent, progress.seats_settled, progress.refunds_failed) == (SEATS, SEATS, 0)
    twice += assert_each_once_but_for_what_is_counted("seat_canceled", smtp_server.mails[len(received_of_the_move) :])
    assert twice <= (OutgoingMail.objects.aggregate(risk=Sum("duplicate_risk"))["risk"] or 0)
    made = Counter(SeatCoverage.objects.values_list("settlement", flat=True))
    assert made == {"refund": PAID, "credit": BY_CREDIT, "nothing": GUESTS}
    assert list(Refund.objects.values_list("state", flat=True)) == ["succeeded"] * PAID
    assert set(CreditGrant.objects.values_list("balance", flat=True)) == {1}
    assert Seat.objects.filter(state="canceled", calendar_sequence=2, door_version=1).count() == SEATS
    assert_books_balance()
