"""Credit notes in the simulator: they account for what was given back on a paid invoice, and never for more."""

from functools import partial
from typing import Any

import pytest
import stripe

from tests.fixtures_stripe import StripeAccount
from tests.simulator_steps import browse, refusal


@pytest.fixture
def seat(stripe_account: StripeAccount) -> stripe.checkout.Session:
    """A seat that was paid with an invoice."""
    return stripe_account.paid_seat(invoice_creation={"enabled": True})


def invoice_of(account: StripeAccount, seat: stripe.checkout.Session) -> stripe.Invoice:
    found: stripe.Invoice = account.client.v1.invoices.retrieve(str(seat.invoice))
    return found


def credit(account: StripeAccount, seat: stripe.checkout.Session, **params: Any) -> stripe.CreditNote:
    made: stripe.CreditNote = account.client.v1.credit_notes.create({"invoice": str(seat.invoice), **params})
    return made


def refund(account: StripeAccount, seat: stripe.checkout.Session, amount: int) -> str:
    return str(account.client.v1.refunds.create({"payment_intent": str(seat.payment_intent), "amount": amount}).id)


def test_a_credit_note_accounts_for_a_refund_that_was_made(stripe_account: StripeAccount, seat: stripe.checkout.Session) -> None:
    given_back = refund(stripe_account, seat, 10000)
    note = credit(
        stripe_account,
        seat,
        amount=10000,
        refunds=[{"refund": given_back, "amount_refunded": 10000}],
        memo="One seat returned",
        reason="order_change",
        metadata={"refund": "7"},
    )
    invoice = invoice_of(stripe_account, seat)
    assert (note.status, note.type, note.total, note.post_payment_amount) == ("issued", "post_payment", 10000, 10000)
    assert (note.memo, note.reason, note.metadata and note.metadata["refund"]) == ("One seat returned", "order_change", "7")
    assert [(row.refund, row.amount_refunded) for row in note.refunds] == [(given_back, 10000)]
    assert note.number == f"{invoice.number}-CN-01"
    assert (invoice.post_payment_credit_notes_amount, invoice.status, invoice.amount_paid) == (10000, "paid", 25000)
    assert stripe_account.event_types()[-2:] == ["credit_note.created", "invoice.updated"]
    status, body, headers = browse(note.pdf)
    assert (status, headers["Content-Type"], body[:5]) == (200, "application/pdf", "%PDF-")


def test_a_credit_note_can_make_the_refund_itself(stripe_account: StripeAccount, seat: stripe.checkout.Session) -> None:
    note = credit(stripe_account, seat, amount=25000, refund_amount=20000, out_of_band_amount=5000)
    (made,) = stripe_account.client.v1.refunds.list({"payment_intent": str(seat.payment_intent)}).data
    assert (made.amount, [row.refund for row in note.refunds], note.out_of_band_amount) == (20000, [made.id], 5000)


def test_lines_of_the_invoice_can_be_credited(stripe_account: StripeAccount, seat: stripe.checkout.Session) -> None:
    line = invoice_of(stripe_account, seat).lines.data[0]
    lines = [
        {"type": "invoice_line_item", "invoice_line_item": line.id, "amount": 15000},
        {"type": "custom_line_item", "unit_amount": 1000, "quantity": 2, "description": "Goodwill"},
    ]
    note = credit(stripe_account, seat, lines=lines, refund_amount=17000)
    assert [(row.amount, row.description) for row in note.lines.data] == [(15000, line.description), (2000, "Goodwill")]
    assert note.amount == 17000
    listed = stripe_account.client.v1.credit_notes.line_items.list(note.id).data
    assert [row.id for row in listed] == [row.id for row in note.lines.data]


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"amount": 10000}, "must equal"),
        ({"amount": 10000, "refund_amount": 9999}, "must equal"),
        ({"amount": 25001, "refund_amount": 25001}, "exceeds what can still be credited"),
        ({}, "one of `amount` or `lines`"),
        ({"amount": 1, "credit_amount": 1}, "does not act out `credit_amount`"),
    ],
)
def test_what_does_not_add_up_is_refused(
    stripe_account: StripeAccount, seat: stripe.checkout.Session, params: dict[str, Any], words: str
) -> None:
    assert words in str(refusal(lambda: credit(stripe_account, seat, **params)))
    assert stripe_account.client.v1.refunds.list().data == []
    assert invoice_of(stripe_account, seat).post_payment_credit_notes_amount == 0


