"""An invoiced payment that went back is documented by one credit note, whatever crashes in between."""

from datetime import timedelta

import pytest

from redreport import clock
from subscriptions import stripe_gateway as gateway
from subscriptions.models import Case, Refund
from subscriptions.operations.credit_notes import make_credit_note
from subscriptions.operations.refunds import retry_refund, submit_refund
from subscriptions.tasks import sweep_credit_notes_task
from tests.factories import make_staff
from tests.fixtures_shop import Shop
from tests.money_back import bought_seat, bought_year, case_states, owe, refund_by_hand

NOTES = "/v1/credit_notes"


def refunded(shop: Shop) -> Refund:
    """A refund of ours that went through, its credit note still to be made."""
    refund = owe(bought_seat(shop))
    submit_refund(refund_id=refund.pk, now=clock.now())
    refund.refresh_from_db()
    assert (refund.state, refund.credit_note_due_at is not None, refund.stripe_credit_note_id) == ("succeeded", True, "")
    return refund


def notes(shop: Shop) -> list[tuple[str, int]]:
    return [(note["invoice"], note["amount"]) for note in shop.stripe.objects("credit_note")]


def test_refund_that_went_through_gets_its_credit_note_from_the_sweep_once(shop: Shop) -> None:
    refund = refunded(shop)
    assert sweep_credit_notes_task() == 1
    assert sweep_credit_notes_task() == 0
    refund.refresh_from_db()
    [note] = shop.stripe.objects("credit_note")
    assert notes(shop) == [(refund.payment.stripe_invoice_id, 25000)]
    assert (refund.stripe_credit_note_id, refund.credit_note_due_at) == (note["id"], None)
    assert note["refunds"][0]["refund"] == refund.stripe_refund_id


def test_pending_refund_gets_its_credit_note_only_when_it_went_through(shop: Shop) -> None:
    refund = owe(bought_seat(shop))
    shop.stripe.next_refund("pending")
    submit_refund(refund_id=refund.pk, now=clock.now())
    assert sweep_credit_notes_task() == 0
    refund.refresh_from_db()
    shop.stripe.settle_refund(str(refund.stripe_refund_id), "succeeded")
    shop.hear_all()
    assert sweep_credit_notes_task() == 1
    assert len(notes(shop)) == 1


@pytest.mark.parametrize("fault", ["500_after", "drop_after"])
@pytest.mark.parametrize("forgotten", [False, True], ids=["key known", "key forgotten"])
def test_credit_note_whose_answer_was_lost_is_found_and_not_made_twice(shop: Shop, fault: str, forgotten: bool) -> None:
    refund = refunded(shop)
    shop.stripe.fault(fault, method="POST", path=NOTES, count=2)  # type: ignore[arg-type]
    assert make_credit_note(refund_id=refund.pk, now=clock.now()) is False
    shop.stripe.clear_faults()
    assert len(notes(shop)) == 1
    if forgotten:
        shop.stripe.prune_idempotency_keys()
    assert make_credit_note(refund_id=refund.pk, now=clock.now() + timedelta(minutes=1))
    refund.refresh_from_db()
    assert len(notes(shop)) == 1
    assert (refund.stripe_credit_note_id != "", refund.credit_note_due_at) == (True, None)


def test_credit_note_waits_longer_and_longer_while_stripe_is_away(shop: Shop) -> None:
    refund, waits = refunded(shop), []
    shop.stripe.fault("503", path=NOTES, count=1000)
    now = clock.now()
    for _ in range(4):
        assert make_credit_note(refund_id=refund.pk, now=now) is False
        refund.refresh_from_db()
        assert refund.credit_note_due_at is not None
        waits.append(refund.credit_note_due_at - now)
        assert make_credit_note(refund_id=refund.pk, now=now) is True
        now = refund.credit_note_due_at
    assert waits == [timedelta(minutes=minutes) for minutes in (1, 2, 4, 8)]


