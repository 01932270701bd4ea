"""Two hundred readers want the same twenty seats, at a running stack over real HTTP; and payments that come too late."""

import time
from collections.abc import Callable, Iterator
from threading import Barrier
from typing import Any, LiteralString

import psycopg
import pytest
from celery import current_app
from kombu import Connection

from redreport.local.embedded import Broker, PostgreSQL, socket_folder
from redreport.policy import SINGLE_SEAT_MINOR
from tests.crowd import gather
from tests.stack import Stack, wait_for
from tests.stripe_simulator.control import SimulatorControl
from tests.web_reader import Answer, WebReader, timing, together

pytestmark = pytest.mark.stack

BUYERS, SEATS = 200, 20
Database = psycopg.Connection[tuple[Any, ...]]
# What the page says to which Stripe sends the reader back; the second while a worker is just confirming.
CONFIRMATIONS = ("Your seat is confirmed", "Confirming your payment")
SWEEPS = (
    "subscriptions.sweep_events",
    "subscriptions.sweep_orders",
    "subscriptions.sweep_refunds",
    "redreport.outbox.sweep_outbox",
)


class Books:
    """What a stack's database and its Stripe say about one session's orders."""

    def __init__(self, stack: Stack, database: Database, slug: str) -> None:
        self.stack = stack
        self.slug = slug
        self.stripe = SimulatorControl(stack.simulator_url)
        self._database = database
        self._broker = Connection(Broker(stack.run_dir / "broker", socket_folder(stack.run_dir)).url)

    def rows(self, sql: LiteralString) -> list[tuple[Any, ...]]:
        """The rows of a statement that speaks of `%(slug)s`."""
        cursor = self._database.execute(sql, {"slug": self.slug})
        return cursor.fetchall() if cursor.description else []

    def seats(self, *states: str) -> list[int]:
        """The numbers of the seats in these states."""
        found = self.rows(
            "SELECT seat.state, seat.number FROM sessions_live_seat seat JOIN sessions_live_livesession live"
            " ON live.id = seat.live_session_id WHERE live.slug = %(slug)s"
        )
        return sorted(number for state, number in found if state in states)

    def orders(self) -> list[dict[str, Any]]:
        """Each order's state, whether it is fulfilled, its confirmed seats, its payments and refunds in cents."""
        names = ("number", "state", "fulfilled", "seats", "paid", "refunded", "refunds_open")
        found = self.rows(
            """
            SELECT o.number, o.state, o.fulfilled_at IS NOT NULL,
                (SELECT count(*) FROM subscriptions_seatcoverage c JOIN sessions_live_seat s ON s.id = c.seat_id
                  WHERE c.order_id = o.id AND s.state = 'confirmed'),
                (SELECT coalesce(sum(p.amount_minor), 0) FROM subscriptions_payment p WHERE p.order_id = o.id),
                (SELECT coalesce(sum(r.amount_minor), 0) FROM subscriptions_refund r JOIN subscriptions_payment p
                  ON p.id = r.payment_id WHERE p.order_id = o.id AND r.state = 'succeeded'),
                (SELECT count(*) FROM subscriptions_refund r JOIN subscriptions_payment p ON p.id = r.payment_id
                  WHERE p.order_id = o.id AND r.state <> 'succeeded')
            FROM subscriptions_order o JOIN sessions_live_livesession live ON live.id = o.live_session_id
            WHERE live.slug = %(slug)s
            """
        )
        return [dict(zip(names, row, strict=True)) for row in found]

    def sent_mails(self, kind: LiteralString) -> list[str]:
        """Whom of this session's crowd a mail of this kind has reached."""
        crowd = self.slug.removeprefix("everybody-wants-")
        found = self.rows("SELECT kind, state, recipient FROM outbox_outgoingmail")
        return [to for said, state, to in found if (said, state) == (kind, "sent") and to.startswith(f"crowd-{crowd}-")]

    def stripe_payments(self) -> dict[str, int]:
        """What Stripe took for each order, in cents."""
        return {
            intent["metadata"]["order"]: intent["amount_received"]
            for intent in self.stripe.objects("payment_intent")
            if intent["status"] == "succeeded" and intent["metadata"].get("order") in self._numbers()
        }

    def stripe_refunds(self) -> int:
        """What Stripe gave back for this session's orders, in cents."""
        ours = {i["id"] for i in self.stripe.objects("payment_intent") if i["metadata"].get("order") in self._numbers()}
        found = self.stripe.objects("refund")
        return sum(r["amount"] for r in found if r["payment_intent"] in ours and r["status"] == "succeeded")

    def sweep_until(self, condition: Callable[[], object], what: str) -> None:
        """Let the stack's worker sweep, as beat does every minute, until the condition holds."""
        next_sweep = 0.0

        def is_so() -> bool:
            nonlocal next_sweep
            if time.monotonic() >= next_sweep:
                # What a busy moment put off is due now.
                self.rows("UPDATE subscriptions_stripeevent SET due_at = now() WHERE due_at IS NOT NULL AND error <> ''")
                with self._broker as broker:
                    for sweep in SWEEPS:
                        current_app.send_task(sweep, connection=broker)
                next_sweep = time.monotonic() + 3
            return bool(condition())

        wait_for(is_so, what, 90)

    def assert_every_payment_has_its_seat_or_its_refund(self) -> None:
        """Order by order with us, and in sum at Stripe."""
        orders = self.orders()
        for order in orders:
            assert order["paid"] == order["seats"] * SINGLE_SEAT_MINOR + order["refunded"], order
            assert order["fulfilled"] == (order["seats"] == 1), order
        taken = self.stripe_payments()
        assert taken == {order["number"]: order["paid"] for order in orders if order["paid"]}
        assert sum(taken.values()) == len(self.seats("confirmed")) * SINGLE_SEAT_MINOR + self.stripe_refunds()

    def _numbers(self) -> set[str]:
        return {order["number"] for order in self.orders()}


