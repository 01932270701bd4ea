"""The buttons of a case: each does what it says, settles the case with it, once, and refuses in words."""

from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext

from redreport import clock
from redreport.accounts.models import User
from redreport.audit.models import AuditEntry
from redreport.outbox.models import OutgoingMail
from sessions_live.models import Seat
from sessions_live.operations.seats import Attendee
from subscriptions.models import Case, Payment, Refund, Subscription, SubscriptionChange
from subscriptions.operations.bounced_mails import open_cases_of_bounces
from subscriptions.operations.cancel import cancel_seat_by_house
from subscriptions.operations.case_actions import ask_change_of_case_again, give_seat_of_case
from subscriptions.operations.case_money import refund_rest_of_case
from subscriptions.operations.cases import open_case
from subscriptions.operations.changes import ask_renewal, submit_change
from subscriptions.operations.credit_notes import make_credit_note
from subscriptions.operations.refunds import submit_refund
from subscriptions.operations.subscribers import subscriber_of
from subscriptions.tasks import sweep_changes_task, sweep_credit_notes_task
from tests.factories import make_guest_seat, make_live_session, make_staff, make_user
from tests.fixtures_shop import Shop
from tests.money_back import bought_seat, owe
from tests.racing import at_once
from tests.staff import desk_of

LIST = "/admin/subscriptions/case/"


def press(case: Case, step: str, form: dict[str, Any] | None = None, user: User | None = None) -> str:
    """What the page says after a button was pressed."""
    answer = desk_of(user).post(f"{LIST}{case.pk}/{step}/", form or {}, follow=True)
    assert answer.status_code == 200
    case.refresh_from_db()
    return answer.content.decode()


def page_of(case: Case, user: User | None = None) -> str:
    return desk_of(user).get(f"{LIST}{case.pk}/change/").content.decode()


def lost_seat(user: User | None = None) -> Case:
    """The case of a seat that was paid for and whose order is lost."""
    return open_case(
        key="payment_without_seat:pi_1",
        kind=Case.Kind.PAYMENT_WITHOUT_SEAT,
        summary="$250: order RR-LOST for a seat is not in our books",
        subscriber=subscriber_of(user or make_user()),
        now=clock.now(),
    )


def seat_form(session_id: int, **values: Any) -> dict[str, Any]:
    return {"live_session": session_id, "name": "Bo Chen", "email": "Bo@Example.org", "firm": "", "is_last": "on", **values}


@pytest.mark.django_db
def test_seat_is_given_for_a_payment_whose_order_is_lost_and_booked_by_who_paid() -> None:
    payer, session, staff = make_user("Ada Payer"), make_live_session(), make_staff()
    case = lost_seat(payer)
    assert ("Give the seat" in page_of(case), 'value="Ada Payer"' in page_of(case)) == (True, True)
    page = press(case, "give-seat", seat_form(session.pk), staff)
    assert "The seat is theirs, and the confirmation is on its way." in page
    seat = Seat.objects.get()
    assert (seat.attendee_email, seat.booked_by, seat.state) == ("bo@example.org", payer, "confirmed")
    assert (seat.coverage.kind, seat.coverage.approved_by) == ("comp", staff)
    assert (case.state, case.settled_by, case.resolution) == ("settled", staff, f"Seat given in “{session.title}”.")
    assert OutgoingMail.objects.get(kind="seat_confirmed").recipient == "bo@example.org"
    assert "This case was settled meanwhile. Nothing was done." in press(
        case, "give-seat", seat_form(session.pk, email="x@y.org")
    )
    assert Seat.objects.count() == 1


@pytest.mark.django_db
def test_several_seats_are_given_before_the_case_is_settled_and_each_once() -> None:
    session, case = make_live_session(), lost_seat()
    first = seat_form(session.pk)
    del first["is_last"]
    press(case, "give-seat", first)
    assert case.state == "opened"
    assert "This address has a seat in that session already. Nothing was done." in press(case, "give-seat", first)
    press(case, "give-seat", seat_form(session.pk, email="second@example.org"))
    assert (case.state, Seat.objects.count()) == ("settled", 2)