def test_credit_notes_never_exceed_the_invoice(stripe_account: StripeAccount, seat: stripe.checkout.Session) -> None:
    credit(stripe_account, seat, amount=20000, out_of_band_amount=20000)
    found = refusal(lambda: credit(stripe_account, seat, amount=5001, out_of_band_amount=5001))
    assert "($50.00)" in str(found)
    second = credit(stripe_account, seat, amount=5000, out_of_band_amount=5000)
    assert second.number.endswith("-CN-02")
    assert invoice_of(stripe_account, seat).post_payment_credit_notes_amount == 25000


def test_a_refund_is_credited_once_only(stripe_account: StripeAccount, seat: stripe.checkout.Session) -> None:
    given_back = refund(stripe_account, seat, 10000)
    credit(stripe_account, seat, amount=6000, refunds=[{"refund": given_back, "amount_refunded": 6000}])
    again = [{"refund": given_back, "amount_refunded": 4001}]
    assert refusal(lambda: credit(stripe_account, seat, amount=4001, refunds=again)).param == "refunds[0][amount_refunded]"
    note = credit(stripe_account, seat, amount=4000, refunds=[{"refund": given_back}])
    assert note.refunds[0].amount_refunded == 4000


def test_refunds_of_other_payments_and_failed_ones_are_refused(
    stripe_account: StripeAccount, seat: stripe.checkout.Session
) -> None:
    foreign = refund(stripe_account, stripe_account.paid_seat(), 5000)
    stripe_account.control.next_refund("failed")
    failed = refund(stripe_account, seat, 5000)
    for unfit in (foreign, failed):
        found = refusal(partial(credit, stripe_account, seat, amount=5000, refunds=[{"refund": unfit}]))
        assert found.param == "refunds[0][refund]"


def test_a_credit_note_of_a_taxed_invoice_holds_its_share_of_the_tax(
    stripe_account: StripeAccount, seat: stripe.checkout.Session
) -> None:
    details = {
        "tax_rate_details": None,
        "taxability_reason": "standard_rated",
        "taxable_amount": 23148,
        "type": "tax_rate_details",
    }
    tax = {"amount": 1852, "tax_behavior": "exclusive", **details}
    stripe_account.control.plant(str(seat.invoice), total_taxes=[tax], total_excluding_tax=23148)
    note = credit(stripe_account, seat, amount=12500, refund_amount=12500)
    assert [(row.amount, row.taxable_amount) for row in note.total_taxes or []] == [(926, 11574)]
    assert (note.total, note.total_excluding_tax, note.subtotal) == (12500, 11574, 11574)
    line = {"type": "custom_line_item", "unit_amount": 100}
    assert refusal(lambda: credit(stripe_account, seat, lines=[line], refund_amount=100)).code == "simulator_unsupported"


def test_credit_notes_are_listed_by_invoice_and_customer(stripe_account: StripeAccount, seat: stripe.checkout.Session) -> None:
    notes = stripe_account.client.v1.credit_notes
    made = credit(stripe_account, seat, amount=100, out_of_band_amount=100)
    assert [row.id for row in notes.list({"invoice": str(seat.invoice)}).data] == [made.id]
    assert notes.list({"customer": stripe_account.customer().id}).data == []
    expanded = notes.retrieve(made.id, {"expand": ["invoice", "customer"]})
    assert (expanded.invoice.id, expanded.customer.id) == (seat.invoice, seat.customer)
