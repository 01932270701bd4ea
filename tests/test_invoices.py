"""Every invoice of ours is written down as it is at Stripe, and one that is stuck becomes a case until it is not."""

from dataclasses import replace
from datetime import UTC, datetime

from redreport import clock
from subscriptions import stripe_gateway as gateway
from subscriptions.models import Case, CreditGrant, Invoice, Order, Payment
from subscriptions.operations import renewals
from subscriptions.operations.leases import synchronize
from subscriptions.operations.renewals import sync_invoice
from subscriptions.stripe_objects import InvoiceState
from tests.fixtures_shop import Shop
from tests.fixtures_years import BEGIN, CHARGED_AFTER, Year

RENEWS_AT = datetime(2027, 12, 1, 17, tzinfo=UTC)


def apply(invoice: InvoiceState) -> None:
    """The invoice is fetched, and is as given."""
    synchronize(invoice.id, lambda lease: renewals._apply_invoice(invoice, lease, clock.now()))


def cases() -> list[tuple[str, str, str]]:
    return list(Case.objects.order_by("id").values_list("kind", "state", "resolution"))


def test_a_years_invoices_are_written_down_with_their_sums(year: Year) -> None:
    year.pass_to(RENEWS_AT + CHARGED_AFTER)
    renewal, first = Invoice.objects.all()
    for invoice in (first, renewal):
        assert (invoice.subscriber, invoice.subscription, invoice.status) == (year.subscriber, year.subscription, "paid")
        sums = (invoice.subtotal_minor, invoice.discount_minor, invoice.tax_minor, invoice.total_minor, invoice.currency)
        assert sums == (250000, 0, 0, 250000, "usd")
        assert invoice.hosted_invoice_url.endswith(f"/i/{invoice.stripe_invoice_id}")
    assert (first.billing_reason, first.order, first.created_at, first.paid_at) == (
        "subscription_create",
        year.order,
        BEGIN,
        BEGIN,
    )
    assert (renewal.billing_reason, renewal.order, renewal.created_at) == ("subscription_cycle", None, RENEWS_AT)
    assert len({first.number, renewal.number, ""}) == 3


def test_a_seats_invoice_belongs_to_its_order(shop: Shop) -> None:
    order = shop.hold_seat()
    shop.pay(order)
    shop.hear_all()
    invoice = Invoice.objects.get()
    assert (invoice.order, invoice.subscription, invoice.subscriber) == (order, None, order.subscriber)
    assert (invoice.status, invoice.total_minor, invoice.billing_reason) == ("paid", 25000, "manual")


def test_the_receipts_address_is_kept_with_the_payment(shop: Shop) -> None:
    seat, year = shop.hold_seat(), shop.order_year()
    for order in (seat, year):
        shop.pay(order)
    shop.hear_all()
    for order in Order.objects.all():
        assert "/receipts/" in Payment.objects.get(order=order).receipt_url


def test_an_open_invoice_says_when_it_is_tried_again(failing_year: Year) -> None:
    failing_year.pass_to(RENEWS_AT + CHARGED_AFTER)
    invoice = Invoice.objects.first()
    assert invoice is not None
    assert (invoice.status, invoice.attempt_count, invoice.paid_at) == ("open", 1, None)
    assert invoice.next_payment_attempt_at == datetime(2027, 12, 4, 18, tzinfo=UTC)


def test_an_invoice_of_somebody_elses_is_not_written_down(year: Year) -> None:
    foreign = replace(
        gateway.fetch_invoice(year.invoice_id(0)), id="in_foreign", customer_id="cus_foreign", subscription_id="sub_foreign"
    )
    apply(replace(foreign, status="open"))
    assert cases() == []
    apply(foreign)
    apply(foreign)
    assert cases() == [("unknown_invoice", "opened", "")]
    assert not Invoice.objects.filter(stripe_invoice_id="in_foreign").exists()


