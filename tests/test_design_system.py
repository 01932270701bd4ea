"""The design system: colors that can be told apart, components that say what they are told, the page that shows them all."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.template import Context, Template
from django.test import Client
from django.urls import include, path

from redreport.local import tokens
from redreport.urls import urlpatterns as addresses_elsewhere

pytestmark = pytest.mark.urls(__name__)

# The addresses of a development copy: the test run itself is none.
urlpatterns = [path("dev/", include("redreport.local.urls")), *addresses_elsewhere]


TEMPLATES = Path(configured.BASE_DIR, "templates")
COMPONENTS = sorted((TEMPLATES / "components").glob("*.html"))
# Written without the tags: their own templates, allauth's twins of them, a page made without templates, the states on show.
BY_HAND = {
    *("components/button.html", "components/notice.html", "components/table.html", "allauth/elements/button.html"),
    *("allauth/elements/alert.html", "500.html", "local/style.html"),
}


def pages() -> list[str]:
    """Every template of a page of readers, by its name."""
    names = (str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.html"))
    return sorted(name for name in names if not name.startswith(("emails/", "admin/")) and "/email/" not in name)


@pytest.fixture
def style_page(db: None, client: Client, tmp_path: Path, settings: Any) -> str:
    settings.LOCAL_MAIL_DIR = str(tmp_path)
    answer = client.get("/dev/style/")
    assert answer.status_code == 200
    return answer.content.decode()


def drawn(source: str, **values: object) -> str:
    return Template("{% load components %}" + source).render(Context(values)).strip()


@pytest.mark.parametrize("pair", tokens.pairs(), ids=lambda pair: f"{pair.front.name} on {pair.ground.name}")
def test_colors_are_far_enough_apart_in_both_schemes(pair: tokens.Pair) -> None:
    assert pair.light >= pair.needed
    assert pair.dark >= pair.needed


def test_contrast_is_reckoned_as_wcag_does() -> None:
    assert tokens.contrast("#000", "#ffffff") == 21.0
    assert tokens.contrast("#ffffff", "#000") == 21.0
    assert tokens.contrast("#777777", "#fff") == 4.4


def test_the_page_shows_every_token(style_page: str) -> None:
    assert [name for name in tokens.tokens() if f"--{name}</code>" not in style_page] == []
    assert len(tokens.colors()) == 13


def test_the_page_shows_each_component_in_its_states(style_page: str) -> None:
    shown = [
        *('class="button"', "button-second", "button-text", "button-wide", 'aria-disabled="true"'),
        *("notice-good", "notice-warn", "notice-error", 'aria-invalid="true"', "disabled", "There is a problem"),
        *('aria-current="step"', "step-done", "seats-few", "Sold out", "<meter", 'class="total"', 'class="price"'),
        *('class="facts"', 'class="panel"', 'class="entry"', "ledger-stacks", "badge", "<progress", 'lang="zh-Hans"'),
    ]
    assert [sign for sign in shown if sign not in style_page] == []


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda path: path.stem)
def test_component_says_first_what_it_takes(component: Path) -> None:
    assert component.read_text().startswith("{# ")


@pytest.mark.parametrize("name", sorted({*pages()} - BY_HAND))
def test_buttons_notices_and_tables_are_written_with_their_tags(name: str) -> None:
    assert re.findall(r'class="(?:button|notice|ledger ledger-stacks)[ "{]', (TEMPLATES / name).read_text()) == []


def test_the_page_exists_in_the_local_stack_only(db: None, client: Client, settings: Any) -> None:
    settings.LOCAL_MAIL_DIR = ""
    assert client.get("/dev/style/").status_code == 404


@pytest.mark.urls("redreport.urls")
def test_elsewhere_there_is_no_such_address(db: None, client: Client) -> None:
    assert client.get("/dev/style/").status_code == 404


def test_button_sends_its_form_and_says_so_while_it_does() -> None:
    assert drawn('{% button busy="Canceling…" %}Cancel the seat{% endbutton %}') == (
        '<button class="button" type="submit" data-busy-label="Canceling…">Cancel the seat</button>'
    )
    assert drawn('{% button kind="second" name="answer" value="no" %}No{% endbutton %}') == (
        '<button class="button button-second" type="submit" name="answer" value="no">No</button>'
    )


def test_button_with_an_address_is_a_link() -> None:
    assert drawn('{% button to="subscriptions:order" of=number wide=True %}See it{% endbutton %}', number="RR-7F3K9QXW") == (
        '<a class="button button-wide" href="/orders/RR-7F3K9QXW/">See it</a>'
    )


def test_words_in_a_component_are_escaped_once() -> None:
    said = "{% button href=address %}{{ title }}{% endbutton %}"
    assert drawn(said, address='/?a=1&b="', title="Hill & Co <b>") == (
        '<a class="button" href="/?a=1&amp;b=&quot;">Hill &amp; Co &lt;b&gt;</a>'
    )


def test_notice_is_read_out_only_where_it_is_told_to() -> None:
    assert drawn("{% notice %}<p>Held</p>{% endnotice %}") == '<div class="notice">\n<p>Held</p>\n</div>'
    assert drawn('{% notice tone="warn" role="alert" %}<p>Closed</p>{% endnotice %}').startswith(
        '<div class="notice notice-warn" role="alert">'
    )


def test_table_always_has_a_caption_for_screen_readers() -> None:
    assert '<caption class="hidden-words">Your orders</caption>' in drawn(
        '{% table "Your orders" says_caption=False %}<tbody></tbody>{% endtable %}'
    )
    assert "<caption>Statement</caption>" in drawn('{% table "Statement" %}<tbody></tbody>{% endtable %}')
