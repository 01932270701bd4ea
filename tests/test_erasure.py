"""An account is erased: nothing of the person is left anywhere, and every cent is."""

import uuid
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.test import Client

from redreport import clock
from redreport.accounts.models import Erasure, SignIn, User
from redreport.accounts.privacy.erasing import carry_on, plan_erasure
from redreport.accounts.privacy.exporting import export_of
from redreport.desk.models import Job, JobItem
from redreport.enquiries.operations import send_enquiry
from redreport.outbox.bounces import Returned, note_bounce
from redreport.outbox.deliver import deliver_mail
from redreport.outbox.models import MailWish, OutgoingMail
from redreport.outbox.wishes import say_wish
from sessions_live.mails.news import NEW_SESSIONS
from sessions_live.models import Feedback, Question, Seat, WaitlistEntry
from sessions_live.operations.feeds import make_calendar_feed
from sessions_live.operations.seats import Attendee
from subscriptions.cards import card_fields
from subscriptions.models import Case, CreditEntry, CreditGrant, Order, Refund, RenewalNotice, Subscription
from subscriptions.operations.auto_booking import switch_on_auto_booking
from subscriptions.operations.subscribers import subscriber_of
from subscriptions.tasks import sweep_refunds_task
from tests.books import our_books, stripes_books
from tests.canceling import book, cancel
from tests.erasing import LATER, NAME, SOON, deliver_all, erase, tables_that_hold
from tests.factories import attendee_of, make_credits, make_guest_seat, make_live_session, make_staff, make_user
from tests.fixtures_mail import MailServer
from tests.fixtures_shop import Shop
from tests.fixtures_years import CHARGED_AFTER, Year
from tests.handing_over import hand_over
from tests.invariants import assert_invariants
from tests.staff import give_app


def lived_in(shop: Shop) -> User:
    """A reader of some years' standing, with a row of everything; all sessions they had seats in are over."""
    user, other, staff = make_user(NAME, email="zenobia@quill.example", firm="Quill & Daughters"), make_user("Bo"), make_staff()
    live_session = make_live_session(starts_in=SOON)
    seat = shop.sell_seat(user, live_session)
    hand_over(seat, attendee_of(other))
    own = shop.sell_seat(user, make_live_session(starts_in=SOON))
    canceled = shop.sell_seat(user, make_live_session(starts_in=SOON))
    cancel(canceled)
    year = shop.begin_year(user)
    RenewalNotice.objects.create(
        subscription=year,
        renews_at=year.current_period_end,
        dossier={"total_minor": 250000, **card_fields(year.card)},
        created_at=clock.now(),
    )
    book(user, make_live_session(starts_in=SOON))
    guest = make_guest_seat(make_live_session(starts_in=SOON), user, staff=staff)
    Question.objects.create(seat=own, text=f"Who signs? {NAME}", asked_at=clock.now())
    Feedback.objects.create(seat=guest, rating=4, comment="Quill & Daughters liked it", given_at=clock.now())
    WaitlistEntry.objects.create(
        live_session=make_live_session(capacity=1),
        user=user,
        attendee_name=NAME,
        attendee_firm=user.firm,
        pay_by="money",
        joined_at=clock.now(),
    )
    make_calendar_feed(user=user, now=clock.now())
    switch_on_auto_booking(user=user, now=clock.now())
    say_wish(email=user.email, topic=NEW_SESSIONS, is_wanted=True, now=clock.now())
    give_app(user)
    send_enquiry(
        request_id=uuid.uuid4(),
        email="zenobia@quill.example",
        now=clock.now(),
        name=NAME,
        firm=user.firm,
        need="Seats for Quill & Daughters",
        scope="",
    )
    job = Job.objects.create(kind="seats_give", wishes={}, preview="1 seat", made_by=staff, made_at=clock.now())
    JobItem.objects.create(
        job=job, number=1, about=f"{NAME}, ZENOBIA@quill.example", values={"email": user.email}, state="done", done_at=clock.now()
    )
    LogEntry.objects.create(
        user=staff,
        content_type=ContentType.objects.get_for_model(User),
        object_id=str(user.pk),
        object_repr=str(user),
        action_flag=CHANGE,
    )
    Client().post("/accounts/login/", {"login": user.email})
    return user


