"""A year goes into its next: the credits come once, whatever else is done at that moment or was changed before."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from redreport import clock
from sessions_live.models import Seat
from subscriptions.errors import CreditExpiresBefore, NoCredit
from subscriptions.models import Case, CreditEntry, CreditGrant, Payment, Plan, Price
from subscriptions.operations.changes import ask_renewal, submit_change
from subscriptions.operations.renewals import sync_invoice
from tests.canceling import assert_books_balance, book
from tests.factories import make_live_session
from tests.fixtures_years import CHARGED_AFTER, Year
from tests.racing import at_once


def years_granted() -> list[int]:
    return list(CreditGrant.objects.filter(source="invoice").order_by("valid_from").values_list("credits", flat=True))


def test_renewal_told_while_the_last_credits_are_being_used_is_granted_once(year: Year) -> None:
    """Stripe's clock is an hour ahead of ours: the paid renewal is told before the old year has ended here."""
    reader, ends_at = year.subscriber.user, year.subscription.current_period_end
    year.pass_to(ends_at + CHARGED_AFTER, hear=False)
    year.traveller.move_to(ends_at - timedelta(hours=1))
    sessions = [make_live_session(starts_in=timedelta(minutes=30)) for _ in range(3)]
    tell = partial(sync_invoice, stripe_invoice_id=year.invoice_id(1), now=clock.now())
    outcomes = at_once([tell, *(partial(book, reader, live_session) for live_session in sessions), tell])
    refused = [outcome for outcome in outcomes if isinstance(outcome, CreditExpiresBefore | NoCredit)]
    tell()
    taken = Seat.objects.filter(state__in=Seat.TAKEN).count()
    assert taken + len(refused) == 3
    assert CreditEntry.objects.filter(kind="spend").count() == taken
    assert years_granted() == [12, 12]
    # Three of twelve sessions were offered: nine come over, used or not.
    lines = dict(CreditEntry.objects.exclude(kind__in=("grant", "spend")).values_list("kind", "delta"))
    assert lines == {"expire": taken - 12, "carry_over": 9}
    assert_books_balance()


@pytest.mark.parametrize("by_the_portal", [False, True], ids=["turned off here", "turned off in the portal"])
def test_renewal_turned_off_and_on_again_goes_on_and_is_granted(year: Year, by_the_portal: bool) -> None:
    if by_the_portal:
        assert year.shop.stripe.portal(str(year.subscriber.stripe_customer_id), "cancel", subscription=year.stripe_id) == ""
        year.hear()
    else:
        turn(year, renews=False)
    was_off = not year.subscription.renews
    turn(year, renews=True)
    assert (was_off, year.subscription.renews) == (True, True)
    year.pass_to(year.subscription.current_period_end + CHARGED_AFTER)
    assert (year.subscription.status, years_granted(), Payment.objects.count()) == ("active", [12, 12], 2)


def test_change_of_plan_in_the_dashboard_brings_no_second_year_of_credits(year: Year) -> None:
    """What Stripe charges for the rest of a period stands on the invoice beside the year, as a proration."""
    [invoice] = year.shop.stripe.objects("invoice")
    [line] = invoice["lines"]["data"]
    proration: dict[str, Any] = {**line, "id": "il_upgrade", "amount": 100000, "parent": {**line["parent"]}}
    proration["parent"]["subscription_item_details"] = {**line["parent"]["subscription_item_details"], "proration": True}
    year.shop.stripe.plant(invoice["id"], lines={**invoice["lines"], "data": [line, proration]})
    for _ in range(2):
        sync_invoice(stripe_invoice_id=invoice["id"], now=clock.now())
    assert years_granted() == [12]
    # The same line without that word would be a year: it is the word that counts.
    proration["parent"]["subscription_item_details"]["proration"] = False
    year.shop.stripe.plant(invoice["id"], lines={**invoice["lines"], "data": [line, proration]})
    sync_invoice(stripe_invoice_id=invoice["id"], now=clock.now())
    assert years_granted() == [12, 12]


def turn(year: Year, *, renews: bool) -> None:
    change = ask_renewal(user=year.subscriber.user, renews=renews, now=clock.now())
    assert submit_change(change_id=change.pk, now=clock.now())
    change.refresh_from_db()
    assert change.state == "done"


def test_renewal_at_a_price_of_staffs_own_is_recorded_and_put_to_a_person(year: Year) -> None:
    """Somebody gave the subscription another price in the dashboard."""
    year.pass_to(year.subscription.current_period_end + CHARGED_AFTER, hear=False)
    Price.objects.filter(plan=Plan.ANNUAL).update(stripe_price_id="price_of_before")
    year.shop.hear(year.shop.events("invoice.paid")[-1])
    assert (years_granted(), Payment.objects.count()) == ([12], 2)
    case = Case.objects.get()
    assert (case.kind, case.subscription) == ("unknown_invoice", year.subscription)
    assert case.summary.endswith("is paid, but at no yearly price of ours, so no credits came of it")
    year.shop.hear(year.shop.events("invoice.paid")[-1])
    assert Case.objects.count() == 1
