"""What staff do with seats: what the page says beforehand is what happens, to the cent; twice is once; who may not is refused."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from redreport import clock, policy
from redreport.audit.models import AuditEntry
from redreport.desk.models import Job
from redreport.outbox import kinds
from redreport.outbox.models import OutgoingMail
from sessions_live.models import Seat, WaitlistEntry
from sessions_live.seat_links import DOOR
from sessions_live.tasks import sweep_waitlist
from subscriptions.models import Case, CreditEntry, Order, Refund, SeatCoverage
from tests.canceling import assert_books_balance, cancel, cancel_by_house
from tests.desk_actions import Desk, outcomes, refusals, run_again
from tests.factories import make_guest_seat, make_live_session, make_staff, make_user
from tests.fixtures_shop import Shop
from tests.money_back import owe
from tests.moving import seat_by_credit
from tests.outbox_helpers import last_mail_id, mails_owed
from tests.parties import BO, CY, party_of
from tests.staff import staff_who_may
from tests.waiting import free_a_seat, sold_out_session, waits

pytestmark = pytest.mark.django_db(transaction=True)

BY_RULE = {"restitution": "rule", "reason": "They rang us"}
IN_FULL = {"restitution": "full", "reason": "They rang us"}
NOTHING = {"restitution": "none", "reason": "They rang us"}


def seats_of(order: Order) -> list[Seat]:
    return list(Seat.objects.filter(coverage__order=order).order_by("id"))


def test_canceling_does_what_was_shown_for_each_kind_of_coverage_and_tells_whom_it_concerns(shop: Shop) -> None:
    live_session, buyer = make_live_session(capacity=5), make_user()
    order = shop.sell_seats(buyer, live_session, party_of(buyer, BO))
    by_credit, given = seat_by_credit(live_session), make_guest_seat(live_session)
    make_guest_seat(live_session)
    readers, seats = [waits(live_session) for _ in range(2)], [*seats_of(order), by_credit, given]
    desk, before = Desk("desk_cancel_seats", live_session), last_mail_id()
    job = desk.confirm(seats, **BY_RULE)
    assert job.preview == (
        "Cancels 4 seats, refunds $500, returns 1 credit, sends 5 mails. 2 on the waitlist will be offered a seat."
    )
    run_again(job)
    assert outcomes(job) == [
        ("done", "Canceled. $250 goes back."),
        ("done", "Canceled. $250 goes back."),
        ("done", "Canceled. 1 credit is back."),
        ("done", "Canceled. Nothing is returned."),
    ]
    assert [refund["amount"] for refund in shop.stripe.objects("refund")] == [25000, 25000]
    assert CreditEntry.objects.filter(seat=by_credit, kind="return").count() == 1
    assert sorted(mails_owed(before)) == sorted(
        [
            ("seat_canceled", buyer.email),
            ("seat_canceled", BO.email),
            ("cancellation_receipt", buyer.email),
            ("seat_canceled", by_credit.attendee_email),
            ("seat_canceled", given.attendee_email),
        ]
    )
    sweep_waitlist(now=clock.now())
    assert list(WaitlistEntry.objects.filter(state="offered").values_list("user", flat=True)) == [user.pk for user in readers]
    assert AuditEntry.objects.filter(verb="canceled", actor=desk.staff, reason="They rang us").count() == 4
    assert_books_balance()


def test_canceling_twice_or_after_a_crash_gives_back_once(shop: Shop) -> None:
    live_session = make_live_session()
    seats = [shop.sell_seat(live_session=live_session), seat_by_credit(live_session)]
    desk = Desk("desk_cancel_seats", live_session)
    first, before = desk.do(seats, **IN_FULL), last_mail_id()
    run_again(first)
    assert [outcome for _, outcome in outcomes(first)] == ["Canceled. $250 goes back.", "Canceled. 1 credit is back."]
    assert desk.look(seats, **IN_FULL).context["sentence"] == "Changes nothing."
    second = desk.do(seats, **IN_FULL)
    assert outcomes(second) == [("done", "Was canceled already.")] * 2
    assert (Refund.objects.count(), CreditEntry.objects.filter(kind="return").count(), mails_owed(before)) == (1, 1, [])
    assert_books_balance()


@pytest.mark.parametrize(
    ("wishes", "starts_in", "sentence"),
    [
        (BY_RULE, timedelta(hours=25), "Cancels 1 seat, refunds $250, sends 1 mail."),
        (BY_RULE, timedelta(hours=23), "Cancels 1 seat, sends 1 mail."),
        (IN_FULL, timedelta(hours=23), "Cancels 1 seat, refunds $250, sends 1 mail."),
        (NOTHING, timedelta(days=7), "Cancels 1 seat, sends 1 mail."),
    ],
)
def test_what_comes_back_is_what_staff_chose(shop: Shop, wishes: dict[str, str], starts_in: timedelta, sentence: str) -> None:
    seat = shop.sell_seat(live_session=make_live_session(starts_in=starts_in))
    job = Desk("desk_cancel_seats", seat.live_session).do([seat], **wishes)
    assert job.preview == sentence
    assert Refund.objects.count() == ("refunds" in sentence)


def test_what_the_rule_gave_when_staff_pressed_the_button_holds_although_the_worker_comes_after_the_cut_off(shop: Shop) -> None:
    seat = shop.sell_seat(live_session=make_live_session(starts_in=timedelta(hours=24, minutes=1)))
    job = Desk("desk_cancel_seats", seat.live_session).confirm([seat], **BY_RULE)
    with time_machine.travel(clock.now() + timedelta(minutes=5), tick=True):
        run_again(job)
    assert outcomes(job) == [("done", "Canceled. $250 goes back.")]


def test_seats_of_one_payment_that_has_gone_back_in_part_are_shown_with_what_is_left_of_it(shop: Shop) -> None:
    live_session, buyer = make_live_session(), make_user()
    order = shop.sell_seats(buyer, live_session, party_of(buyer, BO, CY))
    owe(order.payments.get(), 30000)
    job = Desk("desk_cancel_seats", live_session).do(seats_of(order), **IN_FULL)
    assert job.preview == "Cancels 3 seats, refunds $450, sends 5 mails."
    assert sorted(Refund.objects.filter(reason="house_canceled").values_list("amount_minor", flat=True)) == [20000, 25000]


def test_a_seat_whose_payment_the_bank_has_gets_a_case_and_the_page_says_so(shop: Shop) -> None:
    seat = shop.sell_seat()
    assert seat.coverage.order
    shop.stripe.open_dispute(seat.coverage.order.payments.get().stripe_payment_intent_id)
    shop.hear_all()
    job = Desk("desk_cancel_seats", seat.live_session).do([seat], **IN_FULL)
    assert job.preview == "Cancels 1 seat, opens 1 case, sends 1 mail."
    assert Case.objects.filter(kind="disputed_restitution").count() == 1


def test_seats_of_another_session_seats_that_are_only_held_and_seats_that_never_were_are_refused(shop: Shop) -> None:
    live_session = make_live_session()
    held = Seat.objects.get(coverage__order=shop.hold_seat(live_session=live_session))
    full = sold_out_session()
    waits(full)
    free_a_seat(full)
    offered = Seat.objects.get(live_session=full, state="offered")
    assert refusals(Desk("desk_cancel_seats", full).look([offered], **IN_FULL)) == [
        "Nobody has this seat for good: it is not paid yet, or was given up."
    ]
    elsewhere, good = make_guest_seat(make_live_session()), make_guest_seat(live_session)
    page = Desk("desk_cancel_seats", live_session).look([held, elsewhere, Seat(pk=10**9), good], **IN_FULL)
    assert refusals(page) == [
        "Nobody has this seat for good: it is not paid yet, or was given up.",
        "This seat is not in this session, or no longer.",
        "This seat is not in this session, or no longer.",
    ]
    assert page.context["sentence"] == "Cancels 1 seat, sends 1 mail."


def test_without_ticked_seats_or_with_too_many_the_roster_asks_for_them() -> None:
    desk = Desk("desk_cancel_seats", make_live_session())
    assert (desk.open().status_code, desk.client.get(desk.address).status_code) == (302, 302)
    answer = desk.client.post(desk.address, {"seat": list(range(1, 502)), **IN_FULL})
    assert (answer.status_code, Job.objects.count()) == (302, 0)


def test_five_hundred_seats_are_shown_in_as_many_queries_as_a_few(shop: Shop) -> None:
    few, many = make_live_session(), make_live_session(capacity=40)
    desks = [Desk("desk_cancel_seats", live_session) for live_session in (few, many)]
    numbers = []
    for desk, live_session, times in zip(desks, (few, many), (1, 4), strict=True):
        for _ in range(times):
            shop.sell_seat(live_session=live_session)
            seat_by_credit(live_session)
            make_guest_seat(live_session)
        seats = list(live_session.seats.all())
        desk.look(seats, **IN_FULL)
        with CaptureQueriesContext(connection) as queries:
            desk.look(seats, **IN_FULL)
        numbers.append(len(queries))
    assert numbers[0] == numbers[1]


GUESTS = "Bo Chen, bo@example.org, Hill & Co, Inc.\n\nDoe, Cy, cy@example.org"


def test_guests_get_seats_and_confirmations_as_was_shown_and_none_twice_after_a_crash() -> None:
    live_session = make_live_session(capacity=2)
    desk, before = Desk("desk_comp", live_session), last_mail_id()
    job = desk.do(guests=GUESTS, reason="Speaker's friends")
    run_again(job)
    assert job.preview == "Gives 2 seats, sends 2 mails."
    assert outcomes(job) == [("done", "Seat 1 is theirs."), ("done", "Seat 2 is theirs.")]
    assert mails_owed(before) == [("seat_confirmed", "bo@example.org"), ("seat_confirmed", "cy@example.org")]
    given = SeatCoverage.objects.order_by("id").values_list(
        "kind", "note", "approved_by", "seat__booked_by", "seat__attendee_name"
    )
    who = (desk.staff.pk, desk.staff.pk)
    assert list(given) == [("comp", "Speaker's friends", *who, "Bo Chen"), ("comp", "Speaker's friends", *who, "Doe, Cy")]
    assert list(Seat.objects.values_list("attendee_firm", flat=True)) == ["Hill & Co, Inc.", ""]


def test_guests_beyond_the_capacity_twice_in_the_list_or_seated_already_are_refused_in_words() -> None:
    live_session = make_live_session(capacity=2)
    seated = make_guest_seat(live_session)
    page = Desk("desk_comp", live_session).look(
        guests=f"Ada, {seated.attendee_email.upper()}\nBo, bo@example.org\nBo again, Bo@example.org\nCy, cy@example.org",
        reason="x",
    )
    assert refusals(page) == [
        f"{seated.attendee_email.upper()} has a seat there already.",
        "Bo@example.org has a seat there already.",
        "No place is left. Raise the session's capacity first.",
    ]
    assert page.context["sentence"] == "Gives 1 seat, sends 1 mail."
    begun = Desk("desk_comp", make_live_session(starts_in=-timedelta(minutes=1))).look(guests="Bo, bo@example.org", reason="x")
    assert refusals(begun) == ["The session has begun, or is not open for seats."]


def test_lines_that_name_nobody_are_said_by_their_number() -> None:
    page = Desk("desk_comp", make_live_session()).look(
        guests="Bo, bo@example.org\nno address\n, di@example.org\nEd, e@d", reason="x"
    )
    words = page.content.decode()
    assert page.status_code == 400
    for said in ("Line 2: No e-mail address.", "Line 3: No name", "Line 4: Enter a valid email address."):
        assert said in words


def test_no_money_is_said_to_a_guest_nor_to_staff_who_gave_a_seat_to_themselves() -> None:
    live_session, staff = make_live_session(), make_staff()
    Desk("desk_comp", live_session, staff).do(guests=f"Bo, bo@example.org\nDesk, {staff.email}", reason="x")
    for mail in OutgoingMail.objects.filter(kind="seat_confirmed"):
        text = kinds.find("seat_confirmed").render(mail).text
        assert [word for word in ("Paid", "$", "money", "credit", "returned") if word in text] == []


PAID: dict[str, Any] = {
    "name": "Bo Chen",
    "email": "Bo@example.org",
    "firm": "Hill & Co",
    "amount": "1,250.50",
    "currency": "usd",
    "paid_on": "2026-01-05",
    "reference": "INV-2041",
    "reason": "Their bookkeeper rang",
}


def test_an_offline_payment_gives_one_seat_with_what_came_and_a_case_when_it_is_canceled(shop: Shop) -> None:
    live_session, before = make_live_session(), last_mail_id()
    job = Desk("desk_offline", live_session).do(**PAID)
    run_again(job)
    assert job.preview == "Gives 1 seat, records $1,250.50 as received, sends 1 mail."
    assert outcomes(job) == [("done", "Seat 1 is theirs. $1,250.50 is recorded.")]
    coverage = SeatCoverage.objects.select_related("seat").get()
    assert (coverage.kind, coverage.amount_minor, coverage.currency, coverage.note) == ("offline", 125050, "usd", "INV-2041")
    assert (str(coverage.paid_on), coverage.seat.state, coverage.seat.booked_by) == ("2026-01-05", "confirmed", job.made_by)
    assert mails_owed(before) == [("seat_confirmed", "bo@example.org")]
    assert AuditEntry.objects.get(verb="gave", reason="Their bookkeeper rang").detail["amount_minor"] == 125050
    cancel = Desk("desk_cancel_seats", live_session).do([coverage.seat], **IN_FULL)
    assert cancel.preview == "Cancels 1 seat, opens 1 case, sends 1 mail."
    assert "INV-2041" in Case.objects.get().summary


def test_the_reader_whose_address_it_is_becomes_the_booker_and_reads_how_it_was_paid() -> None:
    reader = make_user("Bo Chen", email="bo@example.org")
    Desk("desk_offline", make_live_session()).do(**PAID)
    assert Seat.objects.get().booked_by == reader
    text = kinds.find("seat_confirmed").render(OutgoingMail.objects.get(kind="seat_confirmed")).text
    assert "Paid: Paid by invoice" in text


@pytest.mark.parametrize(
    ("field", "written"),
    [("amount", "12.5"), ("amount", "0"), ("amount", "1e3"), ("amount", "-5"), ("amount", "9" * 30), ("paid_on", "2999-01-01")],
)
def test_amounts_that_are_none_and_days_to_come_are_not_recorded(field: str, written: str) -> None:
    page = Desk("desk_offline", make_live_session()).look(**{**PAID, field: written})
    assert (page.status_code, Job.objects.count()) == (400, 0)


CY_AND_WHY = {"name": "Cy Doe", "email": "Cy@example.org", "firm": "Hill & Co", "reason": "Bo is ill"}


def test_staff_hand_a_seat_over_and_everybody_concerned_hears_of_it_once(shop: Shop) -> None:
    live_session, buyer = make_live_session(), make_user()
    [seat] = seats_of(shop.sell_seats(buyer, live_session, [BO]))
    before, door = last_mail_id(), DOOR.token(seat)
    desk = Desk("desk_hand_over", live_session)
    job = desk.do([seat], **CY_AND_WHY)
    run_again(job)
    assert job.preview == "Hands over 1 seat, sends 3 mails."
    assert outcomes(job) == [("done", "Cy Doe has the seat.")]
    assert mails_owed(before) == [
        ("seat_handed_away", BO.email),
        ("seat_handed_over", "cy@example.org"),
        ("booked_seat_handed_over", buyer.email),
    ]
    seat.refresh_from_db()
    assert (seat.attendee_email, seat.booked_by, DOOR.seat_behind(door)) == ("cy@example.org", buyer, None)
    texts = {kind: kinds.find(kind).render(OutgoingMail.objects.get(kind=kind)).text for kind, _ in mails_owed(before)}
    assert "Our desk gave this seat to somebody else" in texts["seat_handed_away"]
    assert (desk.staff.name in texts["seat_handed_over"], "Cy Doe" in texts["seat_handed_away"]) == (False, False)
    assert "Cy Doe" in texts["booked_seat_handed_over"]
    entry = AuditEntry.objects.get(verb="handed_over")
    assert (entry.actor, entry.reason) == (desk.staff, "Bo is ill")
    assert desk.look([seat], **CY_AND_WHY).context["sentence"] == "Changes nothing."


def test_a_seat_that_was_handed_on_since_is_not_taken_back_by_a_worker_who_does_the_job_again() -> None:
    seat = make_guest_seat(make_live_session())
    desk = Desk("desk_hand_over", seat.live_session)
    job = desk.do([seat], **CY_AND_WHY)
    desk.do([seat], **{**CY_AND_WHY, "name": "Dee Ray", "email": "dee@example.org"})
    before = last_mail_id()
    run_again(job)
    seat.refresh_from_db()
    assert (seat.attendee_email, seat.hand_overs.count(), mails_owed(before)) == ("dee@example.org", 2, [])
    assert outcomes(job) == [("done", "Cy Doe was given the seat.")]


def test_money_that_came_once_and_is_recorded_a_second_time_is_named_before() -> None:
    live_session = make_live_session()
    Desk("desk_offline", live_session).do(**PAID)
    page = Desk("desk_offline", make_live_session()).look(**{**PAID, "reference": "inv-2041 "})
    [row] = page.context["plan"].rows
    assert row.draft.about.endswith(f"recorded under this reference before: $1,250.50 for Bo Chen, “{live_session.title}”")
    page = Desk("desk_offline", make_live_session()).look(**{**PAID, "reference": "INV-2042"})
    assert "before" not in page.context["plan"].rows[0].draft.about


def test_staff_hand_over_as_often_as_it_takes_and_one_seat_at_a_time() -> None:
    seat = make_guest_seat(make_live_session())
    desk = Desk("desk_hand_over", seat.live_session)
    for number in range(policy.MOST_HAND_OVERS + 1):
        desk.do([seat], **{**CY_AND_WHY, "email": f"cy{number}@example.org"})
    seat.refresh_from_db()
    assert (seat.attendee_email, seat.hand_overs.count()) == ("cy5@example.org", 6)
    other = make_guest_seat(seat.live_session)
    assert desk.open([seat, other]).status_code == 302
    assert refusals(desk.look([seat], **{**CY_AND_WHY, "email": other.attendee_email})) == [
        f"{other.attendee_email} has a seat there already."
    ]
    Seat.objects.filter(pk=seat.pk).update(state="attended")
    assert refusals(desk.look([seat], **CY_AND_WHY)) == ["They have come in already, or the hour is over."]


def test_confirmations_go_out_again_with_their_doors_once_for_each_time_they_are_asked_for() -> None:
    live_session = make_live_session()
    seats = [make_guest_seat(live_session) for _ in range(2)]
    canceled, before = cancel_by_house(make_guest_seat(live_session)).seat, last_mail_id()
    desk = Desk("desk_resend", live_session)
    job = desk.do([*seats, canceled])
    run_again(job)
    assert job.preview == "Sends 2 mails."
    assert outcomes(job) == [("done", f"On its way to {seat.attendee_email}.") for seat in seats]
    assert mails_owed(before) == [("seat_confirmed", seat.attendee_email) for seat in seats]
    desk.do(seats[:1])
    assert len(mails_owed(before)) == 3
    mail = OutgoingMail.objects.latest("id")
    assert DOOR.url(seats[0]) in kinds.find("seat_confirmed").render(mail).text
    assert kinds.find("seat_confirmed").guard(mail, clock.now()).action == "send"
    assert AuditEntry.objects.filter(verb="resent", actor=desk.staff).count() == 3


def test_nothing_is_sent_again_once_the_door_has_closed() -> None:
    seat = make_guest_seat(make_live_session())
    with time_machine.travel(seat.live_session.door_closes_at + timedelta(seconds=1), tick=True):
        page = Desk("desk_resend", seat.live_session).look([seat])
    assert refusals(page) == ["The session is over: the door would open nothing."]


def test_forfeited_credits_come_back_once_and_the_page_says_which(shop: Shop) -> None:
    live_session = make_live_session()
    forfeited, in_time, paid = (
        seat_by_credit(live_session),
        seat_by_credit(live_session),
        shop.sell_seat(live_session=live_session),
    )
    cancel(in_time)
    for seat in (forfeited, paid):
        cancel(seat, live_session.starts_at - timedelta(hours=1))
    still_there = seat_by_credit(live_session)
    desk, why = Desk("desk_restore_credits", live_session), {"reason": "Was ill"}
    page = desk.look([forfeited, in_time, paid, still_there], **why)
    nothing = "No credit of this seat was forfeited, or the payment for its year went back."
    assert (refusals(page), page.context["sentence"]) == ([nothing] * 2, "Returns 1 credit. Leaves 1 as they are.")
    job = desk.do([forfeited, in_time], **why)
    run_again(job)
    assert outcomes(job) == [("done", "The credit is back.")] * 2
    assert CreditEntry.objects.filter(kind="return", seat=forfeited).count() == 1
    assert AuditEntry.objects.filter(verb="restored", actor=desk.staff, reason="Was ill").count() == 1
    assert_books_balance()


PAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "desk_hand_over": ("sessions_live.change_seat", CY_AND_WHY),
    "desk_move_seats": ("sessions_live.change_seat", {"reason": "x", "to": 0}),
    "desk_resend": ("outbox.change_outgoingmail", {}),
    "desk_restore_credits": ("subscriptions.add_creditgrant", {"reason": "x"}),
    "desk_goodwill": ("sessions_live.change_seat", {"reason": "x"}),
    "desk_cancel_seats": ("sessions_live.change_seat", IN_FULL),
    "desk_comp": ("subscriptions.add_seatcoverage", {"guests": GUESTS, "reason": "x"}),
    "desk_offline": ("subscriptions.add_seatcoverage", PAID),
}


@pytest.mark.parametrize("page", PAGES)
def test_staff_without_the_permission_are_refused_on_the_server_at_each_step(page: str) -> None:
    permission, filled_in = PAGES[page]
    seat = make_guest_seat(make_live_session())
    others = [f"{app}.{name}" for app, name in OTHER_PERMISSIONS if f"{app}.{name}" != permission]
    desk = Desk(page, seat.live_session, staff_who_may(*others))
    assert [desk.open([seat]).status_code, desk.look([seat], **filled_in).status_code] == [403, 403]
    assert desk.client.post(desk.address, {"seat": [seat.pk], **filled_in, "confirm": "Do it"}).status_code == 403
    allowed = Desk(page, seat.live_session, staff_who_may(permission))
    assert allowed.open([seat]).status_code == 200
    assert Client().post(desk.address).status_code == 302
    assert not Job.objects.exists()


OTHER_PERMISSIONS = [
    ("sessions_live", "change_seat"),
    ("sessions_live", "change_livesession"),
    ("subscriptions", "add_seatcoverage"),
    ("subscriptions", "add_creditgrant"),
    ("outbox", "change_outgoingmail"),
    ("desk", "view_rosterseat"),
]
