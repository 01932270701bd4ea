"""An erasure that is killed, asked twice, or met by somebody who buys at that very moment."""

import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import time_machine
from django.db import connection, connections

from redreport import clock
from redreport.accounts.models import Erasure, User
from redreport.accounts.privacy.erasing import ErasureChanged, ask_erasure, plan_erasure
from redreport.audit.models import AuditEntry
from sessions_live.models import Seat
from subscriptions.errors import EmailNotProven
from subscriptions.models import CreditGrant, Order, Plan, Subscriber
from subscriptions.operations.booking import book_with_credit, start_year_order
from subscriptions.operations.subscribers import ensure_customer, subscriber_of
from subscriptions.selectors import current_price
from tests.aftermath import AtStripe, a_day_passes
from tests.erasing import NAME, SOON, deliver_all, erase, tables_that_hold
from tests.factories import make_credits, make_guest_seat, make_live_session, make_staff, make_user
from tests.fixtures_shop import Shop
from tests.invariants import assert_invariants
from tests.killing import killed_scenes
from tests.stack import wait_for
from tests.timeline import run_beat


def test_killed_at_any_step_it_ends_the_same(shop: Shop, request: pytest.FixtureRequest) -> None:
    staff = make_staff()

    def prepare() -> User:
        user = make_user(NAME, email=f"zenobia-{uuid.uuid4().hex[:8]}@quill.example")
        make_credits(user, 2)
        with time_machine.travel(clock.now() - timedelta(days=9), tick=False):
            make_guest_seat(make_live_session(starts_in=SOON), user, staff=staff)
        ensure_customer(Subscriber.objects.get(user=user))
        return user

    def operate(user: User) -> None:
        with suppress(ErasureChanged):
            erase(User.objects.get(pk=user.pk))

    def check(user: User, at_stripe: AtStripe) -> None:
        erasure = Erasure.objects.get(user=user)
        assert (erasure.erased_at is not None, erasure.sealed) == (True, None)
        assert CreditGrant.objects.filter(subscriber__user=user, balance__gt=0).count() == 0
        assert AuditEntry.objects.filter(verb="erased", target_id=str(user.pk)).count() == 1
        subscriber = Subscriber.objects.get(user=user)
        [customer] = at_stripe.having("customer", id=subscriber.stripe_customer_id)
        assert customer["email"] == f"erased-{user.pk}@erased.invalid"

    def recover(shop: Shop) -> AtStripe:
        # Not before: what is killed is a fork, and no thread may run beside it.
        request.getfixturevalue("smtp_server")
        a_day_passes(shop)
        with time_machine.travel(clock.now() + timedelta(days=2), tick=False):
            deliver_all()
            run_beat()
        return AtStripe(shop)

    # The second click comes after each crash.
    scenes = list(killed_scenes(prepare, operate, again=operate))
    assert len(scenes) >= 12
    at_stripe = recover(shop)
    for scene in scenes:
        check(scene, at_stripe)
    assert tables_that_hold("zenobia", NAME) == []
    assert_invariants()


@pytest.mark.django_db
def test_asked_twice_it_is_one_erasure() -> None:
    user = make_user(NAME)
    shown = plan_erasure(user=user, now=clock.now()).digest
    ask = partial(ask_erasure, user_id=user.pk, actor=user, consequences=shown, now=clock.now())
    assert ask().pk == ask().pk
    assert AuditEntry.objects.filter(verb="erasure_asked").count() == 1


def order_a_seat(shop: Shop, user: User) -> Callable[[], object]:
    subscriber_of(user)
    return partial(shop.hold_seat, user, make_live_session())


def order_a_year(shop: Shop, user: User) -> Callable[[], object]:
    subscriber_of(user)
    return partial(start_year_order, user=user, price_id=current_price(Plan.ANNUAL).pk, now=clock.now())


def book_a_seat(shop: Shop, user: User) -> Callable[[], object]:
    make_credits(user)
    return partial(book_with_credit, user=user, live_session_id=make_live_session().pk, now=clock.now())


# The last that each of them writes before the account is held, and the first thing that each of them locks.
WRITES_OF_BUYING = ('INSERT INTO "subscriptions_seatcoverage"', 'INSERT INTO "subscriptions_order"')


FIRST_LOCK = ("SELECT",)


@pytest.mark.parametrize("buying", [order_a_seat, order_a_year, book_a_seat], ids=lambda buying: buying.__name__)
@pytest.mark.parametrize("moment", ["COMMIT", "SELECT"], ids=["as it commits", "as it begins"])
def test_who_buys_at_that_moment_is_refused_or_keeps_the_account(
    shop: Shop, buying: Callable[[Shop, User], Callable[[], object]], moment: str
) -> None:
    user = make_user(NAME)
    act = buying(shop, User.objects.get(pk=user.pk))
    shown = plan_erasure(user=user, now=clock.now()).digest
    rival = Rival(partial(ask_erasure, user_id=user.pk, actor=user, consequences=shown, now=clock.now()))
    bought: object
    with connection.execute_wrapper(rival.comes_before(WRITES_OF_BUYING if moment == "COMMIT" else FIRST_LOCK)):
        try:
            bought = act()
        except EmailNotProven as refusal:
            bought = refusal
    erased = rival.outcome()
    user.refresh_from_db()
    is_closed = isinstance(erased, Erasure)
    assert is_closed is not user.is_active
    assert is_closed is isinstance(bought, EmailNotProven)
    assert (Order.objects.exists() or Seat.objects.exists()) is not is_closed


class Rival:
    """Somebody who comes once, on a connection of their own, in the middle of what another one does; and who may have to wait."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act
        self._thread = threading.Thread(target=self._run)
        self._outcome: object = None
        self._pid = 0

    def comes_before(self, beginnings: tuple[str, ...]) -> Callable[..., Any]:
        def execute(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
            is_lock = beginnings is not FIRST_LOCK or "FOR " in sql
            if sql.startswith(beginnings) and is_lock and not self._thread.ident:
                self._thread.start()
                wait_for(self._is_done_or_waits, "the rival to be done, or to wait")
            return execute(sql, params, many, context)

        return execute

    def outcome(self) -> object:
        assert self._thread.ident, "the moment never came"
        self._thread.join(60)
        return self._outcome

    def _run(self) -> None:
        try:
            connection.ensure_connection()
            self._pid = connection.connection.info.backend_pid
            self._outcome = self._act()
        except Exception as refusal:
            self._outcome = refusal
        finally:
            connections.close_all()

    def _is_done_or_waits(self) -> bool:
        if not self._thread.is_alive():
            return True
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = %s", [self._pid])
            return bool(cursor.fetchone()[0])