def test_a_year_that_was_invoiced_without_a_subscription_is_a_case_and_brings_nothing_by_itself(year: Year) -> None:
    first = gateway.fetch_invoice(year.invoice_id(0))
    moment = replace(first.lines[0], id="il_by_hand", period_start=BEGIN, period_end=BEGIN)
    by_hand = replace(first, id="in_by_hand", subscription_id="", order_number="", lines=(moment,), payments=())
    apply(replace(by_hand, status="open"))
    assert cases() == []
    apply(by_hand)
    apply(by_hand)
    assert cases() == [("unknown_invoice", "opened", "")]
    assert (Case.objects.get().subscriber, CreditGrant.objects.count()) == (year.subscriber, 1)


def test_an_uncollectible_renewal_is_a_case_until_it_is_paid(failing_year: Year) -> None:
    failing_year.pass_to(RENEWS_AT + CHARGED_AFTER)
    invoice_id = failing_year.invoice_id(1)
    failing_year.shop.stripe.mark_uncollectible(invoice_id)
    failing_year.hear()
    case = Case.objects.get()
    assert (case.kind, case.state, case.subscriber) == ("invoice_stuck", "opened", failing_year.subscriber)
    assert case.subscription == failing_year.subscription
    assert case.summary.endswith(": given up as uncollectible, so no credits came of it")
    assert "void it in Stripe's dashboard" in case.proposal
    assert failing_year.shop.stripe.pay_invoice(invoice_id) == "paid"
    failing_year.hear()
    assert cases() == [("invoice_stuck", "settled", "The invoice is paid")]
    assert list(failing_year.subscriber.credit_grants.filter(source="invoice").values_list("credits", flat=True)) == [12, 12]


def test_the_case_of_an_uncollectible_renewal_settles_itself_when_it_is_voided(failing_year: Year) -> None:
    failing_year.pass_to(RENEWS_AT + CHARGED_AFTER)
    failing_year.shop.stripe.mark_uncollectible(failing_year.invoice_id(1))
    failing_year.hear()
    failing_year.shop.stripe.void_invoice(failing_year.invoice_id(1))
    failing_year.hear()
    assert cases() == [("invoice_stuck", "settled", "The invoice is void")]
    assert Invoice.objects.get(stripe_invoice_id=failing_year.invoice_id(1)).status == "void"


def test_a_case_that_staff_settled_stays_theirs(failing_year: Year) -> None:
    failing_year.pass_to(RENEWS_AT + CHARGED_AFTER)
    failing_year.shop.stripe.mark_uncollectible(failing_year.invoice_id(1))
    failing_year.hear()
    Case.objects.update(state="settled", settled_at=clock.now(), settled_by=failing_year.subscriber.user, resolution="Forgiven")
    failing_year.hear()
    failing_year.shop.stripe.void_invoice(failing_year.invoice_id(1))
    failing_year.hear()
    assert cases() == [("invoice_stuck", "settled", "Forgiven")]


def test_an_invoice_that_cannot_be_finalized_is_a_case_until_it_is(year: Year) -> None:
    year.shop.stripe.fail_finalization()
    year.pass_to(RENEWS_AT + CHARGED_AFTER)
    assert Invoice.objects.get(stripe_invoice_id=year.invoice_id(1)).status == "draft"
    case = Case.objects.get()
    assert case.summary == (
        f"{year.invoice_id(1)}: Stripe could not finalize it (customer_tax_location_invalid), so nothing is charged"
    )
    assert (case.kind, case.state, case.subscription) == ("invoice_stuck", "opened", year.subscription)
    year.shop.stripe.fail_finalization(on=False)
    assert year.shop.stripe.collect(year.invoice_id(1)) == "paid"
    year.hear()
    assert cases() == [("invoice_stuck", "settled", "The invoice is paid")]


def test_what_came_late_does_not_turn_an_invoice_back(failing_year: Year) -> None:
    failing_year.pass_to(RENEWS_AT + CHARGED_AFTER)
    failed = failing_year.shop.events("invoice.payment_failed")[-1]
    failing_year.shop.stripe.change_card(failing_year.stripe_id, "4242424242424242")
    failing_year.hear()
    failing_year.shop.hear({**failed, "id": "evt_late"})
    assert Invoice.objects.get(stripe_invoice_id=failing_year.invoice_id(1)).status == "paid"
    sync_invoice(stripe_invoice_id=failing_year.invoice_id(1), now=clock.now())
    assert failing_year.subscriber.credit_grants.filter(source="invoice").count() == 2
