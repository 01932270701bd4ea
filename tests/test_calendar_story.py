"""The whole life of a seat, as the calendars of everybody in it show it: each applies the mails of its own mailbox."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import permutations

import pytest
import time_machine

from redreport import clock
from redreport.outbox.deliver import deliver_mail
from redreport.outbox.models import OutgoingMail
from sessions_live.models import LiveSession, Seat
from sessions_live.seat_links import DOOR
from subscriptions.operations.cancel import cancel_live_session_and_settle
from subscriptions.tasks import settle_canceled_seats
from tests.calendar_program import CalendarProgram, Invitation, invitation_in
from tests.canceling import book, cancel
from tests.factories import attendee_of, make_credits, make_live_session, make_staff, make_user
from tests.fixtures_mail import MailServer
from tests.handing_over import hand_over
from tests.moving import move
from tests.parties import BO

pytestmark = pytest.mark.django_db

ADAS, BOS = "ada@example.com", BO.email


class Story:
    """Time goes by, things happen to one seat, and the mails about each go out."""

    def __init__(self, server: MailServer, traveller: time_machine.Traveller) -> None:
        self.server, self._traveller = server, traveller
        self.ada = make_user("Ada Reader", email=ADAS)
        make_credits(self.ada, 3)
        self.live_session = make_live_session(starts_in=timedelta(days=20))
        self.seat = book(self.ada, self.live_session)
        self.deliver()

    def deliver(self) -> None:
        """Whatever is owed goes out, and an hour passes."""
        settle_canceled_seats(now=clock.now())
        for mail in OutgoingMail.objects.filter(state="queued").order_by("id"):
            deliver_mail(mail.pk, clock.now())
        self._traveller.shift(timedelta(hours=1))
        self.seat = Seat.objects.select_related("live_session", "booked_by").get(pk=self.seat.pk)

    def is_moved(self, by: timedelta = timedelta(days=1)) -> None:
        move(self.live_session, by)
        self.deliver()

    def is_handed_to_bo(self) -> None:
        hand_over(self.seat, BO)
        self.deliver()

    def is_taken_back(self) -> None:
        hand_over(self.seat, attendee_of(self.ada))
        self.deliver()

    def is_canceled_by_its_booker(self) -> None:
        cancel(self.seat)
        self.deliver()

    def is_called_off(self) -> None:
        cancel_live_session_and_settle(
            live_session_id=self.live_session.pk, actor=make_staff(), reason="The host is ill", message="", now=clock.now()
        )
        self.deliver()

    def calendar(self, *mailboxes: str) -> CalendarProgram:
        """The calendar of whoever looks after these mailboxes, mails read in the order in which they came."""
        return CalendarProgram(set(mailboxes)).read(self.server.mails)

    def entry(self) -> list[tuple[str, datetime, str]]:
        """What the calendar of who sits in the seat must show just now."""
        live_session = LiveSession.objects.get(pk=self.live_session.pk)
        return [(f"Red Report Live: {live_session.title}", live_session.starts_at, DOOR.url(self.seat))]

    def invitations(self, *mailboxes: str) -> list[Invitation]:
        """What came to these mailboxes for the calendar, in the order in which it came."""
        own = [mail for mail in self.server.mails if set(mailboxes) & set(mail.recipients)]
        return [invitation for mail in own if (invitation := invitation_in(mail))]


@pytest.fixture
def story(smtp_server: MailServer) -> Iterator[Story]:
    with time_machine.travel(clock.now().replace(microsecond=0), tick=False) as traveller:
        yield Story(smtp_server, traveller)


def test_calendars_follow_a_seat_through_everything(story: Story) -> None:
    assert story.calendar(ADAS).shows() == story.entry()
    story.is_moved()
    assert story.calendar(ADAS).shows() == story.entry()
    story.is_moved(-timedelta(days=3))
    assert story.calendar(ADAS).shows() == story.entry()
    story.is_handed_to_bo()
    assert (story.calendar(ADAS).shows(), story.calendar(BOS).shows()) == ([], story.entry())
    story.is_moved()
    assert (story.calendar(ADAS).shows(), story.calendar(BOS).shows()) == ([], story.entry())
    story.is_called_off()
    assert (story.calendar(ADAS).shows(), story.calendar(BOS).shows()) == ([], [])


def test_one_seat_is_one_entry_however_often_it_changes(story: Story) -> None:
    for _ in range(2):
        story.is_moved()
        story.is_handed_to_bo()
        story.is_taken_back()
    invitations = story.invitations(ADAS, BOS)
    assert {invitation.uid for invitation in invitations} == {f"seat-{story.seat.public_id}@testserver"}
    sequences = [invitation.sequence for invitation in invitations]
    assert (sequences, len(set(sequences))) == (sorted(sequences), len(sequences))


def test_seat_taken_back_is_in_the_calendar_again(story: Story) -> None:
    story.is_handed_to_bo()
    story.is_taken_back()
    assert (story.calendar(ADAS).shows(), story.calendar(BOS).shows()) == (story.entry(), [])
    story.is_canceled_by_its_booker()
    assert (story.calendar(ADAS).shows(), story.calendar(BOS).shows()) == ([], [])


def test_canceled_by_the_booker_takes_it_out_of_the_colleagues_calendar(story: Story) -> None:
    story.is_handed_to_bo()
    story.is_canceled_by_its_booker()
    assert (story.calendar(ADAS).shows(), story.calendar(BOS).shows()) == ([], [])
    assert [invitation.method for invitation in story.invitations(BOS)] == ["REQUEST", "CANCEL"]


def test_seat_booked_anew_is_another_entry(story: Story) -> None:
    story.is_canceled_by_its_booker()
    story.seat = book(story.ada, story.live_session)
    story.deliver()
    assert story.calendar(ADAS).shows() == story.entry()


@pytest.mark.parametrize("mailboxes", [(ADAS,), (BOS,), (ADAS, BOS)], ids=["Ada", "Bo", "who looks after both"])
@pytest.mark.parametrize(
    "steps",
    [
        (Story.is_moved, Story.is_handed_to_bo),
        (Story.is_handed_to_bo, Story.is_moved),
        (Story.is_handed_to_bo, Story.is_taken_back),
        (Story.is_moved, Story.is_handed_to_bo, Story.is_called_off),
        (Story.is_handed_to_bo, Story.is_canceled_by_its_booker),
    ],
    ids=["moved, handed over", "handed over, moved", "handed over, taken back", "all, called off", "handed over, canceled"],
)
def test_mails_in_any_order_leave_the_same_calendar(
    story: Story, steps: tuple[Callable[[Story], None], ...], mailboxes: tuple[str, ...]
) -> None:
    for step in steps:
        step(story)
    is_theirs = story.seat.state == Seat.State.CONFIRMED and story.seat.attendee_email in mailboxes
    expected = story.entry() if is_theirs else []
    invitations = story.invitations(*mailboxes)
    assert 1 <= len(invitations) <= 6
    for order in permutations(invitations):
        assert CalendarProgram(set(mailboxes)).apply(order).shows() == expected


def test_mails_held_up_by_an_outage_are_withheld_or_true_when_they_come(story: Story, smtp_server: MailServer) -> None:
    """The relay is down while the seat is moved, handed over and moved again; then everything goes out at once."""
    smtp_server.mails.clear()
    move(story.live_session)
    hand_over(story.seat, BO)
    move(story.live_session)
    story.deliver()
    assert (story.calendar(ADAS).shows(), story.calendar(BOS).shows()) == ([], story.entry())
    told = [mail for mail in smtp_server.mails if BOS in mail.recipients]
    assert sorted(mail.subject.strip() for mail in told) == [
        "Ada Reader has given you their seat",
        f"New time: {story.live_session.title}",
    ]
    stale = OutgoingMail.objects.filter(kind="session_moved", state="withheld").values_list("recipient", "reason")
    assert list(stale) == [(ADAS, "the seat was handed over")]


def test_control_a_sequence_that_falls_is_not_followed(story: Story) -> None:
    """The calendar program of these tests does notice: were the numbers wrong, calendars would stay behind."""
    story.is_moved()
    story.is_moved()
    before = story.calendar(ADAS).shows()
    move(story.live_session)
    Seat.objects.update(calendar_sequence=0)
    story.deliver()
    assert story.calendar(ADAS).shows() == before != story.entry()


def test_no_invitation_names_anybody_but_its_own_reader(story: Story) -> None:
    story.is_handed_to_bo()
    story.is_called_off()
    for invitation in story.invitations(ADAS, BOS):
        other = BOS if invitation.attendee == ADAS else ADAS
        assert other not in invitation.content
        assert ("/door/" in invitation.content) == (invitation.method == "REQUEST")
        assert "meet.example.com" not in invitation.content


def test_two_seats_in_one_mailbox_stay_two_entries(story: Story) -> None:
    other = make_live_session(starts_in=timedelta(days=30))
    book(story.ada, other)
    story.deliver()
    story.is_moved()
    shown = story.calendar(ADAS).shows()
    assert [start for _, start, _ in shown] == [
        LiveSession.objects.get(pk=story.live_session.pk).starts_at,
        other.starts_at,
    ]
