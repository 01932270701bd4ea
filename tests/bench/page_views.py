"""A first view of a page as Chromium sees it with nothing in its cache: what came over the wire, and how soon it stood still."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

from tests.stack import Stack

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

LOC = "{http://www.sitemaps.org/schemas/sitemap/0.9}loc"
# For everybody, but not on the map of the site: a filtered list, the ways in, and an address that leads nowhere.
OFF_THE_MAP = ("/sessions/?section=tech", "/accounts/login/", "/accounts/signup/", "/nowhere/")
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 3,
    "is_mobile": True,
    "has_touch": True,
}

MOST_BYTES, MOST_REQUESTS, MOST_SCRIPT_BYTES = 60 * 1024, 12, 20 * 1024
MOST_LCP_MS, MOST_CLS = 1000, 0.01

OBSERVE = """
window.seen = { lcp: 0, cls: 0 };
new PerformanceObserver((list) => { for (const entry of list.getEntries()) seen.lcp = entry.startTime; })
  .observe({ type: "largest-contentful-paint", buffered: true });
new PerformanceObserver((list) => { for (const entry of list.getEntries()) if (!entry.hadRecentInput) seen.cls += entry.value; })
  .observe({ type: "layout-shift", buffered: true });
"""
# Longer than the script waits before it first says something, so that what it moves has moved.
SETTLED = "() => document.fonts.ready.then(() => new Promise((done) => setTimeout(() => done(seen), 400)))"


@dataclass
class View:
    """Bytes are those that were sent: compressed, with their headers."""

    path: str
    window: str = ""
    sent_bytes: int = 0
    script_bytes: int = 0
    addresses: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    lcp_ms: float = 0
    cls: float = 0

    @property
    def requests(self) -> int:
        return len(self.addresses)

    def too_heavy(self) -> Iterator[str]:
        """What breaks a budget that no clock decides, in words."""
        if self.sent_bytes > MOST_BYTES:
            yield f"{self.path}: {self.sent_bytes:,} bytes"
        if self.requests > MOST_REQUESTS:
            yield f"{self.path}: {self.requests} requests"
        if self.script_bytes > MOST_SCRIPT_BYTES:
            yield f"{self.path}: {self.script_bytes:,} bytes of scripts"
        yield from (f"{self.path}: asks {address}" for address in [*self.elsewhere, *self._asked_twice()])

    def too_slow(self) -> Iterator[str]:
        """What breaks a budget of the eye."""
        if self.lcp_ms >= MOST_LCP_MS:
            yield f"{self.path} ({self.window}): the largest piece after {self.lcp_ms:.0f} ms"
        if self.cls > MOST_CLS:
            yield f"{self.path} ({self.window}): moved by {self.cls:.3f}"

    def _asked_twice(self) -> list[str]:
        return sorted({f"{address} twice" for address in self.addresses if self.addresses.count(address) > 1})


def public_paths(stack: Stack) -> list[str]:
    """Every page on the map of the site, of the sessions only the last; and those that are for everybody without being on it."""
    _, text = stack.get("/sitemap.xml")
    paths = [urlsplit(loc.text or "").path for loc in ElementTree.fromstring(text).iter(LOC)]
    sessions = [path for path in paths if path.startswith("/sessions/") and path != "/sessions/"]
    return [*(path for path in paths if path not in sessions), sessions[-1], *OFF_THE_MAP]


def first_view(browser: "Browser", site: str, path: str, window: dict[str, Any]) -> View:
    """Open the page in a fresh profile."""
    context = browser.new_context(locale="en-US", timezone_id="Europe/London", **window)
    context.add_init_script(OBSERVE)
    page = context.new_page()
    view = View(path)
    _watch(page, view, site)
    page.goto(site + path, wait_until="networkidle")
    seen = page.evaluate(SETTLED)
    view.lcp_ms, view.cls = seen["lcp"], seen["cls"]
    context.close()
    return view


def _watch(page: "Page", view: View, site: str) -> None:
    """Chromium's own count of what it was sent, asset by asset."""
    devtools = page.context.new_cdp_session(page)
    scripts = set()

    def on_request(event: dict[str, Any]) -> None:
        address = event["request"]["url"]
        if address.startswith("data:"):
            return
        view.addresses.append(address.removeprefix(site))
        if event.get("type") == "Script":
            scripts.add(event["requestId"])
        if not address.startswith(f"{site}/"):
            view.elsewhere.append(address)

    def on_finished(event: dict[str, Any]) -> None:
        view.sent_bytes += int(event["encodedDataLength"])
        if event["requestId"] in scripts:
            view.script_bytes += int(event["encodedDataLength"])

    devtools.on("Network.requestWillBeSent", on_request)
    devtools.on("Network.loadingFinished", on_finished)
    devtools.send("Network.enable")