@pytest.fixture
def database(running_stack: Stack) -> Iterator[Database]:
    url = PostgreSQL(running_stack.run_dir / "postgres", socket_folder(running_stack.run_dir)).url("redreport")
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def test_two_hundred_buyers_for_twenty_seats_buy_exactly_twenty(
    running_stack: Stack, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    slug, readers = gather(running_stack, readers=BUYERS, capacity=SEATS)
    books, everybody_has_the_form = Books(running_stack, database, slug), Barrier(BUYERS)

    def buy(reader: WebReader) -> Answer:
        form = reader.fill_in_reservation(slug)
        everybody_has_the_form.wait(120)
        answer = reader.submit("reserve", form)
        return reader.pay(answer.location) if answer.status == 303 else answer

    started = time.monotonic()
    answers = together(readers, buy)
    seconds = time.monotonic() - started
    books.sweep_until(lambda: len(books.sent_mails("seat_confirmed")) >= SEATS, "the confirmations")

    assert sum(any(words in answer.text for words in CONFIRMATIONS) for answer in answers) == SEATS
    refused = [answer for answer in answers if answer.status != 200]
    assert {answer.status for answer in refused} == {409}
    assert all("This session is sold out" in answer.text and "Nothing was charged." in answer.text for answer in refused)
    assert books.seats("confirmed") == list(range(1, SEATS + 1))
    assert books.seats("held", "expired", "canceled") == []
    assert [(order["state"], order["fulfilled"]) for order in books.orders()] == [("paid", True)] * SEATS
    assert len(books.stripe_payments()) == SEATS
    assert books.stripe_refunds() == 0
    books.assert_every_payment_has_its_seat_or_its_refund()
    confirmed = books.sent_mails("seat_confirmed")
    assert len(confirmed) == len(set(confirmed)) == SEATS
    caught = [mail.read_text(errors="replace") for mail in running_stack.mails()]
    assert all(sum(f"To: {address}" in mail for mail in caught) == 1 for address in confirmed)

    requests = sum(len(given) for reader in readers for given in reader.answers.values())
    with capsys.disabled():
        print(
            f"\n{BUYERS} buyers, {SEATS} seats: {requests} requests in {seconds:.1f} s;"
            f" the rush on the seats {timing(readers, 'reserve')}"
        )


@pytest.fixture
def expired_checkouts_are_paid(running_stack: Stack) -> Iterator[None]:
    """As Stripe takes a payment that crosses our word that its Checkout is to expire."""
    stripe = SimulatorControl(running_stack.simulator_url)
    stripe.take_payment_despite_expire()
    yield
    stripe.take_payment_despite_expire(on=False)


@pytest.mark.usefixtures("expired_checkouts_are_paid")
def test_payments_taken_after_the_seats_were_resold_are_seated_or_refunded(
    running_stack: Stack, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    seats = 10
    slug, readers = gather(running_stack, readers=2 * seats, capacity=seats)
    first, rivals = readers[:seats], readers[seats:]
    books = Books(running_stack, database, slug)

    # Everybody of the first holds a seat; half give it back, and the time of the others runs out.
    to_pay = dict(zip(map(id, first), together(first, lambda reader: reader.reserve(slug)), strict=True))
    assert [answer.status for answer in to_pay.values()] == [303] * seats
    together(first[::2], lambda reader: reader.give_back(order_page(reader, slug)))
    books.rows(
        "UPDATE subscriptions_order o SET expires_at = now(), next_check_at = now() FROM sessions_live_livesession live"
        " WHERE live.id = o.live_session_id AND live.slug = %(slug)s AND o.state = 'pending'"
    )
    books.sweep_until(lambda: len(books.seats("expired")) == seats, "the first holds to lapse")

    # All seats are held for others, of whom three give theirs back while the rest pay, and the first pay nevertheless.
    for reader, answer in zip(rivals, together(rivals, lambda reader: reader.reserve(slug)), strict=True):
        assert answer.status == 303
        to_pay[id(reader)] = answer
    hesitant = [id(reader) for reader in rivals[:3]]
    pages = {id(reader): order_page(reader, slug) for reader in rivals[:3]}

    def finish(reader: WebReader) -> Answer:
        return reader.give_back(pages[id(reader)]) if id(reader) in hesitant else reader.pay(to_pay[id(reader)].location)

    started = time.monotonic()
    together(readers, finish)
    books.sweep_until(lambda: is_settled(books, paid=2 * seats - 3), "every payment to be settled")
    seconds = time.monotonic() - started

    books.assert_every_payment_has_its_seat_or_its_refund()
    confirmed, refunded = books.seats("confirmed"), books.stripe_refunds() // SINGLE_SEAT_MINOR
    assert len(confirmed) == len(set(confirmed)) <= seats
    assert len(confirmed) + refunded == 2 * seats - 3
    assert refunded >= seats - 3
    books.sweep_until(lambda: len(books.sent_mails("payment_refunded")) == refunded, "the mails about refunds")
    books.sweep_until(lambda: len(books.sent_mails("seat_confirmed")) == len(confirmed), "the confirmations")
    with capsys.disabled():
        print(
            f"\n{2 * seats - 3} payments for {seats} seats, {seats} of them after Stripe was asked to expire the Checkout:"
            f" {len(confirmed)} seats, {refunded} refunds, settled in {seconds:.1f} s"
        )


def order_page(reader: WebReader, slug: str) -> str:
    """The address of the reader's pending order, as the session's page links it."""
    page = reader.get("session page", f"{reader.site}/sessions/{slug}/")
    [path] = {part.split('"')[0] for part in page.text.split('href="') if part.startswith("/orders/")}
    return reader.site + path


def is_settled(books: Books, *, paid: int) -> bool:
    """Every payment is known, every order is at its end, and no refund is on its way."""
    orders = books.orders()
    return (
        sum(order["paid"] > 0 for order in orders) == paid == len(books.stripe_payments())
        and all(order["fulfilled"] or order["state"] in ("refunded", "expired") for order in orders)
        and not any(order["refunds_open"] for order in orders)
    )
