"""Somebody who has no mouse: Tab, Enter, Space, arrows and letters. At every stop they must see where they are."""

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page, expect

# More than any page of the site has links and fields before what is looked for.
MOST_STOPS = 80
# Where the focus is, and how it shows. A card of a list is marked around its link, which covers the whole of it.
STOP = """() => {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const marked = [element, element.closest(".entry")].filter(Boolean).find((one) => {
    const style = getComputedStyle(one);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  });
  const box = element.getBoundingClientRect(), x = box.left + box.width / 2;
  // A tall one need not be in the window as a whole.
  const y = Math.min(box.top + box.height / 2, innerHeight - 1), top = document.elementFromPoint(x, y);
  const label = element.labels?.[0];
  return {
    html: element.outerHTML.slice(0, 160), isMarked: Boolean(marked), label: label?.textContent.trim() ?? "",
    isInSight: box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
    isOnTop: Boolean(top && (element.contains(top) || top.contains(element) || label?.contains(top))),
    isAfterLast: !window.lastStop || Boolean(window.lastStop.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING),
  };
}"""
REMEMBER = "() => { window.lastStop = document.activeElement; }"


@dataclass
class Keyboard:
    """The hands on it."""

    page: Page

    def skips_to_the_content(self) -> None:
        """The first stop of a page is the link that skips its head."""
        self.presses("Tab")
        assert self.is_at(".skip"), self.stop
        self._sees_the_stop()
        self.presses("Enter")
        expect(self.page.locator("main")).to_be_focused()

    def goes_to(self, selector: str) -> None:
        """Tab there. On the way each stop comes after the one before it, and every one is seen."""
        self.page.evaluate("() => { window.lastStop = null; }")
        for _ in range(MOST_STOPS):
            self.presses("Tab")
            assert self.stop, f"the page was left without coming to {selector}"
            self._sees_the_stop()
            assert self.stop["isAfterLast"], f"out of order: {self.stop['html']}"
            if self.is_at(selector):
                return
            self.page.evaluate(REMEMBER)
        raise AssertionError(f"{selector} is nowhere")

    def goes_back_to(self, selector: str) -> None:
        """The same with Shift, the other way."""
        for _ in range(MOST_STOPS):
            self.presses("Shift+Tab")
            self._sees_the_stop()
            if self.is_at(selector):
                return
        raise AssertionError(f"{selector} is nowhere before that")

    def follows(self, selector: str) -> None:
        """Tab to a link or a button, press Enter, and wait for the page that it leads to."""
        self.goes_to(selector)
        with self.page.expect_navigation():
            self.presses("Enter")

    def presses(self, key: str) -> None:
        self.page.keyboard.press(key)

    def types(self, **fields: str) -> None:
        """Into fields in the order in which they stand; what stands there already is typed over."""
        for name, words in fields.items():
            self.goes_to(f"[name={name}]")
            self.presses("ControlOrMeta+a")
            self.page.keyboard.type(words)

    def is_at(self, selector: str) -> bool:
        return bool(self.page.evaluate("(selector) => document.activeElement.matches(selector)", selector))

    def hears_of_mistakes(self, field: str) -> None:
        """After a refusal the focus is on the summary, whose first link leads to that field."""
        expect(self.page.locator(".error-summary")).to_be_focused()
        assert self.page.title().startswith("Error: ")
        self.goes_to(".error-summary a")
        self.presses("Enter")
        assert self.is_at(f"[name={field}]"), self.stop

    @property
    def stop(self) -> Any:
        return self.page.evaluate(STOP)

    def _sees_the_stop(self) -> None:
        stop = self.stop
        for fault in ("isMarked", "isInSight", "isOnTop"):
            assert stop[fault], f"{fault} is not so: {stop['html']}"
