"""`make screenshots` also makes these: the picture of a shared link and the icons, from HTML of our own and the favicon.

They are committed, so make them only when the brand has changed.
"""

import base64
import struct
from pathlib import Path
from typing import TYPE_CHECKING

from redreport.local.supervisor import REPOSITORY
from tests.fixtures_browser import FLAGS, INSTALL, MISSING, find_chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser

STATIC = REPOSITORY / "redreport" / "static"
MOST_BYTES = 70_000

SHARED_LINK = """
<!doctype html><meta charset="utf-8">
<style>
@font-face {{ font-family: "Red Report Serif"; src: url(data:font/woff2;base64,{font}); font-weight: 400 700; }}
* {{ margin: 0; box-sizing: border-box; }}
body {{ width: 1200px; height: 630px; background: #fbf7f0; color: #1a1614; padding: 0 88px;
  font-family: "Red Report Serif", serif; border-top: 22px solid #a6121f; display: flex; flex-direction: column; }}
.wordmark {{ font-size: 46px; font-weight: 700; padding: 44px 0 26px; border-bottom: 7px double #1a1614; }}
.wordmark b {{ color: #a6121f; }}
.wordmark i {{ font: 600 22px/1 sans-serif; letter-spacing: .12em; text-transform: uppercase;
  color: #a6121f; margin-left: 14px; border: 2px solid; padding: 7px 10px 5px; vertical-align: 6px; }}
h1 {{ font-size: 84px; line-height: 1.12; font-weight: 600; letter-spacing: -.01em; margin: auto 0; text-wrap: balance; }}
p {{ font: 500 28px/1 sans-serif; color: #5c524c; border-top: 1px solid #cfc4b6; padding: 30px 0 44px; }}
</style>
<div class="wordmark">The <b>Red</b> Report <i>Live</i></div>
<h1>Question the people who read Beijing for a living.</h1>
<p>One hour. One question. The authors of The Red Report.</p>
"""
ICON = "<!doctype html><style>* {{ margin: 0 }} svg {{ display: block; width: {size}px; height: {size}px }}</style>{svg}"


def picture_of(browser: "Browser", html: str, width: int, height: int) -> bytes:
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_content(html)
    page.evaluate("document.fonts.ready")
    taken = page.screenshot()
    page.close()
    return taken


def as_ico(png: bytes, size: int) -> bytes:
    """An icon file that holds one picture as PNG, which every browser of today reads."""
    header = struct.pack("<HHH", 0, 1, 1)
    entry = struct.pack("<BBBBHHII", size, size, 0, 0, 1, 32, len(png), len(header) + 16)
    return header + entry + png


def keep(name: str, content: bytes) -> None:
    path = Path(STATIC, name)
    path.write_bytes(content)
    print(f"{path.relative_to(REPOSITORY)}: {len(content):,} bytes")
    if len(content) > MOST_BYTES:
        raise SystemExit(f"{name} is larger than {MOST_BYTES:,} bytes")


def main() -> None:
    executable = find_chromium()
    if executable is None:
        raise SystemExit(f"{MISSING} ({INSTALL})")
    from playwright.sync_api import sync_playwright

    svg = (STATIC / "favicon.svg").read_text()
    font = base64.b64encode((STATIC / "fonts" / "red-report-serif.woff2").read_bytes()).decode()
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=executable, args=FLAGS) as browser:
        keep("share.png", picture_of(browser, SHARED_LINK.format(font=font), 1200, 630))
        keep("apple-touch-icon.png", picture_of(browser, ICON.format(size=180, svg=svg), 180, 180))
        keep("favicon.ico", as_ico(picture_of(browser, ICON.format(size=32, svg=svg), 32, 32), 32))


if __name__ == "__main__":
    main()
