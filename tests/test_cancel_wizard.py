"""Canceling a session from the desk: to the cent and to the mail what was shown, and once."""

import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import Value
from django.db.models.functions import Concat
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from redreport import clock
from redreport.accounts.models import User
from redreport.audit.models import AuditEntry
from redreport.outbox.models import OutgoingMail
from sessions_live.models import Host, LiveSession, ScheduleChange, Seat
from subscriptions.models import Case, CreditEntry, CreditGrant, Refund, SeatCoverage
from subscriptions.operations.previews import preview_session_cancellation
from subscriptions.tasks import settle_canceled_seats, sweep_refunds_task
from tests.canceling import assert_books_balance, book
from tests.factories import make_guest_seat, make_live_session, make_staff, make_user
from tests.fixtures_shop import Shop
from tests.full_house import fill
from tests.money_back import bought_seat, payment_of, refund_by_hand
from tests.moving import seat_by_credit
from tests.outbox_helpers import last_mail_id, mails_owed, rendered_mail
from tests.parties import BO, CY, party_of
from tests.staff import desk_of, staff_who_may
from tests.waiting import waits
from tests.wizards import Walk

CANCEL = "desk_cancel_session"
SAID = {"message": "The host is ill.", "reason": "Flu"}


def walk_of(live_session: LiveSession, **said: str) -> Walk:
    return Walk(desk_of(), CANCEL, live_session, **{**SAID, **said})


def seat_paid_past_stripe(live_session: LiveSession) -> Seat:
    seat = make_guest_seat(live_session)
    SeatCoverage.objects.filter(seat=seat).update(
        kind="offline", amount_minor=22500, currency="usd", paid_on=date(2026, 11, 1), note="bank transfer"
    )
    return seat


def session_with_every_sort_of_seat(shop: Shop) -> LiveSession:
    """Four seats by card in two orders, of which something went back by hand; one with the bank; credits, a guest, an invoice;
    one that is being paid for; a reader who waits and a host with an address."""
    live_session, buyer = make_live_session(capacity=11), make_user()
    live_session.hosts.add(Host.objects.create(name="Jo Hart", email="jo@example.com"))
    order = shop.sell_seats(buyer, live_session, party_of(buyer, BO, CY))
    refund_by_hand(payment_of(order), 10001)
    bought_seat(shop, live_session=live_session)
    disputed = bought_seat(shop, live_session=live_session)
    shop.stripe.open_dispute(disputed.stripe_payment_intent_id)
    shop.hear_all()
    for _ in range(2):
        seat_by_credit(live_session)
    CreditGrant.objects.filter(entries__seat__isnull=False).update(expires_at=clock.now() + timedelta(days=20))
    make_guest_seat(live_session)
    seat_paid_past_stripe(live_session)
    # An odd one: it cost nothing, and its order has no payment.
    shop.promote("GIFT", percent_off=100)
    free = shop.hold_seat(live_session=live_session)
    shop.pay(free, promotion_code="GIFT")
    shop.hear_all()
    shop.hold_seat(live_session=live_session)
    LiveSession.objects.filter(pk=live_session.pk).update(capacity=Seat.objects.filter(state__in=Seat.ACTIVE).count())
    waits(live_session)
    live_session.refresh_from_db()
    return live_session


def test_preview_says_to_the_cent_and_to_the_mail_what_then_happens(shop: Shop) -> None:
    live_session = session_with_every_sort_of_seat(shop)
    before, cases, refunds = last_mail_id(), set(Case.objects.values_list("pk", flat=True)), Refund.objects.count()
    walk = walk_of(live_session)
    page = walk.look().text
    shown = walk.values["consequences"]
    assert (
        shown.live_session.seats_taken,
        shown.live_session.seats_held,
        shown.live_session.waiting,
        shown.live_session.hosts,
    ) == (10, 1, 1, 1)
    assert (shown.refunds, shown.refunds_made, shown.credits_returned) == ((("usd", 25000 * 4 - 10001),), 4, 2)
    assert (shown.free, shown.paid_past_stripe, shown.disputed, shown.gone_back) == (2, 1, 1, 0)
    # Attendees, the booker of two others, who waits, a host.
    assert shown.mails == 10 + 2 + 1 + 1
    assert "Cancels 10 seats, refunds $899.99, returns 2 credits, opens 2 cases, sends 14 mails." in page
    assert (len(mails_owed(before)), Refund.objects.count(), ScheduleChange.objects.count()) == (0, refunds, 0)
    walk.confirm()
    settle_canceled_seats(now=clock.now())
    sweep_refunds_task()
    made = Refund.objects.filter(reason="house_canceled")
    assert (made.count(), sum(made.values_list("amount_minor", flat=True))) == (4, 89999)
    assert set(made.values_list("state", flat=True)) == {"succeeded"}
    assert CreditEntry.objects.filter(kind="return").count() == shown.credits_returned
    new_cases = Case.objects.exclude(pk__in=cases)
    assert sorted(new_cases.values_list("kind", flat=True)) == ["disputed_restitution", "offline_restitution"]
    assert len(mails_owed(before)) == shown.mails
    assert_books_balance()


