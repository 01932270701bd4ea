"""A seat that staff move to another session stays the same seat, with what paid for it; nothing of the session it left clings
to it, and whatever happens at that moment happens once."""

import io
import zipfile
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
import time_machine
from django.db import connection, transaction
from django.test import Client

from redreport import clock
from redreport.accounts.models import User
from redreport.audit.models import AuditEntry
from redreport.outbox import kinds
from redreport.outbox.deliver import deliver_mail
from redreport.outbox.models import OutgoingMail
from redreport.transactions import MOST_TRIES, Overtaken, retried
from sessions_live.errors import AlreadyEntered, AlreadySeated, SalesClosed, SeatNotTaken, SeatRefused, SoldOut
from sessions_live.models import LiveSession, Question, Seat
from sessions_live.operations.attendance import check_in_seat
from sessions_live.operations.declining import decline_seat
from sessions_live.operations.locks import lock_seat_with_session
from sessions_live.operations.questions import ask_question
from sessions_live.operations.reminders import queue_due_reminders
from sessions_live.seat_links import DOOR
from sessions_live.selectors import questions_for_hosts, questions_of
from sessions_live.tasks import sweep_waitlist
from subscriptions.errors import ConsequenceChanged, CreditUsedHere
from subscriptions.evidence import evidence_pack
from subscriptions.models import CreditEntry, Order, Payment, Refund, SeatCoverage
from subscriptions.operations.locks import lock_session_and_seats
from subscriptions.operations.seat_moves import move_seat
from tests.calendar_program import CalendarProgram
from tests.canceling import assert_books_balance, book, cancel, cancel_by_house
from tests.desk_actions import Desk, outcomes, refusals, run_again
from tests.factories import make_credits, make_guest_seat, make_live_session, make_staff, make_user
from tests.fixtures_mail import MailServer
from tests.fixtures_shop import Shop
from tests.invariants import assert_invariants
from tests.money_back import refund_by_hand
from tests.moving import move, seat_by_credit
from tests.outbox_helpers import last_mail_id, mails_owed
from tests.parties import BO, party_of
from tests.racing import at_once, is_deadlock
from tests.waiting import entry_of, sold_out_session, waits

pytestmark = pytest.mark.django_db(transaction=True)

DAY = timedelta(days=1)


def to(live_session: LiveSession, seat: Seat, *, staff: User | None = None) -> Seat:
    """Staff move the seat; it as it is then."""
    move_seat(
        seat_id=seat.pk, to_live_session_id=live_session.pk, actor=staff or make_staff(), reason="They asked", now=clock.now()
    )
    return Seat.objects.select_related("live_session", "booked_by", "coverage__order").get(pk=seat.pk)


def deliver_all() -> None:
    """A worker comes for all mails that wait, the oldest first."""
    for mail_id in OutgoingMail.objects.filter(state="queued").order_by("id").values_list("id", flat=True):
        deliver_mail(mail_id, clock.now())


def rendered(kind: str) -> kinds.RenderedMail:
    return kinds.find(kind).render(OutgoingMail.objects.filter(kind=kind).latest("id"))


def test_it_stays_the_same_seat_with_another_number_door_and_session(shop: Shop) -> None:
    old, new = make_live_session(), make_live_session(starts_in=14 * DAY)
    make_guest_seat(new)
    seat = shop.sell_seat(live_session=old)
    door, staff = DOOR.token(seat), make_staff()
    moved = to(new, seat, staff=staff)
    assert (moved.public_id, moved.live_session, moved.number, moved.state) == (seat.public_id, new, 2, "confirmed")
    assert (moved.calendar_sequence, moved.door_version) == (seat.calendar_sequence + 1, seat.door_version + 1)
    assert (DOOR.seat_behind(door), DOOR.seat_behind(DOOR.token(moved))) == (None, moved)
    assert moved.coverage.order == seat.coverage.order
    entry = AuditEntry.objects.get(verb="moved", target_type="sessions_live.seat")
    assert (entry.actor, entry.reason, entry.detail["from"], entry.detail["to"]) == (staff, "They asked", old.pk, new.pk)
    assert_invariants()


def test_moving_it_to_where_it_is_changes_nothing(shop: Shop) -> None:
    seat = shop.sell_seat()
    before = last_mail_id()
    assert (to(seat.live_session, seat).door_version, mails_owed(before)) == (seat.door_version, [])


