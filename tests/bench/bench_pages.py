"""First views of every public page on a telephone and a desk: their weight, how soon they stand, and which budgets are broken.

`make bench` starts a stack with the demo's data for it, and ends with 1 when a budget is broken. A few minutes.
"""

import tempfile
from pathlib import Path

from tests.bench.page_views import DESKTOP, PHONE, View, first_view, public_paths
from tests.fixtures_browser import FLAGS, INSTALL, MISSING, find_chromium
from tests.stack import Stack

# The quickest counts: whatever else this machine does must not look like a slow page.
TRIES = 3


def main() -> None:
    executable = find_chromium()
    if executable is None:
        raise SystemExit(f"{MISSING} ({INSTALL})")
    from playwright.sync_api import sync_playwright

    print(f"{'':<44}{'bytes':>8}{'requests':>10}{'scripts':>9}{'LCP ms':>8}{'CLS':>8}")
    views = []
    with (
        tempfile.TemporaryDirectory() as folder,
        Stack(Path(folder) / "run") as stack,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=executable, args=FLAGS) as browser,
    ):
        paths = public_paths(stack)
        # A process that has just started compiles its templates first.
        for path in [path for path in paths if path != "/nowhere/"]:
            stack.get(path)
        for path in paths:
            for window, shape in (("phone", PHONE), ("desktop", DESKTOP)):
                tries = [first_view(browser, stack.url, path, shape) for _ in range(TRIES)]
                view = min(tries, key=lambda tried: tried.lcp_ms)
                view.window = window
                views.append(view)
                print(line_of(view), flush=True)
    broken = [fault for view in views for fault in (*view.too_heavy(), *view.too_slow())]
    print(found(views, broken))
    raise SystemExit(1 if broken else 0)


def line_of(view: View) -> str:
    return (
        f"{view.path[-36:]:<36}{view.window:<8}{view.sent_bytes:>8,}{view.requests:>10}"
        f"{view.script_bytes:>9,}{view.lcp_ms:>8.0f}{view.cls:>8.3f}"
    )


def found(views: list[View], broken: list[str]) -> str:
    """One line of what was found."""
    if broken:
        return "Budgets broken: " + "; ".join(broken)
    heaviest, slowest = max(views, key=lambda view: view.sent_bytes), max(views, key=lambda view: view.lcp_ms)
    return (
        f"All budgets hold in {len(views)} views: at most {heaviest.sent_bytes:,} bytes ({heaviest.path}), "
        f"{max(view.requests for view in views)} requests, {slowest.lcp_ms:.0f} ms to the largest piece ({slowest.path}), "
        f"CLS {max(view.cls for view in views):.3f}, nothing from third parties."
    )


if __name__ == "__main__":
    main()
