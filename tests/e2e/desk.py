"""A member of staff at the browser: what they see and do on the pages of the desk, in their words."""

from dataclasses import dataclass

from playwright.sync_api import Locator, ViewportSize, expect

from tests.e2e.pages import Reader

DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
# Workers have what staff ask for done within a second; a machine that is busy with other tests takes longer.
PATIENCE_MS = 30_000
# More than any page of the desk has links and fields before what is looked for.
MOST_TABS = 120


@dataclass
class Desk(Reader):
    """A reader who is staff."""

    def follow(self, link: str) -> None:
        """Follow the first link in the page's main part that is called so, and wait for what it leads to."""
        with self.page.expect_navigation():
            super().follow(link)

    def press(self, button: str) -> None:
        """Press a button and wait for the page that answers."""
        with self.page.expect_navigation():
            super().press(button)

    @property
    def facts(self) -> dict[str, str]:
        """What the page lists as its facts, by their names."""
        self.page.wait_for_load_state()
        names, values = self.page.locator(".desk-facts dt"), self.page.locator(".desk-facts dd")
        return dict(zip(names.all_inner_texts(), values.all_inner_texts(), strict=True))

    @property
    def rows(self) -> list[list[str]]:
        """The table of the page, cell by cell, each on one line."""
        self.page.wait_for_load_state()
        rows = self.page.locator("main table tbody tr")
        return [[" ".join(cell.split()) for cell in row.locator("th, td").all_inner_texts()] for row in rows.all()]

    @property
    def column(self) -> dict[str, list[str]]:
        """The table of the page by the heads of its columns."""
        # Django admin shows heads in capitals: what counts is what stands in the page.
        heads = [" ".join(head.split()) for head in self.page.locator("main table thead th").all_text_contents()]
        return {head: [row[place] for row in self.rows] for place, head in enumerate(heads)}

    @property
    def messages(self) -> list[str]:
        """What Django admin says on top of the page of what was just done."""
        self.page.wait_for_load_state()
        return self.page.locator(".messagelist li").all_inner_texts()

    @property
    def width(self) -> int:
        """How wide the page is. More than the window means that it scrolls sideways."""
        return int(self.page.evaluate("document.documentElement.scrollWidth"))

    def choose(self, **fields: str) -> None:
        """Choices of lists by the names of the fields; the choice is named by what it says."""
        for name, choice in fields.items():
            self.page.locator(f"main form select[name={name}]").select_option(label=choice)

    def tick(self, label: str) -> None:
        self.page.get_by_role("checkbox", name=label).check()

    def looks_first(self) -> None:
        """From a form to the page that says what would happen."""
        self.press("See what will happen")

    def presses_twice(self, button: str) -> None:
        """A double click, as people do whose first one seemed to do nothing."""
        self.button(button).dblclick()

    def sees_job_done(self) -> None:
        """Wait until the workers have done what was asked for."""
        expect(self.page.get_by_role("status")).to_contain_text("Finished", timeout=PATIENCE_MS)

    def sees_change_done(self) -> None:
        """Wait until all mails and refunds of a change of a whole session are through."""
        expect(self.page.get_by_role("status")).to_have_text("All of it is done.", timeout=PATIENCE_MS)

    def tabs_to(self, target: Locator, *, backwards: bool = False) -> None:
        """Go there by the keyboard alone; whoever does must see where they are."""
        for _ in range(MOST_TABS):
            if target.evaluate("element => element === document.activeElement"):
                break
            self.page.keyboard.press("Shift+Tab" if backwards else "Tab")
        expect(target).to_be_focused()
        assert target.evaluate("element => getComputedStyle(element).outlineStyle") != "none"