def test_attendee_and_booker_hear_of_it_and_the_calendar_entry_moves(shop: Shop, smtp_server: MailServer) -> None:
    old, new, buyer = make_live_session(), make_live_session(starts_in=14 * DAY), make_user("Ada Okafor")
    shop.sell_seats(buyer, old, [BO])
    seat, before = Seat.objects.get(), last_mail_id()
    deliver_all()
    to(new, seat)
    assert mails_owed(before) == [("seat_moved", BO.email), ("booked_seat_moved", buyer.email)]
    mail = rendered("seat_moved")
    assert (old.title in mail.text, new.title in mail.text, mail.subject) == (True, True, f"Your seat is now in: {new.title}")
    deliver_all()
    [(_, start, place)] = CalendarProgram({BO.email}).read(smtp_server.mails).shows()
    assert (start, place) == (new.starts_at.replace(microsecond=0), DOOR.url(Seat.objects.get()))
    told = rendered("booked_seat_moved").text
    assert (BO.email in told, "/door/" in told, f"/seats/{seat.public_id}/cancel/" in told) == (True, False, True)


def test_guests_of_the_house_hear_of_it_and_the_house_does_not() -> None:
    seat = make_guest_seat(make_live_session())
    before = last_mail_id()
    to(make_live_session(), seat)
    assert mails_owed(before) == [("seat_moved", seat.attendee_email)]
    assert "back" not in rendered("seat_moved").text


@pytest.mark.parametrize(
    ("prepare", "refusal"),
    [
        (lambda seat, new: cancel_by_house(seat), SeatNotTaken),
        (lambda seat, new: make_guest_seat(new, seat.booked_by), AlreadySeated),
        (lambda seat, new: Seat.objects.filter(pk=seat.pk).update(state="attended"), AlreadyEntered),
        (lambda seat, new: LiveSession.objects.filter(pk=new.pk).update(capacity=1) and make_guest_seat(new), SoldOut),
        (lambda seat, new: LiveSession.objects.filter(pk=new.pk).update(state="drafted"), SalesClosed),
        (lambda seat, new: LiveSession.objects.filter(pk=new.pk).update(starts_at=clock.now()), SalesClosed),
        (lambda seat, new: book(seat.booked_by, new) and hand_on(new), CreditUsedHere),
    ],
)
def test_what_cannot_be_moved_is_refused_and_stays(
    prepare: Callable[[Seat, LiveSession], object], refusal: type[Exception]
) -> None:
    seat, new = seat_by_credit(make_live_session()), make_live_session()
    prepare(seat, new)
    before = Seat.objects.values("state", "live_session", "door_version").get(pk=seat.pk)
    with pytest.raises(refusal):
        to(new, seat)
    assert Seat.objects.values("state", "live_session", "door_version").get(pk=seat.pk) == before


def hand_on(live_session: LiveSession) -> int:
    """The reader's other seat there is a colleague's by now, so that only its credit stands in the way."""
    return Seat.objects.filter(live_session=live_session).update(attendee_email="colleague@example.org")


def test_a_credit_that_ends_before_the_new_session_stays_good_and_returns_when_that_is_canceled() -> None:
    reader, new = make_user(), make_live_session(starts_in=30 * DAY)
    grant = make_credits(reader)
    grant.expires_at = clock.now() + 20 * DAY
    grant.save()
    seat = to(new, book(reader, make_live_session()))
    assert seat.state == "confirmed"
    assert cancel(seat).settlement == "credit"
    assert CreditEntry.objects.filter(seat=seat).count() == 2
    assert_books_balance()


def test_the_cut_off_is_that_of_the_new_session(shop: Shop) -> None:
    new = make_live_session(starts_in=3 * DAY)
    seat = to(new, shop.sell_seat(live_session=make_live_session(starts_in=30 * DAY)))
    assert seat.free_cancel_until == new.starts_at - DAY
    assert cancel(seat, new.starts_at - DAY).settlement == "forfeited"


def test_moving_is_no_way_round_a_cut_off_that_has_passed_but_staff_may_give_it_back(shop: Shop) -> None:
    late = [shop.sell_seat(live_session=make_live_session(starts_in=timedelta(hours=2))) for _ in range(2)]
    own, by_house = (to(make_live_session(starts_in=30 * DAY), seat) for seat in late)
    assert "nothing is returned for it any more" in rendered("seat_moved").text
    page = signed_in(own.booked_by).get(f"/seats/{own.public_id}/cancel/").content.decode()
    assert "the seat was moved to this session when it was too late to cancel it" in page
    assert cancel(own).settlement == "forfeited"
    text = kinds.find("seat_canceled").render(OutgoingMail.objects.get(kind="seat_canceled")).text
    assert "it was too late to cancel it" in text
    assert cancel_by_house(by_house).settlement == "refund"
    assert Refund.objects.count() == 1


