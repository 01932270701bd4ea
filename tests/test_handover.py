"""A seat changes hands: at once, until the start, by whoever booked it; the old door dies and what was paid stays."""

import uuid
from datetime import timedelta

import pytest
import time_machine

from redreport import clock, policy
from redreport.audit.models import AuditEntry
from redreport.outbox import kinds
from redreport.outbox.deliver import deliver_mail
from redreport.outbox.models import OutgoingMail
from sessions_live.errors import (
    AlreadyEntered,
    AlreadySeated,
    NotCancelable,
    NotTheBooker,
    SeatNotTaken,
    SeatRefused,
    TooManyHandOvers,
)
from sessions_live.models import HandOver, LiveSession, Question, Seat
from sessions_live.operations.attendance import enter_by_door
from sessions_live.operations.declining import decline_seat
from sessions_live.operations.handover import hand_over_seat
from sessions_live.operations.reminders import queue_due_reminders
from sessions_live.operations.seats import Attendee
from sessions_live.seat_links import CANT_COME, DOOR, REPLAY
from sessions_live.selectors import questions_for_hosts
from subscriptions.models import CreditEntry, Refund
from tests.canceling import FULL, book, cancel, cancel_by_house
from tests.factories import attendee_of, make_credits, make_guest_seat, make_live_session, make_user
from tests.fixtures_mail import MailServer
from tests.fixtures_shop import Shop
from tests.handing_over import hand_over
from tests.outbox_helpers import kinds_owed_to
from tests.parties import BO, CY, party_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def seat() -> Seat:
    """Ada's seat, which she booked for herself with a credit."""
    ada = make_user("Ada Reader", email="ada@example.com")
    make_credits(ada)
    return book(ada, make_live_session())


def test_seat_is_the_colleagues_at_once_and_only_the_colleagues(seat: Seat) -> None:
    before = Seat.objects.get(pk=seat.pk)
    after = hand_over(seat, BO)
    assert (after.attendee_name, after.attendee_email, after.attendee_firm) == (BO.name, BO.email, BO.firm)
    assert (after.state, after.number, after.booked_by, after.confirmed_at) == (
        before.state,
        before.number,
        before.booked_by,
        before.confirmed_at,
    )
    assert (after.calendar_sequence, after.door_version) == (before.calendar_sequence + 2, before.door_version + 1)
    for link in (DOOR, CANT_COME, REPLAY):
        assert link.seat_behind(link.token(before)) is None
        assert link.seat_behind(link.token(after)) == after
    written = HandOver.objects.get()
    assert (written.from_email, written.to_email, written.cancel_sequence) == (
        "ada@example.com",
        BO.email,
        before.calendar_sequence + 1,
    )
    assert AuditEntry.objects.get(verb="handed_over").actor == seat.booked_by


def test_both_are_told_once_however_often_the_button_is_pressed(seat: Seat) -> None:
    for _ in range(3):
        hand_over(seat, BO)
    assert kinds_owed_to("ada@example.com") == ["seat_confirmed", "seat_handed_away"]
    assert kinds_owed_to(BO.email) == ["seat_handed_over"]
    assert (HandOver.objects.count(), Seat.objects.get(pk=seat.pk).calendar_sequence) == (1, 2)


def test_address_is_kept_in_lower_case_and_known_in_any(seat: Seat) -> None:
    hand_over(seat, Attendee("Bo Chen", "Bo@Example.ORG"))
    hand_over(seat, Attendee("Bo Chen", "bO@example.org"))
    assert (Seat.objects.get(pk=seat.pk).attendee_email, HandOver.objects.count()) == ("bo@example.org", 1)


def test_booker_keeps_the_right_to_cancel_and_gets_the_credit_back(seat: Seat) -> None:
    hand_over(seat, BO)
    cancel(Seat.objects.get(pk=seat.pk))
    assert CreditEntry.objects.filter(kind=CreditEntry.Kind.RETURN, grant__subscriber__user=seat.booked_by).count() == 1
    assert kinds_owed_to(BO.email) == ["seat_handed_over", "seat_canceled"]
    assert kinds_owed_to("ada@example.com") == ["seat_confirmed", "seat_handed_away", "cancellation_receipt"]


def test_paid_seat_that_was_handed_over_is_refunded_to_its_buyer(shop: Shop) -> None:
    sold = shop.sell_seat()
    hand_over(sold, BO)
    cancel(Seat.objects.get(pk=sold.pk))
    refund = Refund.objects.get()
    assert (refund.payment.order, refund.amount_minor) == (sold.coverage.order, 25000)


def test_seat_can_be_handed_over_until_the_start_and_not_after(seat: Seat) -> None:
    starts_at = seat.live_session.starts_at
    hand_over(seat, BO, now=starts_at - timedelta(seconds=1))
    for late in (starts_at, starts_at + timedelta(hours=3)):
        with pytest.raises(NotCancelable):
            hand_over(seat, CY, now=late)
    assert Seat.objects.get(pk=seat.pk).attendee_email == BO.email


