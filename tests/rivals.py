"""A rival at every point of an operation: for pairs with too many orders to run them all."""

from collections.abc import Callable, Iterator, Sequence

from tests.interleaving import MOST_STEPS, Run
from tests.stage import FIRST, SECOND, Action, Deadlock, Race, Stage


def one_goes_between(stage: Stage, prepare: Callable[[], Sequence[Action]]) -> Iterator[Run]:
    """A rival at every point: one takes so many steps, then the other all that it can, then both the rest. Either is the rival.

    These are all orders in which nobody is interrupted twice.
    """
    for rival in (SECOND, FIRST):
        for steps in range(MOST_STEPS):
            race = Race(stage, prepare())
            try:
                taken = _take(race, 1 - rival, steps)
                _take(race, rival)
                while ready := race.ready():
                    race.go(next(iter(ready)))
            except Deadlock as fault:
                fault.add_note("\n".join(str(event) for event in race.events))
                raise
            finally:
                outcomes = race.finish()
            if taken < steps:
                break
            yield Run(race.events, outcomes, 1)


def _take(race: Race, number: int, most: int = MOST_STEPS) -> int:
    """So many steps of this one, as long as it neither ends nor waits; how many it were."""
    for taken in range(most):
        if number not in race.ready():
            return taken
        race.go(number)
    return most
