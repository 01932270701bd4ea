"""The notice before a renewal: made once for each date, with the real amounts, and only while the renewal stands."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from redreport import clock
from redreport.outbox.models import OutgoingMail
from sessions_live.models import Seat
from subscriptions import stripe_gateway as gateway
from subscriptions.models import RenewalNotice, StripeEvent
from subscriptions.operations.booking import book_with_credit
from subscriptions.operations.renewals import sync_subscription
from subscriptions.stripe_gateway.client import client
from tests.factories import make_live_session
from tests.fixtures_mail import MailServer
from tests.fixtures_years import BEGIN, CHARGED_AFTER, Year, deliver_all, mails_about
from tests.outbox_helpers import rendered_mail

RENEWS_AT = datetime(2027, 12, 1, 17, tzinfo=UTC)
NOTICE_AT = datetime(2027, 11, 1, 17, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def set_renewal(year: Year, *, on: bool) -> None:
    """The renewal is turned on or off at Stripe, and we hear of it."""
    state = gateway.fetch_subscription(year.stripe_id)
    gateway.set_renewal(key=f"test-{on}-{clock.now():%m%d%H%M}", subscription=state, renews=on)
    year.hear()


def test_the_notice_is_made_thirty_days_before_and_once(year: Year) -> None:
    year.pass_to(NOTICE_AT - SECOND)
    assert year.sweep() == 0
    assert not RenewalNotice.objects.exists()
    year.pass_to(NOTICE_AT)
    assert [year.sweep(), year.sweep()] == [1, 0]
    notice = RenewalNotice.objects.get()
    assert (notice.subscription, notice.renews_at, notice.created_at) == (year.subscription, RENEWS_AT, NOTICE_AT)
    assert (notice.next_attempt_at, notice.attempts, notice.given_up_at) == (None, 1, None)
    assert notice.mail == OutgoingMail.objects.get(kind="renewal_notice")
    assert notice.mail.recipient == "ada@example.com"


def test_its_dossier_says_what_will_be_charged_and_what_the_year_brought(year: Year) -> None:
    for days, state in ((20, Seat.State.ATTENDED), (40, Seat.State.ATTENDED), (60, Seat.State.NO_SHOW)):
        live_session = make_live_session(starts_in=timedelta(days=days))
        book_with_credit(user=year.subscriber.user, live_session_id=live_session.pk, now=clock.now())
        Seat.objects.filter(live_session=live_session).update(state=state)
    year.pass_to(NOTICE_AT)
    year.sweep()
    assert RenewalNotice.objects.get().dossier == {
        "subtotal_minor": 250000,
        "discount_minor": 0,
        "tax_minor": 0,
        "total_minor": 250000,
        "currency": "usd",
        "card_brand": "visa",
        "card_last4": "4242",
        "card_expires": "12/2034",
        "new_credits": 12,
        "sessions_attended": 2,
        "credits_left": 9,
        "credits_expire_at": RENEWS_AT.isoformat(),
        "consented_at": BEGIN.isoformat(),
        "consent_version": "2026-11",
    }
    mail = rendered_mail("renewal_notice")
    assert mail.subject == "Renews on 1 December 2027 for $2,500"
    for line in (
        "Your annual subscription renews by itself on 1 December 2027 for $2,500, charged to your Visa ending in 4242.",
        "To pay: $2,500\n",
        "Attended this year: 2 sessions\n",
        "Credits left: 9, good until 1 December 2027\n",
        "You agreed on: 1 December 2026\n",
        "Turn the renewal off: http://testserver/account/renewal/\n",
    ):
        assert line in mail.text
    assert "expires" not in mail.text
    assert "Tax" not in mail.text


def notice_with(year: Year, **dossier: object) -> str:
    """The text of the notice, with these values in its dossier."""
    year.pass_to(NOTICE_AT)
    year.sweep()
    notice = RenewalNotice.objects.get()
    notice.dossier |= dossier
    notice.save()
    return rendered_mail("renewal_notice").text


def test_the_amounts_are_those_of_the_invoice_to_be_with_its_tax(year: Year) -> None:
    year.shop.stripe.set_tax({"DE": 19})
    year.shop.stripe.plant(str(year.subscriber.stripe_customer_id), address={"country": "DE"})
    year.shop.stripe.plant(year.stripe_id, automatic_tax={"enabled": True, "liability": {"type": "self"}})
    year.pass_to(NOTICE_AT)
    year.sweep()
    dossier = RenewalNotice.objects.get().dossier
    assert (dossier["subtotal_minor"], dossier["tax_minor"], dossier["total_minor"]) == (250000, 47500, 297500)
    mail = rendered_mail("renewal_notice")
    assert mail.subject == "Renews on 1 December 2027 for $2,975"
    assert "Annual subscription: $2,500\nTax: $475\nTo pay: $2,975\n" in mail.text


def test_tax_and_discount_are_lines_of_their_own(year: Year) -> None:
    text = notice_with(year, discount_minor=50000, tax_minor=17750, total_minor=217750)
    assert "renews by itself on 1 December 2027 for $2,177.50," in text
    assert "Annual subscription: $2,500\nDiscount: −$500\nTax: $177.50\nTo pay: $2,177.50\n" in text


@pytest.mark.parametrize(("expires", "is_said"), [("11/2027", True), ("12/2027", False), ("01/2028", False), ("12/2026", True)])
def test_a_card_that_expires_before_the_renewal_is_said(year: Year, expires: str, is_said: bool) -> None:
    text = notice_with(year, card_expires=expires)
    warning = f"Your Visa ending in 4242 expires {expires}, before the renewal. Please put in another one in your account:"
    assert (warning in text) == is_said


def test_a_renewal_without_a_card_is_said(year: Year) -> None:
    text = notice_with(year, card_brand="", card_last4="", card_expires="")
    assert "We know of no card for it. Please look at your account: http://testserver/account/" in text
    assert "charged to" not in text


@pytest.mark.usefixtures("smtp_server")
def test_the_very_mail_that_went_out_is_kept(year: Year, smtp_server: MailServer) -> None:
    year.pass_to(NOTICE_AT)
    year.sweep()
    deliver_all()
    kept = OutgoingMail.objects.get(kind="renewal_notice")
    assert (kept.state, kept.subject) == ("sent", "Renews on 1 December 2027 for $2,500")
    assert kept.sent_bytes is not None
    assert smtp_server.mails[-1].raw.strip() == bytes(kept.sent_bytes).strip()


def test_the_next_year_has_a_notice_of_its_own(year: Year) -> None:
    year.pass_to(NOTICE_AT)
    year.sweep()
    year.pass_to(RENEWS_AT + CHARGED_AFTER)
    assert year.sweep() == 0
    year.pass_to(datetime(2028, 11, 1, 17, tzinfo=UTC))
    assert year.sweep() == 1
    renewals = RenewalNotice.objects.order_by("renews_at").values_list("renews_at", flat=True)
    assert list(renewals) == [RENEWS_AT, datetime(2028, 12, 1, 17, tzinfo=UTC)]
    assert len(mails_about("renewal_notice")) == 2


@pytest.mark.parametrize("behavior", ["void", "keep_as_draft", "mark_uncollectible"])
def test_a_renewal_that_charges_nobody_is_not_announced(year: Year, behavior: Any) -> None:
    client().v1.subscriptions.update(year.stripe_id, {"pause_collection": {"behavior": behavior}})
    year.hear()
    year.pass_to(NOTICE_AT)
    assert year.sweep() == 0


def test_a_year_that_does_not_renew_is_not_announced(year: Year) -> None:
    set_renewal(year, on=False)
    year.pass_to(NOTICE_AT)
    assert year.sweep() == 0


@pytest.mark.usefixtures("smtp_server")
def test_a_notice_is_withheld_once_the_renewal_is_off_and_made_anew_when_it_is_on(year: Year) -> None:
    year.pass_to(NOTICE_AT)
    year.sweep()
    set_renewal(year, on=False)
    deliver_all()
    first = OutgoingMail.objects.get(kind="renewal_notice")
    assert (first.state, first.reason) == ("withheld", "the subscription does not renew on that date any more")
    assert year.sweep() == 0
    year.pass_to(NOTICE_AT + timedelta(days=25))
    set_renewal(year, on=True)
    assert [year.sweep(), year.sweep()] == [1, 0]
    deliver_all()
    assert mails_about("renewal_notice") == [("renewal_notice", "withheld"), ("renewal_notice", "sent")]
    assert RenewalNotice.objects.get().mail == OutgoingMail.objects.filter(kind="renewal_notice").latest("id")
    assert year.sweep() == 0


@pytest.mark.usefixtures("smtp_server")
def test_a_notice_that_was_sent_is_not_sent_again(year: Year) -> None:
    year.pass_to(NOTICE_AT)
    year.sweep()
    deliver_all()
    year.pass_to(NOTICE_AT + timedelta(days=5))
    set_renewal(year, on=False)
    year.pass_to(NOTICE_AT + timedelta(days=6))
    set_renewal(year, on=True)
    assert year.sweep() == 0
    assert mails_about("renewal_notice") == [("renewal_notice", "sent")]


@pytest.mark.usefixtures("smtp_server")
def test_a_notice_is_missed_once_the_renewal_has_been(year: Year) -> None:
    year.pass_to(NOTICE_AT)
    year.sweep()
    year.pass_to(RENEWS_AT + SECOND, hear=False)
    deliver_all()
    assert mails_about("renewal_notice") == [("renewal_notice", "missed")]


@pytest.mark.usefixtures("smtp_server")
def test_a_notice_is_withheld_once_the_date_moved(year: Year) -> None:
    year.pass_to(NOTICE_AT)
    year.sweep()
    year.pass_to(RENEWS_AT + SECOND)
    sync_subscription(stripe_subscription_id=year.stripe_id, now=clock.now())
    deliver_all()
    assert mails_about("renewal_notice") == [("renewal_notice", "withheld")]


def test_the_news_of_an_upcoming_invoice_makes_the_notice_due(year: Year) -> None:
    year.pass_to(RENEWS_AT - timedelta(days=6))
    upcoming = year.shop.events("invoice.upcoming")[0]
    assert "id" not in upcoming["data"]["object"]
    event = StripeEvent.objects.get(stripe_event_id=upcoming["id"])
    assert (event.state, event.object_id) == ("processed", year.stripe_id)
    notice = RenewalNotice.objects.get()
    assert (notice.renews_at, notice.next_attempt_at, notice.mail) == (RENEWS_AT, clock.now(), None)
    assert [year.sweep(), year.sweep()] == [1, 0]
    assert len(mails_about("renewal_notice")) == 1


def test_an_upcoming_invoice_told_early_or_twice_makes_no_second_notice(year: Year) -> None:
    year.pass_to(RENEWS_AT - timedelta(days=6), hear=False)
    upcoming = year.shop.events("invoice.upcoming")[0]
    year.traveller.move_to(NOTICE_AT - SECOND)
    assert year.shop.hear(upcoming) == 200
    assert not RenewalNotice.objects.exists()
    year.pass_to(NOTICE_AT + timedelta(days=25), hear=False)
    year.sweep()
    assert year.shop.hear({**upcoming, "id": "evt_again"}) == 200
    assert year.sweep() == 0
    assert len(mails_about("renewal_notice")) == 1
