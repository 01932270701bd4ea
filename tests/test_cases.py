"""Cases: what a person must decide, with a proposal, and buttons that act and settle in one go."""

from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from redreport import clock
from redreport.audit.models import AuditEntry
from redreport.outbox import kinds
from redreport.outbox.models import OutgoingMail
from sessions_live.models import Seat
from subscriptions.errors import CaseAlreadySettled
from subscriptions.models import Case, Order, Refund
from subscriptions.operations.case_money import refund_rest_of_case, retry_refund_of_case
from subscriptions.operations.cases import close_case_of_key, open_case, restate_case, settle_case
from subscriptions.operations.refunds import submit_refund
from subscriptions.order_page import order_context
from subscriptions.tasks import sweep_refunds_task
from tests.factories import make_staff, make_user
from tests.fixtures_shop import Shop
from tests.money_back import bought_seat, owe, refund_rows
from tests.racing import at_once
from tests.staff import desk_of


def some_case(**values: str) -> Case:
    return open_case(
        key="second_year:sub_1",
        kind=Case.Kind.SECOND_YEAR,
        summary=values.get("summary", "Two years"),
        proposal="End one",
        now=clock.now(),
    )


@pytest.mark.django_db
def test_a_case_is_opened_once_for_its_key_and_settled_once() -> None:
    case, staff = some_case(), make_staff()
    assert some_case(summary="Again").summary == "Two years"
    settle_case(case_id=case.pk, actor=staff, resolution="Asked the reader", now=clock.now())
    with pytest.raises(CaseAlreadySettled):
        settle_case(case_id=case.pk, actor=make_staff(), resolution="Me too", now=clock.now())
    case.refresh_from_db()
    assert (case.state, case.settled_by, case.resolution) == ("settled", staff, "Asked the reader")
    entry = AuditEntry.objects.get(verb="settled")
    assert (entry.actor, entry.target_id, entry.reason) == (staff, str(case.pk), "Asked the reader")


@pytest.mark.django_db
def test_a_cause_that_goes_away_settles_only_what_is_open() -> None:
    case, now = some_case(), clock.now()
    close_case_of_key(key="another", resolution="Gone", now=now)
    close_case_of_key(key=case.key, resolution="Gone", now=now)
    close_case_of_key(key=case.key, resolution="Gone again", now=now + timedelta(days=1))
    restate_case(key=case.key, summary="Late news", proposal="None")
    case.refresh_from_db()
    assert (case.state, case.settled_at, case.settled_by, case.resolution) == ("settled", now, None, "Gone")
    assert case.summary == "Two years"


@pytest.mark.django_db(transaction=True)
def test_two_members_of_staff_at_once_settle_a_case_once() -> None:
    case = some_case()
    settle = partial(settle_case, case_id=case.pk, now=clock.now())
    outcomes = at_once([partial(settle, actor=make_staff(), resolution=f"By {number}") for number in range(4)])
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Case", *["CaseAlreadySettled"] * 3]
    assert AuditEntry.objects.filter(verb="settled").count() == 1


def failed_refund_case(shop: Shop) -> Case:
    refund = owe(bought_seat(shop))
    shop.stripe.next_refund("failed")
    submit_refund(refund_id=refund.pk, now=clock.now())
    return Case.objects.get(kind="refund_failed")


def fraud_case(shop: Shop) -> Case:
    payment = bought_seat(shop)
    shop.stripe.warn_of_fraud(payment.stripe_payment_intent_id)
    shop.hear_all()
    return Case.objects.get(kind="fraud_warning")


def address(case: Case, step: str) -> str:
    return f"/admin/subscriptions/case/{case.pk}/{step}/"


def test_button_makes_a_failed_refund_again_and_settles_its_case(shop: Shop) -> None:
    case, staff = failed_refund_case(shop), make_staff()
    page = desk_of(staff).get(address(case, "change")).content.decode()
    assert ("Try the refund again" in page, case.proposal[:20] in page, "Refund $" in page) == (True, True, False)
    assert f"/admin/subscriptions/refund/{case.refund_id}/change/" in page
    assert desk_of(staff).post(address(case, "retry-refund")).status_code == 302
    assert sweep_refunds_task() == 1
    case.refresh_from_db()
    assert refund_rows() == [(25000, "staff", "failed"), (25000, "staff", "succeeded")]
    assert (case.state, case.settled_by, case.resolution) == ("settled", staff, "$250 is refunded again.")
    assert desk_of().get(address(case, "change")).content.decode().count("Try the refund again") == 0


def test_two_members_of_staff_at_once_make_a_failed_refund_again_once(shop: Shop) -> None:
    case = failed_refund_case(shop)
    retry = partial(retry_refund_of_case, case_id=case.pk, now=clock.now())
    outcomes = at_once([partial(retry, actor=make_staff()) for _ in range(3)])
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["CaseAlreadySettled", "CaseAlreadySettled", "Refund"]
    assert refund_rows() == [(25000, "staff", "failed"), (25000, "staff", "pending")]


