"""One look at a page that is open: in light and dark, in windows of several widths and with large letters, all at one loading."""

import re
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.urls import resolve
from playwright.sync_api import Page, ViewportSize

from tests.html_checker import faults_in
from tests.walk import axe, layout

WINDOW: ViewportSize = {"width": 1280, "height": 900}
TABLET: ViewportSize = {"width": 900, "height": 900}
NARROW: ViewportSize = {"width": 320, "height": 640}
LARGE = "document.documentElement.style.fontSize = '200%'"
# What differs from one answer to the next, whoever asks.
OF_THIS_ANSWER = re.compile(r'name="(?:csrfmiddlewaretoken|request_id)" value="[^"]*"')
USUAL = "document.documentElement.style.fontSize = ''"


def is_of_django(view: str) -> bool:
    """Whether a page is Django admin's own: in those, the layout is not ours to mend."""
    return view.startswith("admin:") and not view.startswith("admin:desk_") and view != "admin:index"


@dataclass(frozen=True)
class Finding:
    """Reads as 'page, mode: rule: element'."""

    page: str
    mode: str
    rule: str
    element: str = ""

    def __str__(self) -> str:
        return f"{self.page}, {self.mode}: {self.rule}{': ' if self.element else ''}{self.element}"


@dataclass
class Examiner:
    """Keeps what it found, the HTML of each page as the server sent it, and which addresses were seen."""

    findings: list[Finding] = field(default_factory=list)
    documents: dict[str, str] = field(default_factory=dict)
    views: set[str] = field(default_factory=set)
    titles: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    seconds: dict[str, float] = field(default_factory=dict)
    _known: set[str] = field(default_factory=set)

    def knows(self, page: Page, html: str) -> bool:
        """Whether the same page was looked at before, for somebody else to whom it says the same; from now on it was."""
        said = OF_THIS_ANSWER.sub("", html)
        is_known = said in self._known
        self._known.add(said)
        if is_known:
            self.views.add(_view(page))
            self.titles[page.title()].add(_view(page))
        return is_known

    def examine(self, page: Page, *, html: str, state: str = "") -> str:
        """Look at the page in every mode; returns the name under which its findings stand."""
        began, view = time.perf_counter(), _view(page)
        name = self._name(view, state)
        self.views.add(view)
        self.documents[name] = html
        self.titles[page.title()].add(view)
        axe.bring_in(page)
        self._note(name, "light", axe.violations(page))
        self._say(name, "light", layout.structure_faults(page))
        if not view.startswith("admin:"):
            self._say(name, "light", layout.site_faults(page))
        with _dark(page):
            self._note(name, "dark", axe.violations(page, axe.BY_COLOR))
        if not is_of_django(view):
            self._look_at_layout(page, name)
        self.seconds[name] = time.perf_counter() - began
        return name

    def _look_at_layout(self, page: Page, name: str) -> None:
        self._say(name, "light", layout.lost_words(page))
        page.set_viewport_size(TABLET)
        self._look_at_words(page, name, "900 px")
        page.set_viewport_size(NARROW)
        self._look_at_targets(page, name, "320 px")
        page.set_viewport_size(WINDOW)
        with _large(page):
            self._look_at_targets(page, name, "large letters")

    def _look_at_targets(self, page: Page, name: str, mode: str) -> None:
        self._note(name, mode, axe.violations(page, axe.BY_LAYOUT))
        self._look_at_words(page, name, mode)

    def _look_at_words(self, page: Page, name: str, mode: str) -> None:
        self._say(name, mode, layout.lost_words(page))
        if not name.startswith("admin:"):
            self._say(name, mode, layout.covered_targets(page))

    def complain(self, name: str, faults: Iterable[str]) -> None:
        """What was heard while the page was open."""
        self._say(name, "browser", faults)

    def check_documents(self) -> None:
        """One run of the Nu checker over everything that was sent."""
        for fault in faults_in(self.documents):
            name, _, words = fault.partition(", line ")
            self.findings.append(Finding(name, "HTML", words))

    def check_titles(self, shared: Iterable[str] = ()) -> None:
        """Two addresses are told apart by their titles, but for those that are `shared`."""
        for title, views in self.titles.items():
            if len(views) > 1 and title not in shared:
                self.findings.append(Finding(" and ".join(sorted(views)), "title", title))

    def _name(self, view: str, state: str) -> str:
        name = f"{view} ({state})" if state else view
        while name in self.documents:
            name += "'"
        return name

    def _note(self, name: str, mode: str, violations: Iterable[tuple[str, str]]) -> None:
        self.findings += [Finding(name, mode, rule, html) for rule, html in violations]

    def _say(self, name: str, mode: str, faults: Iterable[str]) -> None:
        self.findings += [Finding(name, mode, fault) for fault in faults]


def _view(page: Page) -> str:
    return resolve(urlsplit(page.url).path).view_name


@contextmanager
def _dark(page: Page) -> Iterator[None]:
    page.emulate_media(color_scheme="dark")
    yield
    page.emulate_media(color_scheme="light")


@contextmanager
def _large(page: Page) -> Iterator[None]:
    page.evaluate(LARGE)
    yield
    page.evaluate(USUAL)
