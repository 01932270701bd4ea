"""Staff end a year: credits revoked, so much refunded, seats kept or canceled, and Stripe told; once."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from redreport import clock
from redreport.audit.models import AuditEntry
from redreport.outbox import kinds
from redreport.outbox.kinds import Verdict
from redreport.outbox.models import OutgoingMail
from sessions_live.models import Seat
from subscriptions.errors import RefundTooLarge, SeatNotOfYear
from subscriptions.models import Case, CreditEntry, CreditGrant, Payment, Refund, Subscription, SubscriptionChange
from subscriptions.operations.booking import book_with_credit
from subscriptions.operations.year_endings import end_year, preview_end_year, suggest_year_refund
from subscriptions.tasks import sweep_changes_task, sweep_refunds_task
from tests.factories import make_credits, make_live_session, make_staff, make_user
from tests.fixtures_shop import Shop
from tests.racing import at_once


@pytest.fixture
def year(shop: Shop) -> Subscription:
    return shop.begin_year()


def book(year: Subscription) -> Seat:
    return book_with_credit(user=year.subscriber.user, live_session_id=make_live_session().pk, now=clock.now()).seat


def end(year: Subscription, refund_minor: int = 0, seats: list[Seat] | None = None) -> SubscriptionChange:
    change = end_year(
        subscription_id=year.pk,
        actor=make_staff(),
        reason="Asked to leave",
        refund_minor=refund_minor,
        seats_to_cancel=[seat.pk for seat in seats or []],
        now=clock.now(),
    )
    change.refresh_from_db()
    return change


@pytest.mark.parametrize(("booked", "suggested"), [(0, 250000), (1, 229166), (5, 145833), (11, 20833), (12, 0)])
def test_suggestion_is_what_was_paid_by_the_unused_twelfths_rounded_down(
    shop: Shop, year: Subscription, booked: int, suggested: int
) -> None:
    CreditGrant.objects.update(balance=12 - booked)
    assert suggest_year_refund(subscription=year, now=clock.now()) == suggested


def test_suggestion_follows_what_was_paid_and_what_went_back_already(shop: Shop, year: Subscription) -> None:
    Payment.objects.update(amount_minor=272188)
    CreditGrant.objects.update(balance=7)
    assert suggest_year_refund(subscription=year, now=clock.now()) == 158776
    Payment.objects.update(refunded_minor=200000)
    assert suggest_year_refund(subscription=year, now=clock.now()) == 72188
    assert suggest_year_refund(subscription=year, now=year.current_period_end) == 0


def test_year_ends_with_refund_revocation_and_the_listed_seat_canceled(shop: Shop, year: Subscription) -> None:
    kept, dropped = book(year), book(year)
    make_credits(year.subscriber.user, 2)
    change = end(year, 208333, [dropped])
    for row in (year, kept, dropped):
        row.refresh_from_db()
    assert (change.kind, change.state, year.status, year.ended_at is not None) == ("end_now", "done", "canceled", True)
    assert shop.stripe.objects("subscription")[0]["status"] == "canceled"
    refund = Refund.objects.get()
    assert (refund.amount_minor, refund.reason, refund.note, refund.state) == (
        208333,
        "year_ended",
        "Asked to leave",
        "succeeded",
    )
    assert refund.made_by == change.asked_by
    assert [row["amount"] for row in shop.stripe.objects("refund")] == [208333]
    assert (kept.state, dropped.state, dropped.canceled_by, dropped.restitution) == ("confirmed", "canceled", "house", "none")
    assert (dropped.coverage.settlement, OutgoingMail.objects.filter(kind="seat_canceled").count()) == ("forfeited", 1)
    assert list(CreditEntry.objects.filter(kind="revoke").values_list("delta", "balance_after", "reason")) == [
        (-10, 0, "Asked to leave")
    ]
    assert sorted(CreditGrant.objects.values_list("balance", flat=True)) == [0, 2]


def test_subscriber_is_told_once_what_comes_back(shop: Shop, year: Subscription) -> None:
    seat = book(year)
    end(year, 229166, [seat])
    mail = OutgoingMail.objects.get(kind="year_ended_by_house")
    rendered = kinds.find(mail.kind).render(mail)
    assert (mail.recipient, rendered.subject) == (year.subscriber.user.email, "Your year has ended: $2,291.66 comes back")
    assert "$2,291.66 of what you paid for it goes back to the card" in rendered.text
    assert "Seats canceled with it: 1." in rendered.text
    assert not OutgoingMail.objects.filter(kind__startswith="renewal_turned").exists()


def test_running_twice_changes_nothing_more(shop: Shop, year: Subscription) -> None:
    seat = book(year)
    first = end(year, 100000)
    assert end(year, 50000, [seat]) == first
    seat.refresh_from_db()
    assert (Refund.objects.get().amount_minor, seat.state) == (100000, "confirmed")
    assert (SubscriptionChange.objects.count(), AuditEntry.objects.filter(verb="year_ended").count()) == (1, 1)


def test_two_of_staff_at_once_end_it_once(shop: Shop, year: Subscription) -> None:
    seat = book(year)
    outcomes = at_once([lambda: end(year, 100000, [seat])] * 3)
    assert {outcome.kind for outcome in outcomes} == {"end_now"}  # type: ignore[attr-defined]
    assert (Refund.objects.count(), SubscriptionChange.objects.count()) == (1, 1)
    assert CreditEntry.objects.filter(kind="revoke").count() == 1


def test_what_stripe_does_not_answer_the_sweeps_finish(shop: Shop, year: Subscription) -> None:
    shop.stripe.fault("503", path="/v1/*", count=100)
    assert end(year, 100000).state == "pending"
    year.refresh_from_db()
    assert (year.status, Refund.objects.get().state, CreditGrant.objects.get().balance) == ("active", "pending", 0)
    shop.stripe.clear_faults()
    for rows in (SubscriptionChange.objects, Refund.objects):
        rows.update(next_attempt_at=clock.now())
    sweep_changes_task()
    sweep_refunds_task()
    year.refresh_from_db()
    assert (year.status, Refund.objects.get().state) == ("canceled", "succeeded")
    assert len(shop.stripe.objects("refund")) == 1


def test_end_that_stripe_refused_is_asked_for_anew_without_a_second_refund(shop: Shop, year: Subscription) -> None:
    change = end(year, 100000)
    SubscriptionChange.objects.update(state="refused")
    mail = OutgoingMail.objects.get(kind="year_ended_by_house")
    assert kinds.find(mail.kind).guard(mail, clock.now()) == Verdict.withhold("Stripe refused to end it")
    again = end(year, 100000)
    assert (again == change, again.state, Refund.objects.count()) == (False, "done", 1)
    assert kinds.find(mail.kind).guard(mail, clock.now()) == Verdict.send()


def test_more_than_was_paid_and_seats_of_others_are_refused_and_nothing_is_done(shop: Shop, year: Subscription) -> None:
    other = make_user()
    make_credits(other)
    foreign = book_with_credit(user=other, live_session_id=make_live_session().pk, now=clock.now()).seat
    with pytest.raises(RefundTooLarge) as refusal:
        end(year, 250001)
    assert refusal.value.left_minor == 250000
    with pytest.raises(SeatNotOfYear):
        end(year, 0, [foreign])
    year.refresh_from_db()
    assert (year.status, CreditGrant.objects.get(subscription=year).balance, Refund.objects.count()) == ("active", 12, 0)
    assert (SubscriptionChange.objects.count(), Case.objects.count()) == (0, 0)


def test_preview_says_what_ending_then_does(shop: Shop, year: Subscription) -> None:
    kept, dropped = book(year), book(year)
    begun = book(year)
    begun.live_session.starts_at = clock.now() - timedelta(minutes=5)
    begun.live_session.save()
    preview = preview_end_year(subscription_id=year.pk, refund_minor=150000, seats_to_cancel=[dropped.pk], now=clock.now())
    assert (preview.credits_to_revoke, preview.refund_minor, preview.refundable_minor) == (9, 150000, 250000)
    assert (preview.seats_canceled, preview.seats_kept) == ([dropped], [kept])
    end(year, 150000, [dropped])
    assert CreditEntry.objects.get(kind="revoke").delta == -9
    assert [seat.pk for seat in Seat.objects.filter(state="canceled")] == [dropped.pk]


def admin_page(year: Subscription, **values: Any) -> Any:
    client = Client()
    client.force_login(make_staff())
    address = f"/admin/subscriptions/subscription/{year.pk}/end/"
    return client.post(address, values) if values else client.get(address)


def test_desk_sees_the_suggestion_then_what_will_happen_then_does_it(shop: Shop, year: Subscription) -> None:
    seat = book(year)
    page = admin_page(year).text
    assert "Unused credits: 11. Suggested refund: $2,291.66." in page
    given = {"reason": "Asked to leave", "refund": "2291.66", "seats": [seat.pk]}
    page = " ".join(admin_page(year, **given, preview="1").text.split())
    assert "11 unused credits will be revoked." in page
    assert "$2,291.66 goes back to the card it was paid with." in page
    assert f"Canceled: {seat.live_session.title}" in page
    assert SubscriptionChange.objects.count() == 0
    assert admin_page(year, **given, confirm="1").status_code == 302
    assert (SubscriptionChange.objects.get().state, Refund.objects.get().amount_minor) == ("done", 229166)


def test_desk_cannot_give_back_more_than_was_paid(shop: Shop, year: Subscription) -> None:
    page = admin_page(year, reason="Too much", refund="2500.01", confirm="1")
    assert "No more than $2,500 is left of the payment." in page.text
    assert SubscriptionChange.objects.count() == 0


def test_staff_without_the_permission_cannot_end_a_year(shop: Shop, year: Subscription) -> None:
    client, colleague = Client(), make_user(is_staff=True)
    colleague.user_permissions.add(Permission.objects.get(codename="view_subscription"))
    client.force_login(colleague)
    address = f"/admin/subscriptions/subscription/{year.pk}/end/"
    years = client.get("/admin/subscriptions/subscription/")
    assert (years.status_code, year.subscriber.user.email in years.text, address in years.text) == (200, True, False)
    assert client.get(address).status_code == 403
    assert client.post(address, {"reason": "Let me", "refund": "2500", "confirm": "1"}).status_code == 403
    assert (SubscriptionChange.objects.count(), Refund.objects.count()) == (0, 0)