def test_only_the_booker_hands_it_over(seat: Seat) -> None:
    hand_over(seat, BO)
    with pytest.raises(NotTheBooker):
        hand_over_seat(user=make_user(email=BO.email), seat_public_id=seat.public_id, attendee=CY, now=clock.now())


def refused(seat: Seat, attendee: Attendee, refusal: type[SeatRefused]) -> None:
    kept = Seat.objects.values().get(pk=seat.pk)
    with pytest.raises(refusal):
        hand_over(seat, attendee)
    assert Seat.objects.values().get(pk=seat.pk) == kept
    assert not OutgoingMail.objects.filter(kind__in=["seat_handed_away", "seat_handed_over"]).exists()


def test_who_has_a_seat_already_gets_no_second_one(seat: Seat) -> None:
    guest = make_user(email="guest@example.com")
    make_guest_seat(seat.live_session, guest)
    refused(seat, Attendee("Guest", "GUEST@example.com"), AlreadySeated)


def test_canceled_seat_cannot_be_handed_over(seat: Seat) -> None:
    cancel(seat)
    refused(seat, BO, SeatNotTaken)


def test_seat_that_somebody_came_in_with_stays_theirs(seat: Seat) -> None:
    early = seat.live_session.starts_at - timedelta(minutes=10)
    enter_by_door(seat=seat, device=uuid.uuid4(), takes_over=False, now=early)
    with pytest.raises(AlreadyEntered):
        hand_over(seat, BO, now=early + timedelta(minutes=1))
    assert Seat.objects.get(pk=seat.pk).attendee_email == "ada@example.com"


def test_seat_changes_hands_only_so_often(seat: Seat) -> None:
    for number in range(policy.MOST_HAND_OVERS):
        hand_over(seat, Attendee(f"Colleague {number}", f"colleague{number}@example.org"))
    with pytest.raises(TooManyHandOvers):
        hand_over(seat, BO)
    assert kinds_owed_to(BO.email) == []


def test_refusal_of_who_sat_there_is_not_the_next_ones(seat: Seat) -> None:
    bo = hand_over(seat, BO)
    decline_seat(seat_id=seat.pk, door_version=bo.door_version, now=clock.now())
    assert hand_over(seat, CY).declined_at is None
    mail = OutgoingMail.objects.get(kind="cant_come")
    assert kinds.find("cant_come").guard(mail, clock.now()).action == "withhold"


def test_questions_stay_with_who_asked_them(seat: Seat) -> None:
    Question.objects.create(seat=seat, text="Who drafted it?", asked_at=clock.now())
    hand_over(seat, BO)
    [asked] = questions_for_hosts(seat.live_session)
    assert (asked.text, asked.name) == ("Who drafted it?", "Ada Reader")


def test_old_holder_gets_no_mail_meant_for_the_seat_any_more(seat: Seat, smtp_server: MailServer) -> None:
    """The confirmation is still on its way when the seat is given away."""
    hand_over(seat, BO)
    for mail in OutgoingMail.objects.order_by("id"):
        deliver_mail(mail.pk, clock.now())
    sent = [(mail.recipients[0], mail.subject.strip()) for mail in smtp_server.mails]
    assert sent == [
        ("ada@example.com", f"Your seat was handed over: {seat.live_session.title}"),
        (BO.email, "Ada Reader has given you their seat"),
    ]
    assert OutgoingMail.objects.get(kind="seat_confirmed").reason == "the seat was handed over"


