"""Years in a test: our clock and Stripe's move together, and on the way everything that runs by the clock does run."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine

from redreport import clock
from redreport.celery import app as celery
from tests.fixtures_shop import Shop

# Sweeps that reach for a mail server or a broker of their own are not part of the story.
NOT_SWEPT = {"redreport.outbox.sweep_outbox", "subscriptions.reconcile"}


class Timeline:
    """One clock for both sides. Events that Stripe has sent and nobody has heard yet wait in `unheard`."""

    def __init__(self, shop: Shop, moves_to: Callable[[datetime], None]) -> None:
        self.shop = shop
        self._moves_to = moves_to
        self._last_heard = ""

    def go_to(self, moment: datetime) -> None:
        """It is that moment now, at Stripe too, where everything that fell due on the way has happened."""
        self.shop.stripe.set_clock(int(moment.timestamp()))
        self._moves_to(moment)

    def let_pass(self, span: timedelta) -> None:
        self.go_to(clock.now() + span)

    def unheard(self) -> list[dict[str, Any]]:
        """Stripe's events since the last call, oldest first."""
        events = self.shop.stripe.objects("event", after=self._last_heard)
        self._last_heard = events[-1]["id"] if events else self._last_heard
        return events

    def sweep(self) -> None:
        """Everything that beat starts each minute, once."""
        run_beat()

    def live_until(self, moment: datetime, *, step: timedelta = timedelta(days=1)) -> None:
        """Let time pass in steps; at each the webhooks arrive and the sweeps come by."""
        while clock.now() < moment:
            self.go_to(min(moment, clock.now() + step))
            for event in self.unheard():
                self.shop.hear(event)
            self.sweep()


def run_beat() -> None:
    """Everything that beat starts each minute, once, at the moment that our clock shows."""
    celery.loader.import_default_modules()
    for entry in celery.conf.beat_schedule.values():
        if entry["task"] not in NOT_SWEPT:
            celery.tasks[entry["task"]]()


@pytest.fixture
def timeline(shop: Shop) -> Iterator[Timeline]:
    """Both clocks, standing at the present."""
    with time_machine.travel(clock.now(), tick=True) as traveller:
        yield Timeline(shop, traveller.move_to)
    shop.stripe.reset()
