"""The pages' common frame: plain, readable without style or script, and never to be mistaken for the real Stripe."""

from dataclasses import dataclass, field
from html import escape

from .jsontypes import Json
from .resources.common import dollars

STYLE = """
*{box-sizing:border-box}body{margin:0;background:#f6f8fa;color:#1a1f36;font:16px/1.5 system-ui,sans-serif}
.banner{background:#635bff;color:#fff;padding:.5rem 1rem;text-align:center;font-weight:600}
main{max-width:30rem;margin:2rem auto;padding:1.5rem;background:#fff;border:1px solid #d8dee4;border-radius:.5rem}
h1{font-size:1.25rem;margin:0 0 1rem}h2{font-size:1rem}table{width:100%;border-collapse:collapse;margin-bottom:1rem}
td,th{padding:.35rem 0;text-align:left;vertical-align:top}td:last-child,th:last-child{text-align:right;white-space:nowrap}
tr.total td{border-top:1px solid #d8dee4;font-weight:600}label{display:block;margin:.75rem 0 .25rem;font-weight:600}
input[type=text],input[type=email]{width:100%;font:inherit;padding:.5rem;border:1px solid #6a7383;border-radius:.25rem}
.pair{display:flex;gap:1rem}.pair>div{flex:1}
button{font:inherit;font-weight:600;width:100%;margin-top:1rem;padding:.65rem;border:1px solid #4b45c6;border-radius:.25rem;
background:#4b45c6;color:#fff;cursor:pointer}button.second{background:#fff;color:#1a1f36;border-color:#6a7383}
.problem{border:1px solid #b3093c;background:#fff0f3;color:#8a062e;padding:.6rem;border-radius:.25rem}
.hint{color:#4f5b76;font-size:.875rem}a{color:#4b45c6}.check{font-weight:400}
"""


@dataclass
class Page:
    """What goes back to a browser."""

    status: int
    body: str | bytes
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "text/html; charset=utf-8"


def not_found() -> Page:
    return Page(404, page("Not found", "<p>There is nothing at this address.</p>"))


def page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>"
        '<div class="banner" role="note">Stripe simulator: no real money</div>'
        f"<main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )


def problem(message: str) -> str:
    return f'<p class="problem" role="alert">{escape(message)}</p>' if message else ""


def items_table(rows: list[tuple[str, int, int]], total: int, currency: str) -> str:
    """Rows of (text, quantity, amount) with their sum."""
    body = "".join(
        f"<tr><td>{escape(text)}{f' × {quantity}' if quantity > 1 else ''}</td><td>{escape(dollars(amount, currency))}</td></tr>"
        for text, quantity, amount in rows
    )
    return f'<table>{body}<tr class="total"><td>Total</td><td>{escape(dollars(total, currency))}</td></tr></table>'


def interval_text(recurring: Json | None) -> str:
    """'every year', 'every 3 months'; empty for a one-off price."""
    if not recurring:
        return ""
    count, interval = recurring["interval_count"], recurring["interval"]
    return f"every {interval}" if count == 1 else f"every {count} {interval}s"