def test_seat_of_a_year_that_was_refunded_brings_no_credit_back_and_the_preview_says_so(shop: Shop) -> None:
    live_session, year = make_live_session(), shop.begin_year()
    book(year.subscriber.user, live_session)
    grant = CreditGrant.objects.get()
    payment = year.subscriber.payments.get()
    assert grant.stripe_invoice_id == payment.stripe_invoice_id
    type(payment).objects.update(refunded_minor=payment.amount_minor)
    shown = preview_session_cancellation(live_session=live_session, now=clock.now())
    assert (shown.credits_returned, shown.gone_back) == (0, 1)
    walk_of(live_session).walk()
    settle_canceled_seats(now=clock.now())
    assert (SeatCoverage.objects.get().settlement, CreditEntry.objects.filter(kind="return").count()) == ("nothing", 0)


def test_payment_that_went_back_by_hand_is_not_promised_a_second_time(shop: Shop) -> None:
    live_session, buyer = make_live_session(), make_user()
    payment = payment_of(shop.sell_seats(buyer, live_session, party_of(buyer, BO)))
    type(payment).objects.update(refunded_minor=payment.amount_minor)
    shown = preview_session_cancellation(live_session=live_session, now=clock.now())
    assert (shown.refunds, shown.gone_back, shown.live_session.seats_taken) == ((), 2, 2)


def test_each_sort_of_attendee_has_a_mail_to_look_at_which_says_what_comes_back(shop: Shop) -> None:
    live_session = session_with_every_sort_of_seat(shop)
    page = walk_of(live_session).look()
    shown = {mail.to_whom: mail.rendered.text for mail in page.context["mails"]}
    assert set(shown) == {
        "An attendee who paid",
        "An attendee whose seat somebody else booked",
        "An attendee whose bank asks for the money back",
        "An attendee who used a credit",
        "A guest of the house",
        "An attendee who paid nothing",
    }
    assert "You get $250 back, to the card or account you paid with" in shown["An attendee who paid"]
    assert "1 credit is back" in shown["An attendee who used a credit"]
    assert "Your bank is deciding about this payment" in shown["An attendee whose bank asks for the money back"]
    assert "$" not in shown["An attendee whose seat somebody else booked"] + shown["A guest of the house"]
    assert all("The host is ill." in text for text in shown.values())


def without_reservation(html: str) -> str:
    rest, count = re.subn(r'<script type="application/ld\+json">.*?</script>', "", html)
    assert count == 1
    return rest


@pytest.mark.django_db
def test_shown_mail_is_the_one_that_is_sent() -> None:
    live_session = make_live_session()
    seat_by_credit(live_session)
    walk = walk_of(live_session)
    [shown] = [mail.rendered for mail in walk.look().context["mails"]]
    walk.confirm()
    settle_canceled_seats(now=clock.now())
    sent = rendered_mail("seat_canceled")
    assert (shown.subject, shown.text) == (sent.subject, sent.text)
    # What programs read names the seat and its attendee: in the one shown, somebody who does not exist.
    assert without_reservation(shown.html) == without_reservation(sent.html)


@pytest.mark.django_db
def test_second_click_and_the_way_back_lead_to_the_page_of_the_one_cancellation() -> None:
    live_session = make_live_session()
    seat_by_credit(live_session)
    walk = walk_of(live_session)
    first = walk.walk()
    settle_canceled_seats(now=clock.now())
    before = last_mail_id()
    assert walk.confirm().headers["Location"] == first.headers["Location"]
    settle_canceled_seats(now=clock.now())
    assert (ScheduleChange.objects.count(), len(mails_owed(before))) == (1, 0)
    assert CreditEntry.objects.filter(kind="return").count() == 1
    assert AuditEntry.objects.filter(verb="canceled", target_type="sessions_live.livesession").count() == 1