def lost_order(shop: Shop) -> Case:
    """The case of a payment that we know and whose order is lost."""
    payment = bought_seat(shop)
    key = f"payment_without_seat:{payment.stripe_payment_intent_id}"
    return open_case(key=key, kind=Case.Kind.PAYMENT_WITHOUT_SEAT, summary="An order is lost", payment=payment, now=clock.now())


def test_what_a_seat_was_given_for_is_not_refunded_as_well_unless_that_seat_is_canceled(shop: Shop) -> None:
    case, session = lost_order(shop), make_live_session()
    form = seat_form(session.pk)
    del form["is_last"]
    press(case, "give-seat", form)
    assert (case.state, 'value="Refund' in page_of(case)) == ("opened", False)
    assert "Nothing was done." in press(case, "refund-rest", {"request_id": str(uuid4()), "amount_minor": 25000})
    assert (case.state, Refund.objects.count()) == ("opened", 0)
    seat = Seat.objects.get(live_session=session)
    cancel_seat_by_house(seat_id=seat.pk, actor=make_staff(), reason="Ill", restitution=Seat.Restitution.FULL, now=clock.now())
    assert 'value="Refund $250"' in page_of(case)
    press(case, "refund-rest", {"request_id": str(uuid4()), "amount_minor": 25000})
    assert (case.state, Refund.objects.get().amount_minor) == ("settled", 25000)


def test_of_one_who_gives_a_seat_and_one_who_refunds_at_once_one_comes_too_late(shop: Shop) -> None:
    case, session, one, other = lost_order(shop), make_live_session(), make_staff(), make_staff()
    give = partial(give_seat_of_case, live_session_id=session.pk, attendee=Attendee("Bo", "bo@example.org", ""), is_last=False)
    outcomes = at_once(
        [
            partial(give, case_id=case.pk, actor=one, now=clock.now()),
            partial(refund_rest_of_case, case_id=case.pk, amount_minor=25000, actor=other, request_id=uuid4(), now=clock.now()),
        ]
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) in (
        ["NoRemedy", "SeatCoverage"],
        ["CaseAlreadySettled", "Refund"],
    )
    assert Refund.objects.count() + session.seats.count() == 1


@pytest.mark.django_db
def test_seat_is_not_given_where_none_is_left_or_the_form_lacks_something() -> None:
    full, case = make_live_session(capacity=1), lost_seat()
    make_guest_seat(full)
    assert "No seat is left in that session." in press(case, "give-seat", seat_form(full.pk))
    begun = make_live_session(starts_in=timedelta(minutes=-5))
    for form in (seat_form(begun.pk), seat_form(full.pk, name="A\nB"), seat_form(full.pk, email="no address"), {}):
        assert "No seat was given" in press(case, "give-seat", form)
    assert (case.state, Seat.objects.count()) == ("opened", 1)


@pytest.mark.django_db(transaction=True)
def test_double_click_on_give_the_seat_gives_one() -> None:
    case, session = lost_seat(), make_live_session()
    give = partial(give_seat_of_case, case_id=case.pk, live_session_id=session.pk, is_last=True, now=clock.now())
    bo = Attendee("Bo Chen", "bo@example.org", "")
    outcomes = at_once([partial(give, attendee=bo, actor=make_staff()) for _ in range(3)])
    names = sorted(type(outcome).__name__ for outcome in outcomes)
    assert (names.count("SeatCoverage"), Seat.objects.count()) == (1, 1)
    assert set(names) <= {"SeatCoverage", "CaseAlreadySettled", "AlreadySeated"}


