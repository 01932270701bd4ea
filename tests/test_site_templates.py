"""What a strict content policy asks of every template and file, and what a first view weighs."""

import gzip
import re
from pathlib import Path

import pytest
from django.conf import settings

TEMPLATES = Path(settings.BASE_DIR, "templates")
STATIC = Path(settings.BASE_DIR, "redreport", "static")
PAGES = sorted(path for path in TEMPLATES.rglob("*.html") if "email" not in str(path.parent.relative_to(TEMPLATES)))
MAILS = sorted((TEMPLATES / "emails").glob("*.html"))

INLINE = re.compile(r"<style|<script(?![^>]*\bsrc=)|\sstyle\s*=|\son[a-z]+\s*=\s*[\"']|javascript:", re.IGNORECASE)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_page_has_no_inline_style_script_or_handler(path: Path) -> None:
    assert INLINE.search(path.read_text()) is None


@pytest.mark.parametrize("path", PAGES + MAILS, ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_nothing_is_fetched_from_elsewhere(path: Path) -> None:
    assert re.search(r"(src|href)=[\"']?(https?:)?//", path.read_text()) is None


def test_the_scan_would_find_what_it_looks_for() -> None:
    for bad in ('<p style="x">', "<style>", "<script>x</script>", '<a onclick="x">', '<a href="javascript:x">'):
        assert INLINE.search(bad)
    assert INLINE.search('<script type="module" src="/static/site.js"></script>') is None


def test_server_error_page_is_plain_html() -> None:
    page = (TEMPLATES / "500.html").read_text()
    assert "{%" not in page
    assert "{{" not in page


@pytest.mark.parametrize("name", ["site.js", "passkeys.js"])
def test_script_assigns_no_html(name: str) -> None:
    script = (STATIC / name).read_text()
    assert not re.search(r"(?:inner|outer)HTML\s*\+?=(?!=)|insertAdjacentHTML|document\.write|eval\(|new Function", script)


def test_first_view_is_light() -> None:
    packed = sum(len(gzip.compress((STATIC / name).read_bytes())) for name in ("site.css", "site.js"))
    font = (STATIC / "fonts" / "red-report-serif.woff2").stat().st_size
    assert (STATIC / "site.js").stat().st_size <= 12 * 1024
    assert packed + font <= 45 * 1024
