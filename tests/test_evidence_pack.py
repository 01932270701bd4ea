"""The evidence pack: what a bank needs to see, in one file, and nothing that would open a door."""

import io
import re
from datetime import UTC, datetime, timedelta
from zipfile import ZipFile

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from redreport import clock
from redreport.audit.models import AuditEntry
from redreport.outbox.models import OutgoingMail
from sessions_live.models import Seat
from sessions_live.seat_links import DOOR
from subscriptions.evidence import evidence_pack
from subscriptions.models import Dispute, Order, Payment
from subscriptions.operations.booking import book_with_credit
from tests.factories import make_live_session, make_staff, make_user
from tests.fixtures_mail import MailServer
from tests.fixtures_shop import Shop
from tests.fixtures_years import CHARGED_AFTER, Year, deliver_all
from tests.handing_over import hand_over
from tests.money_back import bought_seat, bought_year, refund_by_hand
from tests.parties import BO

RENEWS_AT = datetime(2027, 12, 1, 17, tzinfo=UTC)


def unpacked(pack: bytes) -> dict[str, str]:
    with ZipFile(io.BytesIO(pack)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


@pytest.fixture
def refunded_seat(shop: Shop, smtp_server: MailServer) -> Payment:
    """A seat bought, mailed about, entered, disputed as an inquiry, partly refunded."""
    payment = bought_seat(shop, make_user("Ada Reader", email="ada@example.com", firm="Strait Partners"))
    deliver_all()
    Seat.objects.update(entered_at=clock.now(), state="attended")
    shop.stripe.open_dispute(payment.stripe_payment_intent_id, inquiry=True)
    refund_by_hand(payment, 5000)
    shop.hear_all()
    deliver_all()
    return payment


def test_pack_of_a_seat_says_who_bought_what_and_what_became_of_it(refunded_seat: Payment) -> None:
    files = unpacked(evidence_pack(payment=refunded_seat, now=clock.now()))
    text, order = files["evidence.txt"], refunded_seat.order
    assert order is not None
    order.refresh_from_db()
    mail = OutgoingMail.objects.get(kind="payment_refunded")
    for line in (
        "Buyer: Ada Reader, ada@example.com, Strait Partners",
        f"Order {order.number}: a seat in {order.live_session}, $250",
        "Charged: $250 at ",
        f"At Stripe: payment {refunded_seat.stripe_payment_intent_id}, charge {refunded_seat.stripe_charge_id}",
        f"Invoice online: {order.hosted_invoice_url}",
        "For Ada Reader, ada@example.com; paid with: paid",
        "confirmation to ada@example.com: sent",
        "Its body holds a personal link or code, and is not kept.",
        f"Message-ID {mail.message_id}, SHA-256 of what was sent: {mail.sent_sha256}",
        "$50, succeeded: Refunded in Stripe's dashboard",
        f"{Dispute.objects.get().stripe_dispute_id}, $250, fraudulent: warning_needs_response",
        f"stripe paid subscriptions.order {order.pk}",
    ):
        assert line in text, line
    assert re.search(r"entered the session: \w{3} \d", text)


def test_pack_keeps_the_mails_as_sent_but_for_those_with_a_door(refunded_seat: Payment) -> None:
    files = unpacked(evidence_pack(payment=refunded_seat, now=clock.now()))
    mail = OutgoingMail.objects.get(kind="payment_refunded")
    assert set(files) == {"evidence.txt", f"mails/{mail.pk}-payment_refunded.eml"}
    assert f"Message-ID: {mail.message_id}" in files[f"mails/{mail.pk}-payment_refunded.eml"]
    everything = "\n".join(files.values())
    seat = Seat.objects.select_related("live_session").get()
    for secret in (DOOR.url(seat), "/door/", seat.live_session.meeting_url, str(seat.public_id)):
        assert secret not in everything, secret


def test_body_of_a_private_mail_is_left_out_even_where_it_was_kept(refunded_seat: Payment) -> None:
    OutgoingMail.objects.filter(kind="seat_confirmed").update(sent_bytes=b"Your door: http://testserver/door/secret/")
    assert "/door/secret/" not in str(unpacked(evidence_pack(payment=refunded_seat, now=clock.now())))


def test_pack_tells_into_whose_hands_the_seat_came(shop: Shop) -> None:
    seat = shop.sell_seat()
    hand_over(seat, BO)
    text = unpacked(evidence_pack(payment=Payment.objects.get(), now=clock.now()))["evidence.txt"]
    assert f"from {seat.attendee_email} to {BO.email}" in text


def test_pack_of_a_year_has_the_terms_the_credits_and_what_they_were_spent_on(shop: Shop) -> None:
    reader, live_session = make_user(), make_live_session()
    payment = bought_year(shop, reader)
    Order.objects.update(consent_text="I agree that the subscription renews every year for $2,500.")
    book_with_credit(user=reader, live_session_id=live_session.pk, now=clock.now())
    payment = Payment.objects.get()
    text = unpacked(evidence_pack(payment=payment, now=clock.now()))["evidence.txt"]
    assert "Version 2026-11, accepted " in text
    assert "Word for word: I agree that the subscription renews every year for $2,500." in text
    assert "12 credits (paid year)" in text
    assert f"Spend -1 for {live_session.title}, 11 left" in text
    assert f"{live_session.title}, " in text
    assert "year started to" in text
    assert payment.stripe_invoice_id in text


def test_pack_of_a_renewal_has_the_notice_and_what_was_said_of_its_failures(failing_year: Year) -> None:
    failing_year.pass_to(RENEWS_AT - timedelta(days=20))
    failing_year.sweep()
    failing_year.pass_to(RENEWS_AT + CHARGED_AFTER)
    assert failing_year.shop.stripe.pay_invoice(failing_year.invoice_id(1)) == "paid"
    failing_year.hear()
    renewal = Payment.objects.get(stripe_invoice_id=failing_year.invoice_id(1))
    text = unpacked(evidence_pack(payment=renewal, now=clock.now()))["evidence.txt"]
    for kind in ("renewal notice", "payment failed", "payment recovered"):
        assert f"{kind} to ada@example.com" in text, kind


def client_with(*codenames: str) -> Client:
    user, client = make_user(is_staff=True), Client()
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
    client.force_login(user)
    return client


def test_pack_is_downloaded_from_the_pages_of_dispute_and_order_and_written_down(refunded_seat: Payment) -> None:
    client, staff = Client(), make_staff()
    client.force_login(staff)
    dispute, order = Dispute.objects.get(), refunded_seat.order
    assert order is not None
    for base in (f"/admin/subscriptions/dispute/{dispute.pk}", f"/admin/subscriptions/order/{order.pk}"):
        address = f"{base}/evidence/{refunded_seat.pk}/"
        assert address in client.get(f"{base}/change/").content.decode()
        answer = client.get(address)
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/zip")
        assert answer["Content-Disposition"] == (f'attachment; filename="evidence-{refunded_seat.stripe_payment_intent_id}.zip"')
        assert "evidence.txt" in unpacked(answer.content)
    taken = AuditEntry.objects.filter(verb="evidence_taken", actor=staff, target_id=str(refunded_seat.pk))
    assert taken.count() == 2


def test_pack_is_refused_to_who_may_not_see_the_order_or_asks_for_another_payment(shop: Shop) -> None:
    payment, other = bought_seat(shop), bought_seat(shop)
    address = f"/admin/subscriptions/order/{payment.order_id}/evidence"
    assert client_with("view_case").get(f"{address}/{payment.pk}/").status_code == 403
    assert client_with("view_order").get(f"{address}/{payment.pk}/").status_code == 200
    assert client_with("view_order").get(f"{address}/{other.pk}/").status_code == 404
    assert Client().get(f"{address}/{payment.pk}/").status_code == 302