@pytest.mark.django_db
def test_button_is_refused_on_a_case_of_another_kind() -> None:
    case = open_case(key="second_year:1", kind=Case.Kind.SECOND_YEAR, summary="Two years", now=clock.now())
    forms = {
        "returned": {"amount": "1.00", "how": "cheque", "reference": "1"},
        "give-seat": seat_form(make_live_session().pk),
        "ask-again": {},
        "credit-note-again": {},
        "send-mail-again": {},
        "retry-refund": {},
    }
    for step, form in forms.items():
        assert "There is nothing left to do about it this way. Nothing was done." in press(case, step, form), step
    assert (case.state, Seat.objects.count()) == ("opened", 0)


def refused_change(shop: Shop) -> Case:
    """Stripe refused to turn a renewal off."""
    year = shop.begin_year()
    known = year.stripe_subscription_id
    Subscription.objects.update(stripe_subscription_id="sub_of_another_account")
    change = ask_renewal(user=year.subscriber.user, renews=False, now=clock.now())
    submit_change(change_id=change.pk, now=clock.now())
    Subscription.objects.update(stripe_subscription_id=known)
    return Case.objects.get(kind="change_refused")


def test_what_stripe_refused_is_asked_again(shop: Shop) -> None:
    case, staff = refused_change(shop), make_staff()
    page = page_of(case)
    assert ("Ask Stripe again" in page, "End this year, with or without a refund" in page) == (True, True)
    press(case, "ask-again", user=staff)
    assert (case.state, case.resolution) == ("settled", "Asked again: renewal turned off.")
    assert sweep_changes_task() == 1
    year = Subscription.objects.get()
    assert year.renews is False
    assert list(SubscriptionChange.objects.order_by("id").values_list("state", "asked_by")) == [
        ("refused", year.subscriber.user_id),
        ("done", staff.pk),
    ]


def test_what_stripe_refused_is_asked_again_once_by_two_and_not_against_a_later_wish(shop: Shop) -> None:
    case = refused_change(shop)
    again = partial(ask_change_of_case_again, case_id=case.pk, now=clock.now())
    outcomes = at_once([partial(again, actor=make_staff()) for _ in range(3)])
    assert [type(outcome).__name__ for outcome in outcomes].count("SubscriptionChange") == 1
    assert SubscriptionChange.objects.count() == 2
    Case.objects.filter(pk=case.pk).update(state="opened", settled_at=None, settled_by=None, resolution="")
    assert "There is nothing left to do about it this way." in press(case, "ask-again")
    assert SubscriptionChange.objects.count() == 2


def test_credit_note_is_tried_again_and_its_case_settles_itself(shop: Shop) -> None:
    refund = owe(bought_seat(shop))
    submit_refund(refund_id=refund.pk, now=clock.now())
    refund.refresh_from_db()
    known = refund.payment.stripe_invoice_id
    Payment.objects.update(stripe_invoice_id="in_of_another_account")
    make_credit_note(refund_id=refund.pk, now=clock.now())
    case = Case.objects.get(kind="credit_note")
    assert "Try the credit note again" in page_of(case)
    assert "Stripe is asked again within a minute." in press(case, "credit-note-again")
    assert case.state == "opened"
    Payment.objects.update(stripe_invoice_id=known)
    press(case, "credit-note-again")
    assert AuditEntry.objects.filter(verb="asked_credit_note_again").count() == 1
    assert sweep_credit_notes_task() == 1
    case.refresh_from_db()
    refund.refresh_from_db()
    assert refund.stripe_credit_note_id
    assert (case.state, case.resolution) == ("settled", f"Made: {refund.stripe_credit_note_id}.")


def undelivered(state: str) -> Case:
    seat = make_guest_seat(make_live_session())
    sent = {"sent_at": clock.now(), "bounced_at": clock.now()} if state == "bounced" else {}
    OutgoingMail.objects.filter(context__seat_id=seat.pk).update(state=state, reason="refused for good", **sent)
    assert open_cases_of_bounces(now=clock.now(), limit=10) == 1
    return Case.objects.get()