def test_nothing_of_the_person_is_left_and_every_cent_is(shop: Shop, smtp_server: MailServer) -> None:
    user = lived_in(shop)
    deliver_all()
    client = Client()
    client.force_login(user)
    client.get("/account/")
    with time_machine.travel(clock.now() + LATER, tick=False) as moved:
        assert [table.partition(":")[0] for table in tables_that_hold("zenobia@quill")]
        shop.hear_all()
        money = our_books()
        erasure = erase(user)
        assert Erasure.objects.get().waits_for == "the last mail"
        deliver_all()
        assert (smtp_server.mails[-1].subject, smtp_server.mails[-1].recipients) == (
            "Red Report Live: your account is erased",
            ["zenobia@quill.example"],
        )
        moved.shift(timedelta(minutes=2))
        assert carry_on(erasure_id=erasure.pk, now=clock.now())
        assert tables_that_hold("zenobia", NAME, "Quill & Daughters") == []
        shop.hear_all()
        assert tables_that_hold("zenobia", NAME, "Quill & Daughters") == []
        assert_invariants()
        assert our_books() == stripes_books(shop)
    after = our_books()
    assert {name: after[name] for name in ("payments", "given back", "refunds", "invoices", "years")} == {
        name: money[name] for name in ("payments", "given back", "refunds", "invoices", "years")
    }
    assert Order.objects.filter(subscriber__user=user).count() == 4
    assert Order.objects.get(kind="year").consent_text
    assert client.get("/account/").status_code == 302
    assert (Authenticator.objects.count(), SignIn.objects.count(), MailWish.objects.count()) == (0, 0, 0)
    assert RenewalNotice.objects.get().dossier == {"total_minor": 250000, **card_fields(None)}
    assert Subscription.objects.get().card is None


def test_the_year_ends_at_stripe_and_its_customer_is_nobody(shop: Shop) -> None:
    user = make_user(NAME, email="zenobia@quill.example")
    year = shop.begin_year(user)
    erase(user)
    year.refresh_from_db()
    assert (year.status, list(CreditGrant.objects.values_list("balance", flat=True))) == ("canceled", [0])
    assert list(CreditEntry.objects.order_by("pk").values_list("kind", "delta")) == [("grant", 12), ("expire", -12)]
    [customer] = shop.stripe.objects("customer")
    assert (customer["name"], customer["email"]) == ("Erased reader", f"erased-{user.pk}@erased.invalid")
    [invoice] = shop.stripe.objects("invoice")
    assert (invoice["customer_name"], invoice["customer_email"]) == (NAME, "zenobia@quill.example")


def test_while_stripe_is_silent_the_account_is_closed_and_the_rest_is_done_later(shop: Shop) -> None:
    user = make_user(NAME, email="zenobia@quill.example")
    shop.begin_year(user)
    shop.stripe.fault("503", count=50)
    erasure = erase(user)
    erasure.refresh_from_db()
    user.refresh_from_db()
    assert (user.is_active, erasure.erased_at) == (False, None)
    assert erasure.waits_for
    shop.stripe.clear_faults()
    with time_machine.travel(clock.now() + timedelta(hours=1), tick=False):
        carry_on(erasure_id=erasure.pk, now=clock.now())
    erasure.refresh_from_db()
    assert erasure.erased_at


def test_who_sits_in_a_seat_that_the_reader_booked_for_them_stays(shop: Shop) -> None:
    user, bo = make_user(NAME), make_user("Bo Colleague")
    shop.sell_seats(user, make_live_session(starts_in=SOON), [attendee_of(user), attendee_of(bo)])
    with time_machine.travel(clock.now() + LATER, tick=False):
        erase(user)
    assert set(Seat.objects.values_list("attendee_name", flat=True)) == {"Erased reader", "Bo Colleague"}


