"""One comparison of all that Stripe has with all that we have: healed where an operation can, left to a case where none can.

Calls Stripe; not inside a transaction. Bounded in memory: Stripe's lists are walked page by page, however long they are.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection

from redreport.addresses import address_of
from subscriptions import stripe_gateway as gateway
from subscriptions.errors import GatewayBroken, GatewayError, GatewayNotFound, GatewayRefused, ObjectBusy
from subscriptions.models import Case, Reconciliation
from subscriptions.operations.cases import close_case_of_key, open_case, reopen_case
from subscriptions.reconciliation.differences import CASES, Difference
from subscriptions.reconciliation.our_side import OWN_WALKS
from subscriptions.reconciliation.stripe_side import STRIPE_WALKS
from subscriptions.reconciliation.walks import Span, Walk, pages

log = structlog.get_logger(__name__)

# Stripe's events reach back so far.
FURTHEST_BACK = timedelta(days=30)
# What happened while the last run was under way, or was written with another clock, is looked at again.
OVERLAP = timedelta(days=1)
MOST_LINES = 2000
AGREED = "Both agree again."
LOCK = 7_230_116  # Ours alone among PostgreSQL's advisory locks.

PROPOSAL = (
    "Compare both in Stripe's dashboard and in the admin, and put right which is wrong. This settles itself once they agree."
)

Say = Callable[[str], None]


class AlreadyReconciling(Exception):
    """Another run is under way."""


@dataclass
class Report:
    """What one run compared, and what became of each difference."""

    compared: int = 0
    found: int = 0
    fixed: int = 0
    cases: int = 0
    # Stands in an open case already.
    known: int = 0
    # Busy elsewhere, or Stripe refused to show it: the next run sees.
    left: int = 0
    lines: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left that differs."""
        return self.found == self.fixed and self.known == 0

    def __str__(self) -> str:
        known = f" Known from before and in open cases: {self.known}." if self.known else ""
        if self.found == 0:
            return f"reconcile: nothing {'new ' if known else ''}differs ({self.compared} objects compared).{known}"
        became = f"{self.fixed} fixed, {self.cases} left to cases, {self.left} left as they are"
        return f"reconcile: {self.found} differences in {self.compared} objects compared: {became}.{known}"


def reconcile(
    *, since: datetime | None, until: datetime | None = None, dry_run: bool, now: datetime, say: Say = lambda line: None
) -> Report:
    """Compare, heal, compare what was healed again, and open a case for what is still different.

    `since` is how far back Stripe's lists are walked; None for a day before the last finished run began, a month at most. What
    was made after `until` is left out: its webhooks may still be on their way. A dry run only compares: it writes nothing, and
    asks Stripe nothing but what it has. Refuses with AlreadyReconciling, and with GatewayUnavailable when Stripe gives no answer;
    what was healed until then stays healed, and the run stays unfinished.
    """
    span = Span(since or _day_before_the_last_run(now), until)
    if dry_run:
        return _walk_all(span, Look(say), now)
    with _only_one_run():
        row = Reconciliation.objects.create(started_at=now, since=span.since)
        healer = Heal(say)
        try:
            _look_at_open_cases_again(now)
            _walk_all(span, healer, now)
            row.endpoint = _state_of_endpoint()
            row.finished_at = now
        finally:
            _write_down(row, healer.report)
        return healer.report


def _state_of_endpoint() -> str:
    """Whether events reach us; not known where Stripe does not say."""
    try:
        return gateway.state_of_endpoint(address_of("subscriptions:webhook"))
    except GatewayError:
        return Reconciliation.Endpoint.UNKNOWN


class Look:
    """Says what differs, and leaves it."""

    def __init__(self, say: Say) -> None:
        self.report, self._say = Report(), say

    def take(self, walk: Walk[Any], item: Any, found: list[Difference], now: datetime) -> None:
        """These differences of one thing."""
        for difference in found:
            state = _states_of_cases([difference]).get(difference.case_key)
            if state is None:
                self.report.found += 1
                self.report.left += 1
                self.tell(f"{difference}.")
            elif state == Case.State.OPENED:
                self.report.known += 1

    def tell(self, line: str) -> None:
        """A line of the report."""
        self._say(line)
        if len(self.report.lines) < MOST_LINES:
            self.report.lines.append(line)


