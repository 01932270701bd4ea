"""
Every page in a real browser, in each state that it has and with its errors shown: axe-core finds nothing in light and dark, in a
narrow window and with large letters; the HTML is valid; titles and headings tell the pages apart; the console is silent.

Pages without arguments are found by themselves, all others are opened by a tour. An address that no tour opens fails the test.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.factories import make_user
from tests.fixtures_shop import Shop
from tests.walk import addresses, known, tour_accounts, tour_desk, tour_public, tour_reader
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


def assert_nothing_found(examiner: Examiner) -> None:
    examiner.check_documents()
    examiner.check_titles(known.SHARED_TITLES)
    slowest = sorted(examiner.seconds.items(), key=lambda look: look[1])[-3:]
    print(f"{len(examiner.seconds)} looks in {sum(examiner.seconds.values()):.0f} s, the longest: {slowest}")
    findings = [str(finding) for finding in examiner.findings if not known.is_known(finding)]
    assert findings == [], "\n".join(findings)


def test_nothing_is_wrong_with_any_page_of_the_site(walkers: Walkers, shop: Shop, settings: Any, tmp_path: Path) -> None:
    tour_public.take(walkers)
    tour_reader.take(walkers, shop)
    tour_accounts.take(walkers)
    tour_accounts.look_at_caught_mails(walkers, settings, tmp_path)
    assert_nothing_found(walkers.examiner)
    unseen = addresses.all_views(make_user()) - walkers.examiner.views
    assert not unseen, f"no tour opens {unseen}, and addresses.NO_PAGES does not say why"


def test_nothing_is_wrong_with_any_page_of_the_desk(walkers: Walkers) -> None:
    tour_desk.take(walkers)
    assert_nothing_found(walkers.examiner)
