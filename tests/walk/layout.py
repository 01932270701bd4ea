"""What axe-core does not say of a page: its headings, its forms, and whether words are cut off, covered or out of sight."""

from playwright.sync_api import Page

# Each returns a list of findings in words.
STRUCTURE = """() => {
  const found = [], all = (selector) => [...document.querySelectorAll(selector)];
  const headings = all("h1");
  if (headings.length !== 1) found.push(`${headings.length} h1: ${headings.map((one) => one.textContent.trim()).join(" | ")}`);
  if (!document.documentElement.lang) found.push("no lang");
  if (!/\\S/.test(document.title)) found.push("no title");
  for (const name of ["main", "header", "footer"]) {
    if (all(`body > ${name}`).length > 1) found.push(`more than one ${name}`);
  }
  return found;
}"""
# Fields have labels. Of a form that was refused the title says so first, and the summary has the focus.
FORMS = """() => {
  const found = [], summary = document.querySelector(".error-summary"), focused = document.activeElement;
  const isSaid = document.title.startsWith("Error: ");
  const isWrong = summary || document.querySelector("[aria-invalid=true]");
  if (isWrong && !isSaid) found.push(`refused, and the title is ${document.title}`);
  if (!isWrong && isSaid) found.push(`nothing refused, and the title is ${document.title}`);
  if (isWrong && !summary) found.push("refused without a summary");
  if (summary && focused !== summary) found.push(`the focus is on ${focused.outerHTML.slice(0, 160)}`);
  for (const field of document.querySelectorAll("main input:not([type=hidden], [hidden]), main select, main textarea")) {
    const words = [...(field.labels ?? [])].map((label) => label.textContent).join("") || field.getAttribute("aria-label");
    if (!/\\S/.test(words ?? "")) found.push(`no label: ${field.outerHTML.slice(0, 160)}`);
  }
  for (const link of summary?.querySelectorAll("a") ?? []) {
    if (!document.querySelector(link.getAttribute("href"))) found.push(`leads to no field: ${link.outerHTML}`);
  }
  return found;
}"""
# Fields about the reader themself, which browsers can fill in.
FILLED_IN = """() => [...document.querySelectorAll("main input:not([type=hidden])")].filter((field) => !field.autocomplete && (
  /^(email|password)$/.test(field.type) || /^(login|name|email|firm|code|attendee_(name|email|firm))$/.test(field.name)
)).map((field) => field.outerHTML.slice(0, 160))"""
SMALL_TARGETS = """() => [...document.querySelectorAll(
  "button, .button, summary, select, textarea, nav a, input:not([type=hidden], [type=checkbox], [type=radio])"
)].filter((element) => {
  if (!element.checkVisibility({visibilityProperty: true})) return false;
  const box = element.getBoundingClientRect();
  return box.height < 43.5 || box.width < 24;
}).map((element) => `${Math.round(element.getBoundingClientRect().height)} px: ${element.outerHTML.slice(0, 120)}`)"""
CUT_OFF = """() => {
  const found = [], width = document.documentElement.scrollWidth;
  const hidden = (element) => element.closest(".hidden-words, .visually-hidden, .skip, [hidden]") || element.clientWidth <= 1;
  if (width > innerWidth) {
    const wide = [...document.body.querySelectorAll("*")].filter((one) => one.getBoundingClientRect().right > innerWidth + 1);
    const last = wide.slice(-2).map((one) => one.outerHTML.slice(0, 100)).join(" ");
    found.push(`${width} px wide in a window of ${innerWidth}, by ${last}`);
  }
  for (const element of document.body.querySelectorAll("*")) {
    if (!element.textContent || hidden(element)) continue;
    const style = getComputedStyle(element), isButton = element.matches("button, .button");
    const cuts = (overflow) => isButton || ["hidden", "clip"].includes(overflow);
    const isOver = (cuts(style.overflowX) && element.scrollWidth > element.clientWidth + 2)
      || (cuts(style.overflowY) && element.scrollHeight > element.clientHeight + 2);
    // An icon stands in the place of words that are moved out of the way.
    const isMeant = style.textIndent !== "0px" || style.display === "inline";
    if (isOver && !isMeant) found.push(`cut off: ${element.outerHTML.slice(0, 120)}`);
  }
  return found;
}"""

# Outside of what scrolls by itself, where a box says nothing of what is shown.
COVERED = """() => {
  const found = [];
  const pressed = [...document.querySelectorAll("a, button, input:not([type=hidden]), select, textarea, summary")].filter(
    (element) => element.checkVisibility({visibilityProperty: true, opacityProperty: true})
      && getComputedStyle(element).display !== "inline" && !element.closest(".hidden-words, .skip, .scroll"));
  const boxes = pressed.map((element) => [element, element.getBoundingClientRect()]);
  for (const [number, [one, a]] of boxes.entries()) {
    for (const [other, b] of boxes.slice(number + 1)) {
      const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (width > 1 && height > 1 && !one.contains(other) && !other.contains(one)) {
        found.push(`covers another: ${one.outerHTML.slice(0, 100)} and ${other.outerHTML.slice(0, 100)}`);
      }
    }
  }
  return found;
}"""


def structure_faults(page: Page) -> list[str]:
    """Of any page."""
    return [str(fault) for fault in page.evaluate(STRUCTURE)]


def site_faults(page: Page) -> list[str]:
    """Of a page of the site, where forms are made our way and targets are large."""
    found = [*page.evaluate(FORMS), *page.evaluate(COVERED)]
    found += [f"no autocomplete: {field}" for field in page.evaluate(FILLED_IN)]
    return found + [f"small target, {target}" for target in page.evaluate(SMALL_TARGETS)]


def covered_targets(page: Page) -> list[str]:
    """Links and fields of the site that lie over each other."""
    return [str(fault) for fault in page.evaluate(COVERED)]


def lost_words(page: Page) -> list[str]:
    """What does not fit as the page is shown just now."""
    return [str(fault) for fault in page.evaluate(CUT_OFF)]