@pytest.mark.django_db
def test_wrong_name_cancels_nothing_and_keeps_what_was_typed() -> None:
    live_session = make_live_session()
    seat_by_credit(live_session)
    walk = walk_of(live_session)
    walk.look()
    page = walk.confirm("Reading the")
    assert (page.status_code, "is not the session’s name" in page.text) == (400, True)
    assert ('value="The host is ill."' in page.text, 'value="Flu"' in page.text) == (True, True)
    live_session.refresh_from_db()
    assert live_session.state == "published"


@pytest.mark.django_db
def test_seat_that_was_sold_since_is_shown_before_anything_is_canceled() -> None:
    live_session = make_live_session()
    walk = walk_of(live_session)
    walk.look()
    seat_by_credit(live_session)
    assert "Something has changed since you looked" in walk.confirm().text
    live_session.refresh_from_db()
    assert live_session.state == "published"


@pytest.mark.django_db
def test_draft_is_canceled_without_a_mail() -> None:
    live_session = make_live_session(published=False)
    live_session.hosts.add(Host.objects.create(name="Jo Hart", email="jo@example.com"))
    walk = walk_of(live_session)
    assert "Nobody has a seat, and nobody is written to." in walk.look().text
    assert walk.values["consequences"].mails == 0
    answer = walk.confirm()
    assert answer.headers["Location"] == reverse("admin:desk_changes", args=[live_session.pk])
    live_session.refresh_from_db()
    assert (live_session.state, OutgoingMail.objects.count()) == ("canceled", 0)


@pytest.mark.django_db
def test_session_that_has_begun_says_so_and_is_not_canceled() -> None:
    live_session = make_live_session()
    walk = walk_of(live_session)
    walk.look()
    LiveSession.objects.update(starts_at=clock.now() - timedelta(minutes=1))
    page = walk.confirm()
    assert (page.status_code, "It has begun." in page.text) == (400, True)
    assert "It has begun." in walk.desk.get(walk.address).text
    assert LiveSession.objects.get().state == "published"


@pytest.mark.django_db
def test_staff_without_the_permission_are_refused_by_the_server_at_every_step() -> None:
    live_session = make_live_session()
    walk = Walk(desk_of(staff_who_may("sessions_live.view_livesession")), CANCEL, live_session, **SAID)
    assert [walk.desk.get(walk.address).status_code, walk.look().status_code, walk.confirm().status_code] == [403, 403, 403]
    assert LiveSession.objects.get().state == "published"


@pytest.mark.django_db
def test_bad_name_is_harmless_in_the_preview() -> None:
    live_session = make_live_session()
    LiveSession.objects.update(title="<script>alert(1)</script>")
    live_session.refresh_from_db()
    seat_by_credit(live_session)
    walk = walk_of(live_session, message="<script>alert(2)</script>", reason="=cmd()")
    for page in (walk.look(), walk.look(show="0"), walk.confirm("<script>alert(3)</script>")):
        assert "<script>alert" not in page.text


def queries(step: Any) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert step().status_code in (200, 302)
    return len(captured)


def test_preview_and_cancellation_ask_no_more_for_a_hundred_seats_than_for_ten(shop: Shop) -> None:
    desk, asked = desk_of(make_staff()), []
    desk.get(reverse("admin:index"))
    for paid, by_credit, guests in ((2, 4, 4), (10, 60, 30)):
        live_session = make_live_session(capacity=200)
        for _ in range(paid):
            shop.sell_seat(live_session=live_session)
        fill(live_session, by_credit=by_credit, guests=guests)
        walk = Walk(desk, CANCEL, live_session, **SAID)
        asked.append((queries(walk.look), queries(walk.confirm)))
        live_session.refresh_from_db()
        assert live_session.state == "canceled"
        # The next readers have the addresses of these.
        User.objects.filter(email__startswith="full-house").update(email=Concat(Value(f"in-{live_session.pk}-"), "email"))
    assert asked[0] == asked[1]
