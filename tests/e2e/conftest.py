"""One running stack for all journeys, and for each of them a reader with a browser of their own, with and without JavaScript."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING

import pytest

from redreport.local.configuration import Configuration
from redreport.local.demo_accounts import STAFF_EMAIL
from tests.e2e import desk_stage, stage
from tests.e2e.backstage import Backstage
from tests.e2e.desk import DESKTOP, PHONE, Desk
from tests.e2e.mailbox import Mailbox
from tests.e2e.meeting import Meeting, meeting_open
from tests.e2e.pages import Reader
from tests.e2e.watch import Watch
from tests.stack import Stack, wait_for
from tests.stripe_simulator.control import SimulatorControl

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ViewportSize

_numbers = count(1)


@dataclass(frozen=True)
class Person:
    name: str
    email: str
    firm: str = "Marsh & Partners"


@dataclass
class House:
    """The running stack as the journeys need it: its pages, its mails, its Stripe, its rows."""

    stack: Stack
    stripe: SimulatorControl
    mailbox: Mailbox
    meeting: Meeting
    backstage: Backstage

    def open_session(self, *, starts_in: timedelta = timedelta(days=10), capacity: int = 8) -> stage.SessionRow:
        """A session on sale, for this journey alone."""
        title = f"Promises and invoices, part {next(_numbers)}"
        return self.backstage(stage.open_session, title=title, starts_in=starts_in, capacity=capacity, meeting=self.meeting.url)

    def sell_seats(self, live_session: stage.SessionRow, *, buyer: str, names: list[str]) -> str:
        """Seats that a reader has paid for at Stripe, in one order; returns the id of the payment there."""
        checkout = self.backstage(desk_stage.order_seats, email=buyer, slug=live_session.slug, names=names)
        assert self.stripe.pay(checkout)["outcome"] == "paid"
        wait_for(lambda: self.backstage(desk_stage.payment_of, checkout=checkout), "the seats that were paid for")
        return self.backstage(desk_stage.payment_of, checkout=checkout)

    def refunds_of(self, payment: str) -> list[int]:
        """What Stripe has given back of a payment, refund by refund."""
        refunds = [refund for refund in self.stripe.objects("refund") if refund["payment_intent"] == payment]
        return [refund["amount"] for refund in refunds if refund["status"] == "succeeded"]

    def seats_of(self, live_session: stage.SessionRow) -> list[stage.SeatRow]:
        return self.backstage(stage.seats_of, slug=live_session.slug)

    def orders_of(self, person: Person) -> list[stage.OrderRow]:
        return self.backstage(stage.orders_of, email=person.email)

    @property
    def demo_password(self) -> str:
        return (self.stack.run_dir / "secrets" / "demo-password").read_text().strip()


@pytest.fixture(scope="session")
def house(browser: "Browser", running_stack: Stack) -> Iterator[House]:
    """The stack that `make run` starts, for all journeys of this run."""
    with meeting_open() as meeting:
        stack = running_stack
        environment = Configuration.read(stack.run_dir, stack.port, stack.environment).environment()
        backstage = Backstage(environment)
        yield House(
            stack=stack,
            stripe=SimulatorControl(stack.simulator_url),
            mailbox=Mailbox(stack.run_dir / "mail"),
            meeting=meeting,
            backstage=backstage,
        )
        backstage.close()


@pytest.fixture
def stripe(house: House) -> Iterator[SimulatorControl]:
    """Stripe, which a journey may trouble; afterwards it is well again."""
    yield house.stripe
    house.stripe.clear_faults()
    house.stripe.release_webhooks()


@pytest.fixture
def person() -> Person:
    """Somebody who has never been here."""
    number = next(_numbers)
    return Person(f"Ada Marsh {number}", f"ada.marsh.{number}@example.com")


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def reader(request: pytest.FixtureRequest, browser: "Browser", house: House) -> Iterator[Reader]:
    """A browser with an empty profile. The journey fails if anything showed up in its console or it asked another host."""
    context = browser.new_context(java_script_enabled=request.param, locale="en-US", timezone_id="Europe/London")
    context.set_default_timeout(10_000)
    watch = Watch(context, {house.stack.url, house.stack.simulator_url, house.meeting.url})
    yield Reader(context.new_page(), site=house.stack.url, secret=house.meeting.url)
    context.close()
    assert watch.problems == []


@pytest.fixture
def signed_in(reader: Reader, person: Person, house: House) -> Reader:
    """The reader, signed in as `person`."""
    house.backstage(stage.open_account, email=person.email, name=person.name, firm=person.firm)
    cookie = house.backstage(stage.session_cookie, email=person.email)
    reader.page.context.add_cookies([{"name": "sessionid", "value": cookie, "url": house.stack.url}])
    return reader


@pytest.fixture
def open_browser(browser: "Browser", house: House) -> Iterator[Callable[..., Desk]]:
    """`open_browser()` gives somebody a browser of their own: the demo's staff, signed in, or a visitor. Each is watched."""
    opened = []

    def open_one(*, window: "ViewportSize" = DESKTOP, scripts: bool = True, dark: bool = False, is_staff: bool = True) -> Desk:
        context = browser.new_context(
            viewport=window,
            java_script_enabled=scripts,
            color_scheme="dark" if dark else "light",
            locale="en-US",
            timezone_id="Europe/London",
        )
        context.set_default_timeout(10_000)
        opened.append((context, Watch(context, {house.stack.url, house.stack.simulator_url, house.meeting.url})))
        if is_staff:
            cookie = house.backstage(stage.session_cookie, email=STAFF_EMAIL)
            context.add_cookies([{"name": "sessionid", "value": cookie, "url": house.stack.url}])
        return Desk(context.new_page(), site=house.stack.url, secret=house.meeting.url)

    yield open_one
    for context, _ in opened:
        context.close()
    assert [problem for _, watch in opened for problem in watch.problems] == []


@pytest.fixture
def desk(open_browser: Callable[..., Desk]) -> Desk:
    """A member of staff at their desk."""
    return open_browser()


@pytest.fixture
def phone(open_browser: Callable[..., Desk]) -> Desk:
    """A member of staff with a telephone in their hand."""
    return open_browser(window=PHONE)
