"""The scheduler of interleavings itself: what it runs, what it leaves out, and that nothing is lost by leaving it out."""

from collections.abc import Callable, Sequence
from functools import partial
from math import comb

import pytest
from django.db import transaction

from sessions_live.models import Host, LiveSession
from sessions_live.operations.locks import lock_live_session
from tests.factories import make_live_session
from tests.interleaving import Run, every_run
from tests.rivals import one_goes_between
from tests.stage import Action, Deadlock, Stage

pytestmark = pytest.mark.django_db(transaction=True)

Look = Callable[[int], LiveSession]


def look(live_session_id: int) -> LiveSession:
    return LiveSession.objects.get(pk=live_session_id)


def add_a_seat(live_session_id: int, look: Look) -> None:
    """Read a number and write it back one higher: the oldest of all races. Four steps: look, look elsewhere, write, commit."""
    with transaction.atomic():
        live_session = look(live_session_id)
        Host.objects.count()
        LiveSession.objects.filter(pk=live_session_id).update(capacity=live_session.capacity + 1)


def two_add_a_seat(live_session: LiveSession, look: Look) -> Sequence[Action]:
    LiveSession.objects.filter(pk=live_session.pk).update(capacity=1)
    return [partial(add_a_seat, live_session.pk, look)] * 2


def orders_of(runs: Sequence[Run]) -> set[tuple[int, ...]]:
    return {tuple(event.player for event in run.events) for run in runs}


def run_all(look: Look, *, prune: bool) -> tuple[list[Run], list[int]]:
    """Every run, and the capacity in the end of each."""
    live_session, ends, runs = make_live_session(), [], []
    with Stage.open() as stage:
        for run in every_run(stage, partial(two_add_a_seat, live_session, look), prune=prune):
            runs.append(run)
            ends.append(LiveSession.objects.get(pk=live_session.pk).capacity)
    return runs, ends


def test_every_order_is_run_and_who_waits_for_a_lock_is_passed_over() -> None:
    runs, ends = run_all(look, prune=False)
    # Once one has written, the other waits in its own write: in the 20 orders that have both there, it cannot commit first.
    assert len(runs) == len(orders_of(runs)) == comb(8, 4) - comb(6, 3) == 50
    # Nothing is lost only where one has committed before the other looks.
    assert (ends.count(3), ends.count(2)) == (2, 48)


def test_pruned_runs_stand_for_all_orders_and_find_the_same_harm() -> None:
    runs, ends = run_all(look, prune=True)
    assert sum(run.stands_for for run in runs) == 50
    assert sum(run.stands_for for run, end in zip(runs, ends, strict=True) if end == 2) == 48
    assert len(runs) == 6


def test_with_the_lock_every_order_adds_both() -> None:
    runs, ends = run_all(lock_live_session, prune=True)
    assert set(ends) == {3}
    # Either comes first; the other begins to wait before its write or after it, or comes after the commit.
    assert len(runs) == 6
    all_runs, _ = run_all(lock_live_session, prune=False)
    assert sum(run.stands_for for run in runs) == len(all_runs)


def test_rival_at_every_point_finds_the_lost_seat_too() -> None:
    live_session = make_live_session()
    with Stage.open() as stage:
        ends = []
        for _ in one_goes_between(stage, partial(two_add_a_seat, live_session, look)):
            ends.append(LiveSession.objects.get(pk=live_session.pk).capacity)
    # Before its first step, after each of its four steps; and the same with the other as the rival.
    assert ends == [3, 2, 2, 2, 3] * 2


def test_deadlock_is_told_with_the_order_that_led_to_it() -> None:
    one, other = make_live_session().pk, make_live_session().pk

    def lock_both(first: int, second: int) -> None:
        with transaction.atomic():
            lock_live_session(first)
            lock_live_session(second)

    prepare: Callable[[], Sequence[Action]] = lambda: [partial(lock_both, one, other), partial(lock_both, other, one)]  # noqa: E731
    with Stage.open() as stage, pytest.raises(Deadlock) as fault:
        list(every_run(stage, prepare))
    assert fault.value.__notes__[0].split("\n")[:2] == [
        "first: SELECT and lock sessions_live_livesession",
        "second: SELECT and lock sessions_live_livesession",
    ]