def test_a_seat_that_somebody_else_booked_stays_until_its_session_is_over(shop: Shop, smtp_server: MailServer) -> None:
    user, boss = make_user(NAME, email="zenobia@quill.example"), make_user("Boss")
    shop.sell_seats(boss, make_live_session(starts_in=SOON), [attendee_of(user)])
    erasure = erase(user)
    deliver_all()
    assert Seat.objects.get().attendee_email == "zenobia@quill.example"
    assert "zenobia@quill.example" in [recipient for mail in smtp_server.mails for recipient in mail.recipients]
    with time_machine.travel(clock.now() + LATER, tick=False) as moved:
        for _ in range(2):
            carry_on(erasure_id=erasure.pk, now=clock.now())
            deliver_all()
            moved.shift(timedelta(hours=7))
        carry_on(erasure_id=erasure.pk, now=clock.now())
        assert tables_that_hold("zenobia@quill", NAME) == []


def test_signing_up_anew_with_the_address_makes_an_account_that_knows_nothing(
    client: Client, shop: Shop, smtp_server: MailServer
) -> None:
    user = make_user(NAME, email="zenobia@quill.example")
    make_credits(user, 2)
    erasure = erase(user)
    client.post("/accounts/signup/", {"email": "zenobia@quill.example", "name": "Zenobia Anew", "firm": ""})
    code = OutgoingMail.objects.filter(kind="account_mail").latest("pk").read_secret()["code"]
    client.post("/accounts/confirm-email/", {"code": code})
    fresh = User.objects.get(email="zenobia@quill.example")
    assert fresh.pk != user.pk
    assert client.session["_auth_user_id"] == str(fresh.pk)
    seat = make_guest_seat(make_live_session(), fresh)
    with time_machine.travel(clock.now() + timedelta(hours=7), tick=False):
        deliver_all()
        assert carry_on(erasure_id=erasure.pk, now=clock.now())
    seat.refresh_from_db()
    assert (seat.attendee_name, seat.attendee_email) == ("Zenobia Anew", "zenobia@quill.example")


@pytest.mark.django_db
def test_no_mail_ever_goes_to_an_erased_address() -> None:
    mail = OutgoingMail.objects.create(
        kind="account_mail", key="k", recipient="erased-1@erased.invalid", due_at=clock.now(), message_id="<k@x>"
    )
    assert deliver_mail(mail.pk, clock.now()) == "withheld"


def test_what_they_asked_us_is_in_the_file_and_goes_with_them(shop: Shop, smtp_server: MailServer) -> None:
    user = make_user(NAME, email="zenobia@quill.example", firm="Quill & Daughters")
    enquiry = send_enquiry(
        request_id=uuid.uuid4(),
        name="Z. Quill",
        firm=user.firm,
        email="Zenobia@quill.example",
        need=f"{NAME} needs seats",
        scope="",
        now=clock.now(),
    )
    deliver_all()
    assert tables_that_hold("zenobia@quill", "Z. Quill") != []
    [exported] = export_of(user=user, now=clock.now())["enquiries"]
    assert (exported["reference"], exported["what_you_need"]) == (enquiry.reference, f"{NAME} needs seats")
    with time_machine.travel(clock.now() + timedelta(minutes=5), tick=False) as moved:
        plan = plan_erasure(user=user, now=clock.now())
        assert "1 enquiry of yours will not be answered." in plan.consequences
        erasure = erase(user)
        deliver_all()
        moved.shift(timedelta(hours=7))
        assert carry_on(erasure_id=erasure.pk, now=clock.now())
    assert tables_that_hold("zenobia", NAME, "Z. Quill", "Quill & Daughters") == []
    enquiry.refresh_from_db()
    assert (enquiry.name, enquiry.state, enquiry.handled_by) == ("Erased reader", "closed", user)


def test_a_seat_handed_to_the_address_later_is_of_who_has_it_now(shop: Shop, smtp_server: MailServer) -> None:
    user, boss = make_user(NAME, email="zenobia@quill.example"), make_user("Boss")
    seat = shop.sell_seat(boss, make_live_session(starts_in=LATER))
    erasure = erase(user)
    with time_machine.travel(clock.now() + timedelta(hours=1), tick=False) as moved:
        hand_over(seat, Attendee("Zenobia Anew", "zenobia@quill.example", ""))
        deliver_all()
        moved.shift(timedelta(hours=1))
        assert carry_on(erasure_id=erasure.pk, now=clock.now())
    seat.refresh_from_db()
    assert (seat.attendee_name, seat.attendee_email) == ("Zenobia Anew", "zenobia@quill.example")