@pytest.mark.django_db
def test_failed_mail_is_sent_again_from_its_case_which_settles_once_it_is_out() -> None:
    case = undelivered("failed")
    assert "Send the mail again" in page_of(case)
    assert "The mail is tried again." in press(case, "send-mail-again")
    assert case.mail
    mail = case.mail
    mail.refresh_from_db()
    assert (mail.state, case.state) == ("queued", "opened")
    OutgoingMail.objects.filter(pk=mail.pk).update(state="sent", sent_at=clock.now())
    open_cases_of_bounces(now=clock.now(), limit=10)
    case.refresh_from_db()
    assert (case.state, case.settled_by) == ("settled", None)


@pytest.mark.django_db
def test_mail_that_bounced_is_not_sent_again_and_its_case_settles_when_the_seat_changes_hands() -> None:
    case = undelivered("bounced")
    assert "Send the mail again" not in page_of(case)
    assert "There is nothing left to do about it this way." in press(case, "send-mail-again")
    open_cases_of_bounces(now=clock.now(), limit=10)
    case.refresh_from_db()
    assert case.state == "opened"
    Seat.objects.update(attendee_email="right@example.com")
    open_cases_of_bounces(now=clock.now(), limit=10)
    case.refresh_from_db()
    assert (case.state, case.resolution) == ("settled", "The seat is not theirs any more.")


def test_seat_of_a_disputed_payment_has_no_button_until_the_bank_has_decided(shop: Shop) -> None:
    payment = bought_seat(shop)
    shop.stripe.open_dispute(payment.stripe_payment_intent_id)
    shop.hear_all()
    seat = Seat.objects.get()
    cancel_seat_by_house(seat_id=seat.pk, actor=make_staff(), reason="Ill", restitution=Seat.Restitution.FULL, now=clock.now())
    case = Case.objects.get(kind="disputed_restitution")
    page = page_of(case)
    assert ("The button to refund it comes once the dispute is won." in page, 'value="Refund' in page) == (True, False)
    assert case.dispute
    shop.stripe.settle_dispute(case.dispute.stripe_dispute_id, "won")
    shop.hear_all()
    assert 'value="Refund $250"' in page_of(case)


@pytest.mark.django_db
def test_buttons_of_other_powers_are_for_who_has_them() -> None:
    settler, case, session = make_user(is_staff=True), lost_seat(), make_live_session()
    for codename in ("view_case", "change_case"):
        settler.user_permissions.add(Permission.objects.get(codename=codename, content_type__app_label="subscriptions"))
    page = page_of(case, settler)
    assert ("Settle this case" in page, "Give the seat" in page) == (True, False)
    for step in ("give-seat", "ask-again", "send-mail-again"):
        assert desk_of(settler).post(f"{LIST}{case.pk}/{step}/", seat_form(session.pk)).status_code == 403
    looker = make_user(is_staff=True)
    looker.user_permissions.add(Permission.objects.get(codename="view_case"))
    for step in ("give-seat", "returned", "credit-note-again"):
        assert desk_of(looker).post(f"{LIST}{case.pk}/{step}/", seat_form(session.pk)).status_code == 403
        assert desk_of().get(f"{LIST}{case.pk}/{step}/").status_code == 405
    assert Seat.objects.count() == 0


@pytest.mark.django_db
def test_list_shows_what_is_open_first_and_asks_the_same_number_of_questions() -> None:
    now, client = clock.now(), desk_of()
    Case.objects.create(
        key="old", kind="difference", state="settled", summary="Old", opened_at=now, settled_at=now, resolution="-"
    )
    counts = []
    for number in (2, 30):
        for index in range(number):
            key = f"{number}:{index}"
            Case.objects.create(key=key, kind="refund_failed", summary=f"New {key}", opened_at=now - timedelta(hours=3))
        client.get(LIST)
        with CaptureQueriesContext(connection) as captured:
            page = client.get(LIST).content.decode()
        counts.append(len(captured))
    assert counts[0] == counts[1]
    assert ("New 30:7" in page, "Old" in page, "3 hours" in page) == (True, False, True)
    assert "Old" in client.get(LIST, {"state": "settled"}).content.decode()
    assert client.get(LIST, {"state": "all"}).context["cl"].result_count == 33