def test_a_session_that_the_house_had_moved_before_gives_no_longer_cut_off_to_who_comes_later(shop: Shop) -> None:
    new = make_live_session(starts_in=10 * DAY)
    move(new)
    seat = to(new, shop.sell_seat())
    assert (seat.was_moved, seat.free_cancel_until) == (False, new.starts_at - DAY)
    move(new)
    seat.live_session.refresh_from_db()
    assert (seat.was_moved, seat.free_cancel_until) == (True, new.starts_at)


def test_what_the_house_gave_by_moving_the_session_is_not_lost_by_another_move_of_the_seat(shop: Shop) -> None:
    between, last = make_live_session(starts_in=10 * DAY), make_live_session(starts_in=30 * DAY)
    late = to(between, shop.sell_seat(live_session=make_live_session(starts_in=timedelta(hours=2))))
    assert late.free_cancel_until == late.held_at
    move(between)
    seat = to(last, late)
    assert seat.free_cancel_until == last.starts_at - DAY
    assert cancel(seat).settlement == "refund"


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_its_place_goes_to_who_waits() -> None:
    old = sold_out_session()
    reader = waits(old)
    to(make_live_session(), Seat.objects.get(live_session=old))
    sweep_waitlist(now=clock.now())
    assert entry_of(reader, old).state == "offered"


def test_reminders_of_the_old_session_stop_and_those_of_the_new_one_come_once() -> None:
    old, new = make_live_session(starts_in=DAY), make_live_session(starts_in=3 * DAY)
    seat = make_guest_seat(old, now=clock.now() - 5 * DAY)
    assert queue_due_reminders(now=clock.now()) == 1
    to(new, seat)
    old_one = OutgoingMail.objects.get(kind="reminder_24h")
    verdict = kinds.find("reminder_24h").guard(old_one, clock.now())
    assert (verdict.action, verdict.reason) == ("withhold", "the seat was moved to another session")
    with time_machine.travel(new.starts_at - DAY + timedelta(minutes=1), tick=True):
        assert [queue_due_reminders(now=clock.now()) for _ in range(2)] == [1, 0]
        mail = OutgoingMail.objects.filter(kind="reminder_24h").latest("id")
        assert kinds.find("reminder_24h").guard(mail, clock.now()).action == "send"
        assert new.title in kinds.find("reminder_24h").render(mail).text


def test_who_is_moved_shortly_before_a_reminder_was_told_all_by_that_mail() -> None:
    seat = make_guest_seat(make_live_session(), now=clock.now() - 5 * DAY)
    to(make_live_session(starts_in=DAY + timedelta(minutes=30)), seat)
    with time_machine.travel(clock.now() + timedelta(minutes=31), tick=True):
        assert queue_due_reminders(now=clock.now()) == 0


def test_mails_about_the_old_session_that_were_not_sent_yet_are_withheld_and_the_newest_move_names_what_was_known(
    smtp_server: MailServer,
) -> None:
    first, second, third = (make_live_session() for _ in range(3))
    seat = make_guest_seat(first)
    for live_session in (second, third):
        to(live_session, seat)
    deliver_all()
    states = list(OutgoingMail.objects.order_by("id").values_list("kind", "state", "reason"))
    elsewhere = ("withheld", "the seat was moved to another session")
    assert states == [("seat_confirmed", *elsewhere), ("seat_moved", *elsewhere), ("seat_moved", "sent", "")]
    text = rendered("seat_moved").text
    assert (first.title in text, second.title in text) == (True, False)


def test_what_was_asked_and_said_in_the_old_session_stays_behind() -> None:
    old, new = make_live_session(), make_live_session()
    seat = make_guest_seat(old)
    ask_question(seat=seat, text="Who signs?", now=clock.now())
    decline_seat(seat_id=seat.pk, door_version=seat.door_version, now=clock.now())
    moved = to(new, seat)
    assert (moved.declined_at, questions_for_hosts(new), list(questions_of(moved))) == (None, [], [])
    ask_question(seat=moved, text="Who pays?", now=clock.now())
    assert [asked.text for asked in questions_for_hosts(new)] == ["Who pays?"]
    assert Question.objects.count() == 2


