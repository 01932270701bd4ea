"""An invoice and a credit note as PDF, and a receipt, as people see them."""

from html import escape
from typing import TYPE_CHECKING

from .html import Page, not_found, page
from .jsontypes import Json
from .resources.common import dollars

if TYPE_CHECKING:
    from .simulator import Simulator


def show_invoice_pdf(sim: "Simulator", invoice_id: str) -> Page:
    with sim.transaction():
        invoice = sim.store.get("invoice", invoice_id)
        if not invoice or invoice["status"] == "draft":
            return not_found()
        return Page(200, _pdf(_invoice_lines(invoice)), content_type="application/pdf")


def _invoice_lines(invoice: Json) -> list[str]:
    amount = dollars(invoice["total"], invoice["currency"])
    return ["Stripe simulator: no real money", f"Invoice {invoice['number']}", f"Total {amount}, {invoice['status']}"]


def show_credit_note_pdf(sim: "Simulator", note_id: str) -> Page:
    with sim.transaction():
        note = sim.store.get("credit_note", note_id)
        if not note:
            return not_found()
        lines = ["Stripe simulator: no real money", f"Credit note {note['number']}", dollars(note["total"], note["currency"])]
        return Page(200, _pdf(lines), content_type="application/pdf")


def show_receipt(sim: "Simulator", charge_id: str) -> Page:
    with sim.transaction():
        charge = sim.store.get("charge", charge_id)
        if not charge or charge["status"] != "succeeded":
            return not_found()
        paid = dollars(charge["amount"], charge["currency"])
        returned = dollars(charge["amount_refunded"], charge["currency"])
        details, words = charge["payment_method_details"], "with card"
        if details["type"] != "card":
            words = "from the bank account"
        body = f"<p>Paid {escape(paid)} {words} ending in {details[details['type']]['last4']}.</p>"
        if charge["amount_refunded"]:
            body += f"<p>Refunded {escape(returned)}.</p>"
        return Page(200, page("Receipt", body))


def _pdf(lines: list[str]) -> bytes:
    """The smallest PDF that viewers open: one page with these lines."""
    text = "".join(f"({line.encode('latin-1', 'replace').decode('latin-1')}) Tj 0 -20 Td " for line in lines)
    stream = f"BT /F1 12 Tf 60 760 Td {text}ET"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    result, offsets = "%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(result))
        result += f"{number} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    size, start = len(objects) + 1, len(result)
    result += f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    return result.encode("latin-1")
