"""Whoever goes through the site with the examiner beside them: each page that they open is looked at."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from playwright.sync_api import Error

from redreport.accounts.models import User
from tests.e2e.watch import Watch
from tests.signing_in import signed_in
from tests.walk.examiner import WINDOW, Examiner

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Response

# The form with the fields goes to the server as it is: what a browser would ask beforehand is not what is looked at.
SEND = """(values) => {
  const form = document.querySelector("main form:has(input:not([type=hidden]), select, textarea), #content form[method=post]");
  form.noValidate = true;
  for (const field of form.elements) {
    if (field.name in values) field.value = values[field.name];
    else if (["text", "email", "password", "textarea"].includes(field.type)) field.value = "";
    else if (["checkbox", "radio"].includes(field.type)) field.checked = false;
  }
  form.requestSubmit(form.querySelector("[type=submit]:not([name=show])"));
}"""


@dataclass
class Walker:
    """One person with a browser of their own."""

    who: str
    page: "Page"
    site: str
    examiner: Examiner
    watch: Watch
    _heard: int = 0
    _seen: set[str] = field(default_factory=set)

    def opens(self, path: str, state: str = "", *, status: int = 200) -> None:
        """Type an address, and look at what comes. A page to which another address led already is not looked at again."""
        self.watch.expects_fault = status == 500
        with self._stumbling(f"to {path}"):
            answer = self.page.goto(self.site + path)
            assert answer
            here = self.page.url
            if urlsplit(here).path == urlsplit(path).path or here not in self._seen:
                self._look(answer, state, status)

    def presses(self, button: str, state: str = "", *, status: int = 200) -> None:
        """Press a button, and look at the page that answers."""
        with self._stumbling(f"pressing {button}"):
            with self.page.expect_navigation() as navigation:
                self.page.get_by_role("button", name=button, exact=True).first.click()
            self._look(navigation.value, state, status)

    def fills(self, **values: str) -> None:
        """Fields and lists by their names in the form."""
        for name, value in values.items():
            control = self.page.locator(f"#content form [name={name}], main form [name={name}]").first
            if control.evaluate("control => control.tagName") == "SELECT":
                control.select_option(value)
            else:
                control.fill(value)

    def sends(self, state: str = "sent empty", *, status: int | None = None, **values: str) -> None:
        """Send the page's form with these values and nothing else, and look at the refusal."""
        with self._stumbling("sending the form"):
            with self.page.expect_navigation() as navigation:
                self.page.evaluate(SEND, values)
            self._look(navigation.value, state, status)

    @contextmanager
    def _stumbling(self, step: str) -> Iterator[None]:
        """A step that cannot be taken is a finding; the walk goes on."""
        try:
            yield
        except (AssertionError, Error) as failure:
            here = urlsplit(self.page.url).path
            self.examiner.complain(f"{here} ({self.who})", [f"{step}: {str(failure).splitlines()[0]}"])

    def _look(self, answer: "Response", state: str, status: int | None) -> None:
        self._seen.add(self.page.url)
        assert status in (None, answer.status), f"the answer is {answer.status}"
        html, state = answer.text(), ", ".join(filter(None, (self.who, state)))
        if self.examiner.knows(self.page, html):
            name = f"{self.page.url} ({state})"
        else:
            name = self.examiner.examine(self.page, html=html, state=state)
        self.examiner.complain(name, self.watch.problems[self._heard :])
        self._heard = len(self.watch.problems)


@dataclass
class Walkers:
    """Gives each person a browser of their own, once."""

    browser: "Browser"
    site: str
    examiner: Examiner
    _walkers: dict[str, Walker] = field(default_factory=dict)

    def visitor(self) -> Walker:
        """Somebody who has not signed in."""
        return self._walker("a visitor", None)

    def reader(self, user: User, who: str) -> Walker:
        """Somebody who has signed in a moment ago."""
        return self._walker(who, user)

    def close(self) -> None:
        for walker in self._walkers.values():
            walker.page.context.close()

    def _walker(self, who: str, user: User | None) -> Walker:
        if who not in self._walkers:
            context = self.browser.new_context(
                viewport=WINDOW, reduced_motion="reduce", locale="en-US", timezone_id="Europe/London", color_scheme="light"
            )
            context.set_default_timeout(10_000)
            watch = Watch(context, {self.site})
            if user:
                context.add_cookies([{"name": "sessionid", "value": session_of(user), "url": self.site}])
            self._walkers[who] = Walker(who, context.new_page(), self.site, self.examiner, watch)
        return self._walkers[who]


def session_of(user: User) -> str:
    """The key of a session that was signed into just now, as pages that ask for a recent sign-in want it."""
    return str(signed_in(user).session.session_key)
