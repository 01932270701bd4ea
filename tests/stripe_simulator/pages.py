"""Which address shows which page, and what takes its form."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from .checkout_page import show_authentication, show_checkout, submit_authentication, submit_checkout
from .document_pages import show_credit_note_pdf, show_invoice_pdf, show_receipt
from .html import Page, not_found, page
from .invoice_page import show_invoice, submit_invoice
from .portal_page import show_portal, submit_portal

if TYPE_CHECKING:
    from .simulator import Simulator

SESSION, ATTEMPT, WORD = r"(cs_test_\w+)", r"(att_\w+)", r"(\w+)"


def show_root(sim: "Simulator") -> Page:
    words = "<p>It stands in for Stripe on this machine: the site sends you here to pay. Nothing here is charged.</p>"
    return Page(200, page("Stripe simulator", words))


SHOWN: dict[str, Callable[..., Page]] = {
    "/": show_root,
    rf"/c/pay/{SESSION}": show_checkout,
    rf"/c/pay/{SESSION}/authenticate/{ATTEMPT}": show_authentication,
    rf"/p/session/{WORD}": show_portal,
    rf"/i/{WORD}": show_invoice,
    rf"/i/{WORD}/pdf": show_invoice_pdf,
    rf"/credit_notes/{WORD}/pdf": show_credit_note_pdf,
    rf"/receipts/{WORD}": show_receipt,
}
SUBMITTED: dict[str, Callable[..., Page]] = {
    rf"/c/pay/{SESSION}": submit_checkout,
    rf"/c/pay/{SESSION}/authenticate/{ATTEMPT}": submit_authentication,
    rf"/p/session/{WORD}": submit_portal,
    rf"/i/{WORD}": submit_invoice,
}


def answer_page(sim: "Simulator", method: str, path: str, body: str) -> Page:
    """The page at that address, or what posting its form leads to."""
    posted = method == "POST"
    for pattern, answer in (SUBMITTED if posted else SHOWN).items():
        match = re.fullmatch(pattern, path)
        if match:
            return answer(sim, *match.groups(), *([body] if posted else []))
    return not_found()