def test_money_refunded_by_hand_takes_the_seat_where_it_is_and_one_of_a_session_that_has_begun_stays(shop: Shop) -> None:
    old, coming, begun = (make_live_session(capacity=5) for _ in range(3))
    buyer = make_user()
    order = shop.sell_seats(buyer, old, party_of(buyer, BO))
    own, other = Seat.objects.filter(coverage__order=order).order_by("id")
    to(coming, own)
    to(begun, other)
    LiveSession.objects.filter(pk=begun.pk).update(starts_at=clock.now() - timedelta(minutes=1))
    LiveSession.objects.filter(pk=old.pk).update(starts_at=clock.now() - timedelta(minutes=1))
    refund_by_hand(Payment.objects.get())
    shop.hear_all()
    assert list(Seat.objects.order_by("id").values_list("state", flat=True)) == ["canceled", "confirmed"]


def test_the_order_page_shows_each_seat_where_it_is(shop: Shop) -> None:
    old, new, buyer = make_live_session(), make_live_session(starts_in=14 * DAY), make_user()
    order = shop.sell_seats(buyer, old, party_of(buyer, BO))
    own, other = Seat.objects.filter(coverage__order=order).order_by("id")
    to(new, other)
    page = signed_in(buyer).get(f"/orders/{order.number}/").content.decode()
    assert (page.count("<strong>Moved</strong>"), old.title in page, new.title in page) == (1, True, True)
    to(new, own)
    page = signed_in(buyer).get(f"/orders/{order.number}/").content.decode()
    assert (page.count("<strong>Moved</strong>"), old.title in page, new.title in page) == (0, False, True)


def test_the_evidence_says_that_it_was_moved(shop: Shop) -> None:
    old, new = make_live_session(), make_live_session()
    to(new, shop.sell_seat(live_session=old))
    pack = evidence_pack(payment=Payment.objects.get(), now=clock.now())
    text = zipfile.ZipFile(io.BytesIO(pack)).read("evidence.txt").decode()
    assert f", out of {old.title}\n" in text


def test_the_page_does_what_it_shows_and_the_second_run_nothing(shop: Shop) -> None:
    old, new = sold_out_session(), make_live_session(capacity=3)
    reader = waits(old)
    buyer = make_user()
    LiveSession.objects.filter(pk=old.pk).update(capacity=40)
    order = shop.sell_seats(buyer, old, party_of(buyer, BO))
    LiveSession.objects.filter(pk=old.pk).update(capacity=3)
    guest = old.seats.get(coverage__kind="comp")
    came = make_guest_seat(new)
    seats = [guest, *Seat.objects.filter(coverage__order=order).order_by("id")]
    desk, before = Desk("desk_move_seats", old), last_mail_id()
    page = desk.look(seats, to=new.pk, reason="They asked")
    assert refusals(page) == ["No place is left. Raise the session's capacity first."]
    job = desk.do(seats[:2], to=new.pk, reason="They asked")
    assert job.preview == "Moves 2 seats, sends 2 mails. 1 on the waitlist will be offered a seat."
    run_again(job)
    assert outcomes(job) == [("done", f"Is in “{new.title}” now, seat {number}.") for number in (2, 3)]
    assert mails_owed(before) == [("seat_moved", guest.attendee_email), ("seat_moved", buyer.email)]
    assert (came.live_session, reader.waitlist_entries.count()) == (new, 1)
    assert desk.look(seats[:1], to=new.pk, reason="x").context["plan"].refused[0].refusal == (
        "This seat is not in this session, or no longer."
    )


def test_the_page_offers_sessions_on_sale_alone() -> None:
    old, new = make_live_session(), make_live_session()
    draft, begun = make_live_session(published=False), make_live_session(starts_in=-DAY)
    page = Desk("desk_move_seats", old).open([make_guest_seat(old)])
    offered = [choice.pk for choice in page.context["question"].form.fields["to"].queryset]
    assert offered == [new.pk]
    for other in (old, draft, begun):
        answer = Desk("desk_move_seats", old).look([Seat.objects.get()], to=other.pk, reason="x")
        assert answer.status_code == 400


@pytest.mark.parametrize("round_", range(4))
def test_moved_and_canceled_by_its_buyer_at_once_it_is_given_back_once_wherever_it_was(shop: Shop, round_: int) -> None:
    old, new = make_live_session(), make_live_session(starts_in=14 * DAY)
    seat, staff = shop.sell_seat(live_session=old), make_staff()
    actions: list[Callable[[], object]] = [partial(cancel, seat), partial(to, new, seat, staff=staff)]
    answers = at_once(actions if round_ % 2 else actions[::-1])
    refused = [answer for answer in answers if isinstance(answer, Exception)]
    assert all(isinstance(answer, SeatNotTaken | ConsequenceChanged) for answer in refused), refused
    seat.refresh_from_db()
    assert (seat.state, Refund.objects.count()) in (("canceled", 1), ("confirmed", 0))
    assert Refund.objects.count() == SeatCoverage.objects.exclude(refund=None).count()
    assert_invariants()


