"""Readers at a running site over real HTTP, each like a browser without JavaScript in which somebody is signed in."""

import http.client
import re
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from statistics import quantiles
from typing import TypeVar
from urllib.parse import urlencode, urljoin, urlsplit

Person = TypeVar("Person")
Result = TypeVar("Result")

CARD = {"card_number": "4242 4242 4242 4242", "expiry": "12/34", "cvc": "123", "name": "Ada Reader"}
LONGEST_WAIT = 120


@dataclass(frozen=True)
class Answer:
    """What came back, and after how long."""

    url: str
    status: int
    text: str
    location: str
    seconds: float


@dataclass
class WebReader:
    """A browser in which somebody is signed in. `answers` keeps what came back, by what was asked for."""

    site: str
    cookies: dict[str, str]
    answers: dict[str, list[Answer]] = field(default_factory=dict)

    def get(self, what: str, url: str) -> Answer:
        return self._ask(what, "GET", url)

    def submit(self, what: str, form: Answer, action: str = "", **fields: str) -> Answer:
        """Send the page's form as it stands, with these fields filled in."""
        given = dict(re.findall(r'<input[^>]* name="(\w+)"[^>]* value="([^"]*)"', form.text))
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form.text)
        if token:
            given["csrfmiddlewaretoken"] = token[1]
        return self._ask(what, "POST", urljoin(form.url, action), {**given, **fields})

    def fill_in_reservation(self, slug: str) -> Answer:
        """Look at the session, then at the form that asks who attends."""
        self.get("session page", f"{self.site}/sessions/{slug}/")
        return self.get("reserve form", f"{self.site}/sessions/{slug}/reserve/")

    def reserve(self, slug: str) -> Answer:
        """The whole way to Stripe's page, or to the page that says why not."""
        return self.submit("reserve", self.fill_in_reservation(slug))

    def pay(self, checkout_url: str) -> Answer:
        """Pay on Stripe's page, and come back to the order's."""
        page = self.get("Stripe's page", checkout_url)
        paid = self.submit("payment", page, **CARD)
        assert paid.status == 303, (paid.status, paid.text)
        return self.get("return page", paid.location)

    def give_back(self, order_url: str) -> Answer:
        """Give a held seat back from the order's page."""
        return self.submit("release", self.get("order page", order_url), urlsplit(order_url).path + "release/")

    def _ask(self, what: str, method: str, url: str, fields: dict[str, str] | None = None) -> Answer:
        address, started = urlsplit(url), time.monotonic()
        headers = {"Connection": "close"}
        if url.startswith(self.site):
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if fields is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection = http.client.HTTPConnection(address.netloc, timeout=LONGEST_WAIT)
        try:
            path = address.path + (f"?{address.query}" if address.query else "")
            connection.request(method, path, urlencode(fields) if fields is not None else None, headers)
            response = connection.getresponse()
            text = response.read().decode(errors="replace")
        finally:
            connection.close()
        for cookie in response.headers.get_all("Set-Cookie", []):
            name, _, rest = cookie.partition("=")
            self.cookies[name] = rest.partition(";")[0]
        location = urljoin(url, response.headers.get("Location", ""))
        answer = Answer(url, response.status, text, location, time.monotonic() - started)
        self.answers.setdefault(what, []).append(answer)
        return answer


def together(people: Sequence[Person], act: Callable[[Person], Result]) -> list[Result]:
    """Everybody does it at once, each in a thread of their own, from one starting shot. The first failure is raised."""
    start = threading.Barrier(len(people))

    def run(person: Person) -> Result:
        start.wait(60)
        return act(person)

    with ThreadPoolExecutor(len(people)) as pool:
        return list(pool.map(run, people))


def timing(readers: Sequence[WebReader], what: str) -> str:
    """'p50 0.41 s, p95 0.80 s' of the answers to what was asked for."""
    seconds = [answer.seconds for reader in readers for answer in reader.answers.get(what, [])]
    cuts = quantiles(seconds, n=20)
    return f"p50 {cuts[9]:.2f} s, p95 {cuts[18]:.2f} s"