def test_button_refunds_a_suspected_fraud_ends_its_seat_and_settles_its_case(shop: Shop) -> None:
    case, client = fraud_case(shop), desk_of()
    assert "Refund $250" in client.get(address(case, "change")).content.decode()
    form = {"request_id": str(uuid4()), "amount_minor": 25000}
    client.post(address(case, "refund-rest"), form)
    second = client.post(address(case, "refund-rest"), form, follow=True).content.decode()
    assert "This case was settled meanwhile. Nothing was done." in second
    sweep_refunds_task()
    case.refresh_from_db()
    assert refund_rows() == [(25000, "staff", "succeeded")]
    assert (Seat.objects.get().state, Order.objects.get().state, case.state) == ("canceled", "refunded", "settled")
    assert case.resolution == "$250 is refunded. Coming seats canceled: 1, unused credits taken back: 0."


def test_buyer_whose_seat_went_with_the_refund_gets_one_mail_about_both(shop: Shop) -> None:
    case = fraud_case(shop)
    desk_of().post(address(case, "refund-rest"), {"request_id": str(uuid4()), "amount_minor": 25000})
    sweep_refunds_task()
    assert refund_rows() == [(25000, "staff", "succeeded")]
    mail = OutgoingMail.objects.get(kind__in=["payment_refunded", "seat_canceled"])
    assert "You get $250 back" in kinds.find(mail.kind).render(mail).text


def test_double_click_on_refund_from_two_forms_at_once_is_one_refund(shop: Shop) -> None:
    case = fraud_case(shop)
    click = partial(refund_rest_of_case, case_id=case.pk, amount_minor=25000, now=clock.now())
    outcomes = at_once([partial(click, actor=make_staff(), request_id=uuid4()) for _ in range(3)])
    assert [type(outcome).__name__ for outcome in outcomes].count("Refund") == 1
    assert refund_rows() == [(25000, "staff", "pending")]


def test_wrong_amount_is_refunded_from_its_case_and_the_held_seat_comes_free(shop: Shop) -> None:
    order = shop.hold_seat()
    Order.objects.filter(pk=order.pk).update(amount_minor=30000)
    shop.pay(order)
    shop.hear_all()
    case = Case.objects.get(kind="amount_mismatch")
    assert (case.payment, Seat.objects.get().state) == (order.payments.get(), "held")
    desk_of().post(address(case, "refund-rest"), {"request_id": str(uuid4()), "amount_minor": 25000})
    assert Seat.objects.get().state == "expired"
    sweep_refunds_task()
    order.refresh_from_db()
    assert (order.state, Case.objects.get().state) == ("refunded", "settled")


def test_case_is_settled_in_the_admin_only_with_words(shop: Shop) -> None:
    case, client = fraud_case(shop), desk_of()
    assert "Write how it was settled" in client.post(address(case, "settle"), {"resolution": " "}, follow=True).content.decode()
    case.refresh_from_db()
    assert case.state == "opened"
    client.post(address(case, "settle"), {"resolution": "We know the reader"})
    case.refresh_from_db()
    assert (case.state, case.resolution) == ("settled", "We know the reader")


def test_disputed_payment_is_not_refunded_from_a_case(shop: Shop) -> None:
    case = failed_refund_case(shop)
    shop.stripe.open_dispute(str(case.payment and case.payment.stripe_payment_intent_id))
    shop.hear_all()
    page = desk_of().post(address(case, "retry-refund"), follow=True).content.decode()
    assert "a refund would pay it out twice" in page
    case.refresh_from_db()
    assert (case.state, Refund.objects.count()) == ("opened", 1)


@pytest.mark.parametrize("step", ["settle", "retry-refund", "refund-rest"])
def test_buttons_need_the_permission_a_post_and_a_token(shop: Shop, step: str) -> None:
    case, colleague = failed_refund_case(shop), make_user(is_staff=True)
    colleague.user_permissions.add(Permission.objects.get(codename="view_case"))
    form = {"resolution": "Done", "request_id": str(uuid4())}
    page = desk_of(colleague).get(address(case, "change")).content.decode()
    assert (case.summary in page, "Settle this case" in page) == (True, False)
    assert desk_of(colleague).post(address(case, step), form).status_code == 403
    assert desk_of().get(address(case, step)).status_code == 405
    assert desk_of().post(address(Case(pk=case.pk + 1), step), form).status_code == 404
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(make_staff())
    assert strict.post(address(case, step), form).status_code == 403
    case.refresh_from_db()
    assert case.state == "opened"


def test_reader_is_told_of_a_case_that_holds_up_the_order_and_not_of_others(shop: Shop) -> None:
    case = failed_refund_case(shop)
    order = Order.objects.get()
    Order.objects.update(fulfilled_at=None)
    order.refresh_from_db()
    told = order_context(order, returned_paid=False, now=clock.now())
    assert (told["view"], told["looked_into"]) == (
        "looked_into",
        "We tried to return your payment, and your bank did not take it.",
    )
    Case.objects.filter(pk=case.pk).update(kind=Case.Kind.FRAUD_WARNING)
    assert order_context(order, returned_paid=False, now=clock.now())["looked_into"] == ""
