"""What a first view of each public page takes over the wire; `make bench` measures how soon it stands, too."""

from typing import TYPE_CHECKING

from tests.bench.page_views import PHONE, first_view, public_paths
from tests.e2e.conftest import House

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def test_no_public_page_is_heavier_than_its_budget(browser: "Browser", house: House) -> None:
    views = [first_view(browser, house.stack.url, path, PHONE) for path in public_paths(house.stack)]
    assert [fault for view in views for fault in view.too_heavy()] == []
    # Each has its stylesheet, its font and its script: what was counted is a page and not an error of plain text.
    for view in views:
        assert sum(".css" in address or ".woff2" in address or ".js" in address for address in view.addresses) >= 3, view.path
