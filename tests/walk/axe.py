"""axe-core in a page that is open: what it finds, as 'rule, element'."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Page

STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]
# What another color scheme, a narrow window or larger letters can change; everything else is the same document.
BY_COLOR = ["color-contrast", "link-in-text-block"]
BY_LAYOUT = ["target-size", "scrollable-region-focusable"]

RUN = """async (only) => {
  // Colors that fade from one scheme to the other are looked at when they have arrived.
  for (const change of document.getAnimations()) change.finish();
  // Style sheets are read as the browser applied them: nothing is fetched again.
  const found = await axe.run(document, {
    runOnly: only.tags ? {type: "tag", values: only.tags} : {type: "rule", values: only.rules},
    rules: only.tags ? {"target-size": {enabled: true}} : {},
    // A frame holds a mail, which is looked at as a mail.
    resultTypes: ["violations"], preload: false, elementRef: false, iframes: false,
  });
  return found.violations.map((rule) => [rule.id, rule.nodes.map((node) => node.html.slice(0, 160))]);
}"""


@cache
def _source() -> str:
    return Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")


def bring_in(page: Page) -> None:
    """The debugger puts it there, so the page's policy is as strict as ever. Once for a document."""
    # Nothing is loaded again while it is looked at, though the page may be one that waits for something.
    page.evaluate("for (let timer = setTimeout(() => {}); timer > 0; timer -= 1) clearTimeout(timer)")
    # It reports into the page's console when it is loaded as a script; as a function's body it does not.
    page.evaluate(f"() => {{ {_source()} }}")


def violations(page: Page, rules: Iterable[str] | None = None) -> list[tuple[str, str]]:
    """Rule and element of each violation: of all rules, or of those that are named."""
    only = {"tags": STANDARDS} if rules is None else {"rules": list(rules)}
    answer: list[tuple[str, list[Any]]] = page.evaluate(RUN, only)
    return [(rule, html) for rule, elements in answer for html in elements]
