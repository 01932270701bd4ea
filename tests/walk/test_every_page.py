"""
Every page in a real browser, in each state that it has and with its errors shown: axe-core finds nothing in light and dark, in a
narrow window and with large letters; the HTML is valid; titles and headings tell the pages apart; the console is silent.

Pages without arguments are found by themselves, all others are opened by a tour. An address that no tour opens fails the test.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.fixtures_shop import Shop
from tests.walk import addresses, tour_accounts, tour_desk, tour_public, tour_reader
from tests.walk.examiner import Examiner
from tests.walk.walker import Walkers

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.urls("tests.walk.urls")]


@pytest.fixture
def walkers(browser: "Browser", site: str) -> "Iterator[Walkers]":
    walkers = Walkers(browser, site, Examiner())
    yield walkers
    walkers.close()


def test_nothing_is_found_on_any_page(walkers: Walkers, shop: Shop, settings: Any, tmp_path: Path) -> None:
    examiner = walkers.examiner
    tour_public.take(walkers)
    tour_reader.take(walkers, shop)
    tour_accounts.take(walkers)
    tour_desk.take(walkers)
    tour_accounts.look_at_caught_mails(walkers, settings, tmp_path)
    examiner.check_documents()
    examiner.check_titles()
    print(f"\n{len(examiner.seconds)} pages, {sum(examiner.seconds.values()):.0f} s to look at them")
    assert not examiner.findings, "\n".join(map(str, examiner.findings))
    assert addresses.all_views() - examiner.views == set()