class Heal(Look):
    """Has each thing that differs healed by its operation, and compares it again."""

    def take(self, walk: Walk[Any], item: Any, found: list[Difference], now: datetime) -> None:
        states = _states_of_cases(found)
        # A difference that staff have settled is theirs to keep.
        open_to_us = [each for each in found if states.get(each.case_key) != Case.State.SETTLED]
        new = [each for each in open_to_us if each.case_key not in states]
        if not new and not (open_to_us and walk.heals_known):
            self.report.known += len(open_to_us)
            return
        self.report.found += len(new)
        still = self._heal(walk, item, now)
        for each in open_to_us:
            self._conclude(each, each in new, still, now)
        # Healed in part, it may differ in another way now.
        others = [each for each in still or () if each not in found]
        states = _states_of_cases(others)
        for each in others:
            if states.get(each.case_key) != Case.State.SETTLED:
                self.report.found += each.case_key not in states
                self._conclude(each, each.case_key not in states, still, now)

    def _heal(self, walk: Walk[Any], item: Any, now: datetime) -> list[Difference] | None:
        """What differs afterwards; None if it could not be looked at just now."""
        object_id = walk.id_of(item)
        try:
            self._act(walk, item, now)
            return _differences_of(walk, object_id, now)
        except (ObjectBusy, GatewayRefused, GatewayBroken) as reason:
            log.warning("reconcile_left", kind=walk.kind, object=object_id, reason=type(reason).__name__)
            return None

    def _act(self, walk: Walk[Any], item: Any, now: datetime) -> None:
        try:
            walk.heal(item, now)
        except (ObjectBusy, GatewayError, SoftTimeLimitExceeded):
            raise  # No fault of ours.
        except Exception:
            # A fault with one object must not keep the others from their turn; the difference stays, and is told.
            log.exception("reconcile_failed", kind=walk.kind, object=walk.id_of(item))

    def _conclude(self, difference: Difference, is_new: bool, still: list[Difference] | None, now: datetime) -> None:
        if still is not None and difference not in still:
            close_case_of_key(key=difference.case_key, resolution=AGREED, now=now)
            self.report.fixed += is_new
            self.tell(f"{difference}: fixed.")
        elif not is_new:
            self.report.known += 1
        elif still is None:
            self.report.left += 1
            self.tell(f"{difference}: left for the next run.")
        else:
            open_case(key=difference.case_key, kind=Case.Kind.DIFFERENCE, summary=str(difference), proposal=PROPOSAL, now=now)
            reopen_case(key=difference.case_key)
            self.report.cases += 1
            self.tell(f"{difference}: a case.")


def _walk_all(span: Span, taker: Look, now: datetime) -> Report:
    for walk in _walks():
        for page in pages(walk.items(span, now)):
            taker.report.compared += len(page) if walk.is_of_stripe else 0
            by_object: dict[str, list[Difference]] = {}
            for difference in walk.compare(page, now):
                by_object.setdefault(difference.object_id, []).append(difference)
            for item in page:
                if found := by_object.get(walk.id_of(item)):
                    taker.take(walk, item, found, now)
    return taker.report


def _states_of_cases(differences: list[Difference]) -> dict[str, str]:
    """The state of each case that stands for one of these differences, or that staff have settled, by its key."""
    cases = Case.objects.filter(key__in=[each.case_key for each in differences])
    # One that settled itself tells nothing of a difference that is there again.
    return dict(cases.exclude(state=Case.State.SETTLED, settled_by__isnull=True, resolution=AGREED).values_list("key", "state"))


def _walks() -> Iterator[Walk[Any]]:
    return (walk() for walk in (*STRIPE_WALKS, *OWN_WALKS))


def _differences_of(walk: Walk[Any], object_id: str, now: datetime) -> list[Difference]:
    item = walk.fetch(object_id)
    return [] if item is None else walk.compare([item], now)


def _look_at_open_cases_again(now: datetime) -> None:
    """Cases of differences that went away since, by somebody's hand or a later event."""
    walks: dict[str, list[Walk[Any]]] = {}
    for walk in _walks():
        walks.setdefault(walk.kind, []).append(walk)
    opened = Case.objects.filter(key__startswith=CASES, state=Case.State.OPENED).order_by("id")
    for key in opened.values_list("key", flat=True).iterator():
        _, kind, object_id, *_ = key.split(":")
        try:
            still = [each for walk in walks.get(kind, []) for each in _differences_of(walk, object_id, now)]
        except GatewayNotFound:
            still = []
        except (GatewayRefused, GatewayBroken) as reason:
            log.warning("reconcile_left", kind=kind, object=object_id, reason=type(reason).__name__)
            continue
        if key not in {each.case_key for each in still}:
            close_case_of_key(key=key, resolution=AGREED, now=now)


def _day_before_the_last_run(now: datetime) -> datetime:
    last = Reconciliation.objects.filter(finished_at__isnull=False).order_by("-started_at").first()
    return max(last.started_at - OVERLAP, now - FURTHEST_BACK) if last else now - FURTHEST_BACK


def _write_down(row: Reconciliation, report: Report) -> None:
    row.found, row.fixed, row.cases, row.lines = report.found, report.fixed, report.cases, report.lines
    row.save()


@contextmanager
def _only_one_run() -> Iterator[None]:
    """Held by this connection, and gone with it: a run that dies leaves nothing behind that keeps the next one out."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        [is_ours] = cursor.fetchone()
    if not is_ours:
        raise AlreadyReconciling
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
