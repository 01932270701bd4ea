"""The examiner is not blind: a page with one of each fault shows every one of them."""

from typing import TYPE_CHECKING

import pytest

from tests.walk import axe, known, layout
from tests.walk.examiner import Examiner, Finding

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

FAULTY = """<!doctype html><html lang="en"><title>Faulty</title>
<style>
  .pale { color: light-dark(#999, #000); background: light-dark(#fff, #111); }
  .cut { width: 3rem; height: 1.2rem; overflow: hidden; white-space: nowrap; }
  .wide { width: 400px; }
  .over { position: absolute; top: 0; left: 0; display: block; width: 4rem; height: 2rem; }
</style>
<main><h1>One</h1><h1>Two</h1>
<p class="pale">Hardly to be read</p>
<div class="cut">Words that are cut off</div>
<div class="wide">Too wide for a telephone</div>
<a class="over" href="/a/">One link</a><a class="over" href="/b/">Another</a>
<form><input name="email" type="email" aria-invalid="true"><button style="height: 20px">Send</button></form>
</main></html>"""


def test_each_fault_is_found(page: "Page") -> None:
    page.goto("about:blank")
    page.set_content(FAULTY)
    assert layout.structure_faults(page) == ["2 h1: One | Two"]
    words = " ".join(layout.site_faults(page) + layout.lost_words(page))
    for fault in ("refused, and the title is Faulty", "refused without a summary", "no label", "no autocomplete", "small target"):
        assert fault in words
    assert "covers another" in words
    assert "cut off" in words
    page.set_viewport_size({"width": 320, "height": 640})
    assert "px wide in a window of 320" in " ".join(layout.lost_words(page))
    axe.bring_in(page)
    assert {"color-contrast", "label"} <= {rule for rule, _ in axe.violations(page)}
    page.emulate_media(color_scheme="dark")
    assert [rule for rule, _ in axe.violations(page, axe.BY_COLOR)] == ["color-contrast"]


def test_invalid_html_and_shared_titles_are_found() -> None:
    examiner = Examiner()
    examiner.documents["pages:landing"] = "<!doctype html><html lang=en><title>A</title><p><div>No</div></p></html>"
    examiner.titles["Sessions"] = {"sessions:list", "pages:landing"}
    examiner.check_documents()
    examiner.check_titles()
    assert [finding.mode for finding in examiner.findings] == ["HTML", "title"]


def test_what_is_known_of_django_is_known_of_nobody_else() -> None:
    rule, element = "aria-prohibited-attr", "<span>"
    assert known.is_known(Finding("admin:accounts_user_change (staff)", "light", rule, element))
    assert not known.is_known(Finding("admin:desk_roster (staff)", "light", rule, element))
    assert not known.is_known(Finding("pages:landing (a visitor)", "light", rule, element))
    assert not known.is_known(Finding("admin:accounts_user_change (staff)", "light", "color-contrast", element))