@pytest.mark.django_db
def test_a_name_blots_out_no_sum_and_nobody_else() -> None:
    user = make_user("250", email="ann@quill.example")
    subscriber = subscriber_of(user)
    words = "$250.00 of Ann Quill, ANN@quill.example, went back; not to joann@quill.example, nor to Ann Quillfeather"
    case = Case.objects.create(
        key="k", kind="difference", subscriber=subscriber, summary=words, opened_at=clock.now(), **settled_by_hand(words)
    )
    staff = make_staff()
    job = Job.objects.create(kind="seats_give", wishes={}, preview="1 seat", made_by=staff, made_at=clock.now())
    item = JobItem.objects.create(
        job=job,
        number=1,
        about="A. Q., ann@quill.example, 250 and Co",
        values={"name": "A. Q.", "email": "ann@quill.example", "firm": "250 and Co"},
        state="done",
        done_at=clock.now(),
    )
    make_guest_seat(make_live_session(starts_in=SOON), User(name="Ann Quill", email=user.email))
    with time_machine.travel(clock.now() + LATER, tick=False):
        erase(user)
    nobody = f"erased-{user.pk}@erased.invalid"
    case.refresh_from_db()
    left = f"$250.00 of Erased reader, {nobody}, went back; not to joann@quill.example, nor to Ann Quillfeather"
    assert (case.summary, case.resolution) == (left, left)
    item.refresh_from_db()
    assert item.values == {"name": "Erased reader", "email": nobody, "firm": ""}


def settled_by_hand(words: str) -> dict[str, Any]:
    return {"state": "settled", "settled_at": clock.now(), "resolution": words}


@pytest.mark.django_db
def test_what_another_server_said_of_the_address_is_forgotten_and_never_learnt_again(smtp_server: MailServer) -> None:
    user = make_user(NAME, email="zenobia@quill.example")
    Client().post("/accounts/login/", {"login": user.email})
    deliver_all()
    returned = partial(note_bounce, returned=Returned.BOUNCED, recipient="", said="550 <zenobia@quill.example> is unknown")
    returned(message_id=OutgoingMail.objects.get().message_id, happened_at=clock.now(), now=clock.now())
    erasure = erase(user)
    deliver_all()
    with time_machine.travel(clock.now() + timedelta(hours=7), tick=False):
        assert carry_on(erasure_id=erasure.pk, now=clock.now())
        last = OutgoingMail.objects.get(kind="account_erased")
        returned(message_id=last.message_id, happened_at=clock.now(), now=clock.now())
        assert OutgoingMail.objects.get(pk=last.pk).state == "bounced"
    assert tables_that_hold("zenobia") == []


def test_a_renewal_that_stripe_took_after_the_account_was_closed_goes_back(year: Year, smtp_server: MailServer) -> None:
    reader, renews_at = year.subscriber.user, year.subscription.current_period_end
    year.pass_to(renews_at - timedelta(minutes=1))
    year.shop.stripe.fault("503", count=50)
    erasure = erase(reader)
    year.pass_to(renews_at + CHARGED_AFTER, hear=False)
    year.shop.stripe.clear_faults()
    assert [invoice["status"] for invoice in year.shop.stripe.objects("invoice")] == ["paid", "paid"]
    year.hear()
    year.shop.hear_all_again()
    assert Subscription.objects.get().status == "active"
    for _ in range(3):
        year.pass_to(clock.now() + timedelta(hours=7))
        carry_on(erasure_id=erasure.pk, now=clock.now())
        year.shop.sweep()
        sweep_refunds_task()
        deliver_all()
    year.hear()
    erasure.refresh_from_db()
    assert (erasure.finished_at is not None, Subscription.objects.get().status) == (True, "canceled")
    assert list(Refund.objects.values_list("amount_minor", "reason", "state")) == [(250000, "year_ended", "succeeded")]
    assert not CreditGrant.objects.filter(balance__gt=0).exists()
    assert not Case.objects.exists()
    assert_invariants()
    assert our_books() == stripes_books(year.shop)
