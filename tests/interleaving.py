"""Two operations in every order of their steps that makes a difference.

Of two orders that differ only in neighbouring steps which commute (`tests.steps`) one is run: it stands for both, and is counted
for how many it stands.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tests.stage import FIRST, SECOND, Action, Deadlock, Event, Race, Stage
from tests.steps import Step

MOST_STEPS = 1000


@dataclass
class Choice:
    """A point at which somebody goes on. Whoever sleeps need not: what they would do first is covered by another run."""

    ready: dict[int, Step]
    asleep: dict[int, Step]
    tried: list[int]
    # Who must go on here in some other run, since what the one did here met what the other did later.
    wanted: set[int]

    @property
    def taken(self) -> int:
        return self.tried[-1]

    def awake(self) -> list[int]:
        return [number for number in self.ready if number not in self.asleep and number not in self.tried]

    def left(self) -> list[int]:
        return [number for number in self.awake() if number in self.wanted]

    def asleep_afterwards(self) -> dict[int, Step]:
        """Who was tried here before, or slept already, sleeps on until a step is taken that does not commute with theirs."""
        step = self.ready[self.taken]
        sleepers = {**self.asleep, **{number: self.ready[number] for number in self.tried[:-1]}}
        return {number: theirs for number, theirs in sleepers.items() if theirs.commutes_with(step)}


@dataclass(frozen=True)
class Run:
    """One order of all steps, and how it ended."""

    events: list[Event]
    outcomes: list[object]
    stands_for: int

    def __str__(self) -> str:
        return "\n".join(str(event) for event in self.events)


def every_run(stage: Stage, prepare: Callable[[], Sequence[Action]], *, prune: bool = True) -> Iterator[Run]:
    """Every order of the two actions' steps that makes a difference, each from a scene prepared anew.

    With `prune` off every order at all. A deadlock is raised with the order that led to it.
    """
    path: list[Choice] = []
    while True:
        race = Race(stage, prepare())
        try:
            is_new = _go_along(race, path, prune)
            _want_what_met(race, path, prune)
        except Deadlock as fault:
            fault.add_note("\n".join(str(event) for event in race.events))
            raise
        finally:
            outcomes = race.finish()
        if is_new:
            yield Run(race.events, outcomes, orders_like(race.events) if prune else 1)
        while path and not path[-1].left():
            path.pop()
        if not path:
            return
        path[-1].tried.append(path[-1].left()[0])


def _go_along(race: Race, path: list[Choice], prune: bool) -> bool:
    """Take the known path again, then any way from its end. False where a run before this one has covered it."""
    asleep: dict[int, Step] = {}
    for depth in range(MOST_STEPS):
        ready = race.ready()
        if not ready:
            return True
        if depth == len(path):
            path.append(Choice(ready, asleep, [], set()))
            if not path[-1].awake():
                path.pop()
                return False
            path[-1].tried.append(path[-1].awake()[0])
        choice = path[depth]
        assert ready == choice.ready, "the same steps led elsewhere"
        race.go(choice.taken)
        asleep = choice.asleep_afterwards() if prune else {}
    raise AssertionError("the two never end")


def _want_what_met(race: Race, path: list[Choice], prune: bool) -> None:
    """Where a step met one that the other took later, or is about to take, the other is to go first in another run."""
    later: list[list[Step]] = [[], []]
    for number, step in race.ready().items():
        later[number].append(step)
    for event, choice in reversed(list(zip(race.events, path, strict=True))):
        other = 1 - event.player
        if not prune or any(not step.commutes_with(event.step) for step in later[other]):
            choice.wanted.add(other)
        later[event.player].append(event.step)


def orders_like(events: list[Event]) -> int:
    """How many orders there are in which every two steps that do not commute come as they came here."""
    steps = [[event.step for event in events if event.player == player] for player in (FIRST, SECOND)]
    # For each step of the one, how many of the other's must have come before it.
    needs: list[list[int]] = [[], []]
    freed = [0, 0]
    for event in events:
        other = 1 - event.player
        before = [
            number + 1 for number, theirs in enumerate(steps[other][: len(needs[other])]) if not theirs.commutes_with(event.step)
        ]
        needs[event.player].append(max([freed[event.player], *before]))
        if event.frees_the_other:
            freed[other] = len(needs[event.player])
    ways = {(0, 0): 1}
    for one in range(len(steps[FIRST]) + 1):
        for other in range(len(steps[SECOND]) + 1):
            if one and needs[FIRST][one - 1] <= other:
                ways[one, other] = ways.get((one, other), 0) + ways.get((one - 1, other), 0)
            if other and needs[SECOND][other - 1] <= one:
                ways[one, other] = ways.get((one, other), 0) + ways.get((one, other - 1), 0)
    return ways.get((len(steps[FIRST]), len(steps[SECOND])), 0)