def test_door_of_the_next_is_not_rendered_into_the_mail_of_who_sat_there(
    seat: Seat, smtp_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The seat changes hands after the guard has looked, and before the mail is rendered."""
    kind = kinds.find("seat_confirmed")
    looked: list[OutgoingMail] = []

    def guard(mail: OutgoingMail, now: object) -> kinds.Verdict:
        verdict = kind.guard(mail, clock.now())
        if not looked:
            looked.append(mail)
            hand_over(seat, BO)
        return verdict

    monkeypatch.setitem(kinds._kinds, "seat_confirmed", kinds.MailKind("seat_confirmed", "", guard, kind.render, private=True))
    deliver_mail(OutgoingMail.objects.get(kind="seat_confirmed").pk, clock.now())
    assert smtp_server.mails == []
    assert OutgoingMail.objects.get(kind="seat_confirmed").state == "withheld"


def test_reminders_go_to_who_sits_there_by_then(seat: Seat) -> None:
    starts_at = seat.live_session.starts_at
    queue_due_reminders(now=starts_at - timedelta(hours=24))
    hand_over(seat, BO, now=starts_at - timedelta(hours=20))
    queue_due_reminders(now=starts_at - timedelta(hours=19))
    queue_due_reminders(now=starts_at - timedelta(hours=1))
    owed = OutgoingMail.objects.filter(kind__startswith="reminder").order_by("id")
    assert list(owed.values_list("kind", "recipient")) == [("reminder_24h", "ada@example.com"), ("reminder_1h", BO.email)]
    withheld = kinds.find("reminder_24h").guard(owed[0], starts_at - timedelta(hours=19))
    assert (withheld.action, withheld.reason) == ("withhold", "the seat was handed over")


def test_mail_to_the_colleague_says_all_and_nothing_of_money(seat: Seat) -> None:
    bo = hand_over(seat, BO)
    rendered = kinds.find("seat_handed_over").render(OutgoingMail.objects.get(kind="seat_handed_over"))
    assert rendered.subject == "Ada Reader has given you their seat"
    assert rendered.calendar
    assert rendered.calendar.method == "REQUEST"
    for part in (rendered.text, rendered.html):
        for said in (DOOR.url(bo), CANT_COME.url(bo), bo.live_session.title, "nothing to pay"):
            assert said in part, said
        for kept_back in ("credit", "$", "ada@example.com", "/account/"):
            assert kept_back not in part, kept_back


def test_who_sat_there_learns_the_next_ones_name_only_as_the_booker(shop: Shop) -> None:
    ada = make_user("Ada Reader", email="ada@example.com")
    shop.sell_seats(ada, make_live_session(), party_of(ada, BO))
    own, bos = Seat.objects.get(attendee_email=ada.email), Seat.objects.get(attendee_email=BO.email)
    hand_over(bos, CY)
    hand_over(own, Attendee("Di Eng", "di@example.org"))
    render = kinds.find("seat_handed_away").render
    to_bo = render(OutgoingMail.objects.get(kind="seat_handed_away", recipient=BO.email))
    to_ada = render(OutgoingMail.objects.get(kind="seat_handed_away", recipient=ada.email))
    for part in (to_bo.text, to_bo.html):
        assert "Whoever booked this seat for you gave it to somebody else." in part
        assert CY.name not in part
        assert CY.email not in part
    for part in (to_ada.text, to_ada.html):
        assert "You gave this seat to Di Eng, di@example.org" in part
        assert "/door/" not in part


def test_booker_who_takes_the_seat_back_is_not_told_that_they_gave_it_to_themselves(seat: Seat) -> None:
    hand_over(seat, BO)
    hand_over(seat, attendee_of(seat.booked_by))
    back = OutgoingMail.objects.get(kind="seat_handed_over", recipient="ada@example.com")
    rendered = kinds.find("seat_handed_over").render(back)
    assert rendered.subject == f"The seat is yours: {seat.live_session.title}"
    assert "Can't come?" not in rendered.text
    assert f"/seats/{seat.public_id}/cancel/" in rendered.text
    away = OutgoingMail.objects.get(kind="seat_handed_away", recipient="ada@example.com")
    assert kinds.find("seat_handed_away").guard(away, clock.now()).reason == "the seat is theirs again"


def test_mail_to_somebody_who_gave_it_on_is_withheld(seat: Seat) -> None:
    hand_over(seat, BO)
    hand_over(seat, CY)
    for_bo = OutgoingMail.objects.get(kind="seat_handed_over", recipient=BO.email)
    assert kinds.find("seat_handed_over").guard(for_bo, clock.now()).reason == "the seat was handed over"


def test_mail_that_comes_after_the_hour_is_missed(seat: Seat) -> None:
    hand_over(seat, BO)
    after = seat.live_session.door_closes_at + timedelta(minutes=1)
    for mail in OutgoingMail.objects.filter(kind__startswith="seat_handed"):
        verdict = kinds.find(mail.kind).guard(mail, after)
        assert (verdict.action, verdict.reason) == ("miss", "the session is over")


def test_calendar_of_who_sat_there_lets_go_also_when_the_seat_was_canceled_since(seat: Seat) -> None:
    hand_over(seat, BO)
    cancel_by_house(Seat.objects.get(pk=seat.pk), FULL)
    away = OutgoingMail.objects.get(kind="seat_handed_away")
    over = OutgoingMail.objects.get(kind="seat_handed_over")
    assert kinds.find("seat_handed_away").guard(away, clock.now()).action == "send"
    assert kinds.find("seat_handed_over").guard(over, clock.now()).reason == "the seat is canceled"


def test_late_hand_over_leaves_the_cut_off_where_it_was(seat: Seat) -> None:
    """Handing over is no way to a refund."""
    late = seat.live_session.cancel_cutoff_at + timedelta(hours=1)
    with time_machine.travel(late, tick=False):
        hand_over(seat, BO)
        cancel(Seat.objects.get(pk=seat.pk))
    assert not CreditEntry.objects.filter(kind=CreditEntry.Kind.RETURN).exists()


def test_ended_session_refuses_before_its_sweep_and_after(seat: Seat) -> None:
    LiveSession.objects.filter(pk=seat.live_session_id).update(state=LiveSession.State.ENDED)
    with pytest.raises(NotCancelable):
        hand_over(seat, BO)