def test_both_ways_at_once_with_sessions_moved_and_attendees_coming_in_nobody_waits_for_ever(shop: Shop) -> None:
    staff = make_staff()
    sessions = [make_live_session(capacity=8) for _ in range(2)]
    seats = [shop.sell_seat(live_session=sessions[number % 2]) for number in range(6)]
    actions: list[Callable[[], object]] = []
    for number, seat in enumerate(seats):
        actions.append(partial(to, sessions[(number + 1) % 2], seat, staff=staff))
        actions.append(partial(cancel_by_house, seat) if number % 3 == 0 else partial(decline_seat_of, seat))
    actions += [partial(move, LiveSession.objects.get(pk=session.pk)) for session in sessions]
    answers = at_once(actions)
    assert [answer for answer in answers if is_deadlock(answer) or isinstance(answer, Overtaken)] == []
    refused = [answer for answer in answers if isinstance(answer, Exception)]
    assert all(isinstance(answer, SeatRefused) for answer in refused), refused
    states = [seat.state for seat in Seat.objects.order_by("id")]
    assert [number for number, state in enumerate(states) if state == "canceled"] == [0, 3]
    assert Refund.objects.count() == 2
    assert_invariants()


def decline_seat_of(seat: Seat) -> None:
    decline_seat(seat_id=seat.pk, door_version=seat.door_version, now=clock.now())


def test_a_session_moved_at_once_with_its_seat_leaves_nobody_with_a_wrong_time(shop: Shop, smtp_server: MailServer) -> None:
    old, new = make_live_session(), make_live_session(starts_in=14 * DAY)
    seat, staff = shop.sell_seat(live_session=old), make_staff()
    answers = at_once([partial(to, new, seat, staff=staff), partial(move, new), partial(move, old)])
    assert [answer for answer in answers if isinstance(answer, Exception)] == []
    deliver_all()
    new.refresh_from_db()
    [(_, start, place)] = CalendarProgram({seat.attendee_email}).read(smtp_server.mails).shows()
    assert (start, place) == (new.starts_at.replace(microsecond=0), DOOR.url(Seat.objects.get()))


def test_who_finds_the_seat_moved_after_locking_its_session_begins_again_and_ends_where_it_is() -> None:
    """The very interleaving: the session is looked up, the seat moved and committed, and only then the lock is taken."""
    old, new = make_live_session(), make_live_session()
    seat, staff, tries = make_guest_seat(old), make_staff(), []

    @retried
    def lock() -> Seat:
        tries.append(1)
        with transaction.atomic(), connection.execute_wrapper(meanwhile):
            return lock_seat_with_session(seat.pk)

    def meanwhile(execute: Callable[..., object], sql: str, params: object, many: bool, context: object) -> object:
        if "FOR NO KEY UPDATE" in sql and len(tries) == 1 and not moved:
            moved.append(at_once([partial(to, new, seat, staff=staff)])[0])
        return execute(sql, params, many, context)

    moved: list[object] = []
    assert (lock().live_session, len(tries), moved) == (new, 2, [seat])


def test_who_is_overtaken_again_and_again_gives_up() -> None:
    tries = []

    @retried
    def operation() -> None:
        tries.append(1)
        raise Overtaken

    with pytest.raises(Overtaken):
        operation()
    assert len(tries) == MOST_TRIES


def test_an_order_whose_seats_sit_in_two_sessions_is_locked_with_both(shop: Shop) -> None:
    old, new, buyer = make_live_session(), make_live_session(), make_user()
    order: Order = shop.sell_seats(buyer, old, party_of(buyer, BO))
    to(new, Seat.objects.filter(coverage__order=order).latest("id"))
    with transaction.atomic():
        live_session, seats = lock_session_and_seats(order)
        held = [locked_by_another(session) for session in (old, new)]
    assert (live_session, [seat.live_session for seat in seats], held) == (old, [old, new], [True, True])


def locked_by_another(live_session: LiveSession) -> bool:
    """Whether somebody else's transaction has the session's row."""

    def look() -> bool:
        with transaction.atomic():
            free = LiveSession.objects.select_for_update(no_key=True, skip_locked=True).filter(pk=live_session.pk)
            return not free.exists()

    [answer] = at_once([look])
    assert isinstance(answer, bool)
    return answer


def test_check_in_after_the_move_counts_in_the_new_session() -> None:
    seat = to(make_live_session(starts_in=timedelta(minutes=5)), make_guest_seat(make_live_session()))
    assert check_in_seat(seat_id=seat.pk, actor=make_staff(), now=clock.now()).state == "attended"