def test_credit_note_that_stripe_refuses_opens_one_case_and_is_not_asked_for_again(shop: Shop) -> None:
    refund = refunded(shop)
    gateway.client().v1.credit_notes.create(
        {"invoice": refund.payment.stripe_invoice_id, "amount": 25000, "out_of_band_amount": 25000}
    )
    make_credit_note(refund_id=refund.pk, now=clock.now())
    case = Case.objects.get()
    assert (case.kind, case.refund, case.summary.split(":")[0]) == (
        "credit_note",
        refund,
        f"Stripe refused a credit note of $250 for invoice {refund.payment.stripe_invoice_id}",
    )
    assert sweep_credit_notes_task() == 0


def test_refund_by_hand_gets_a_credit_note_if_the_dashboard_made_none(shop: Shop) -> None:
    payment = bought_year(shop)
    refund_by_hand(payment)
    shop.hear_all()
    sweep_credit_notes_task()
    assert notes(shop) == [(payment.stripe_invoice_id, 250000)]


def test_credit_note_that_the_dashboard_made_is_kept_and_no_second_one_made(shop: Shop) -> None:
    payment = bought_year(shop)
    note = gateway.client().v1.credit_notes.create(
        {"invoice": payment.stripe_invoice_id, "amount": 50000, "refund_amount": 50000}
    )
    shop.hear_all()
    sweep_credit_notes_task()
    assert Refund.objects.get().stripe_credit_note_id == note.id
    assert len(notes(shop)) == 1


def fail_at_stripe(shop: Shop, refund: Refund) -> None:
    refund.refresh_from_db()
    shop.stripe.settle_refund(str(refund.stripe_refund_id), "failed")
    shop.hear_all()


def test_replacement_of_a_refund_that_failed_after_its_credit_note_takes_the_note_over(shop: Shop) -> None:
    refund = refunded(shop)
    sweep_credit_notes_task()
    fail_at_stripe(shop, refund)
    refund.refresh_from_db()
    assert f"Its credit note {refund.stripe_credit_note_id} stands" in Case.objects.get().summary
    again = retry_refund(refund_id=refund.pk, actor=make_staff(), now=clock.now())
    submit_refund(refund_id=again.pk, now=clock.now())
    again.refresh_from_db()
    assert (again.state, again.stripe_credit_note_id) == ("succeeded", refund.stripe_credit_note_id)
    assert sweep_credit_notes_task() == 0
    assert len(notes(shop)) == 1


def test_replacement_finds_the_note_whose_answer_was_lost_before_the_refund_failed(shop: Shop) -> None:
    refund = refunded(shop)
    shop.stripe.fault("drop_after", method="POST", path=NOTES, count=2)
    make_credit_note(refund_id=refund.pk, now=clock.now())
    shop.stripe.clear_faults()
    fail_at_stripe(shop, refund)
    assert sweep_credit_notes_task() == 0
    again = retry_refund(refund_id=refund.pk, actor=make_staff(), now=clock.now())
    submit_refund(refund_id=again.pk, now=clock.now())
    sweep_credit_notes_task()
    again.refresh_from_db()
    [note] = shop.stripe.objects("credit_note")
    assert again.stripe_credit_note_id == note["id"]
    assert case_states() == {"refund_failed": "settled"}


def test_without_looking_first_a_forgotten_key_would_not_be_caught_by_us(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: without the look, only Stripe's own sum stands between us and a second credit note, and a case opens."""
    refund = owe(bought_seat(shop), 1000)
    submit_refund(refund_id=refund.pk, now=clock.now())
    monkeypatch.setattr(gateway, "find_credit_note", lambda **which: "")
    shop.stripe.fault("drop_after", method="POST", path=NOTES, count=2)
    make_credit_note(refund_id=refund.pk, now=clock.now())
    shop.stripe.clear_faults()
    shop.stripe.prune_idempotency_keys()
    make_credit_note(refund_id=refund.pk, now=clock.now() + timedelta(minutes=1))
    assert (len(notes(shop)), case_states()) == (1, {"credit_note": "opened"})
