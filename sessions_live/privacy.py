"""What the schedule keeps of a person: seats, places on waitlists, questions, ratings, a calendar address."""

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from redreport.accounts.models import User
from redreport.accounts.privacy.exporting import at
from redreport.accounts.privacy.parts import ERASED_NAME, Obstacle, Part, Person
from redreport.outbox.erased import forget_recipient
from redreport.outbox.models import OutgoingMail
from redreport.wording import counted
from sessions_live.models import CalendarFeed, Feedback, HandOver, Host, LiveSession, Material, Question, Seat, WaitlistEntry
from sessions_live.operations.waitlist import leave_waitlist

REMOVED = "(removed)"


class SeatsPart(Part):
    name = "sessions_live"

    def export(self, user: User, now: datetime) -> dict[str, Any]:
        mine = Q(attendee_email__iexact=user.email)
        seats = Seat.objects.filter(Q(booked_by=user) | mine).select_related("live_session").order_by("pk")
        asked = Question.objects.filter(seat__attendee_email__iexact=user.email).select_related("seat__live_session")
        given = Feedback.objects.filter(seat__attendee_email__iexact=user.email).select_related("seat__live_session")
        waiting = WaitlistEntry.objects.filter(user=user).select_related("live_session").order_by("pk")
        feed = CalendarFeed.objects.filter(user=user).first()
        return {
            "seats": [_seat(seat, user) for seat in seats],
            "waitlist": [
                {
                    **_session(entry.live_session),
                    "state": entry.state,
                    "name": entry.attendee_name,
                    "firm": entry.attendee_firm,
                    "pay_by": entry.pay_by,
                    "joined_at": at(entry.joined_at),
                    "offered_at": at(entry.offered_at),
                    "ended_at": at(entry.closed_at),
                }
                for entry in waiting
            ],
            "questions": [{**_session(one.seat.live_session), "text": one.text, "asked_at": at(one.asked_at)} for one in asked],
            "ratings": [
                {
                    **_session(one.seat.live_session),
                    "rating_of_5": one.rating,
                    "comment": one.comment,
                    "given_at": at(one.given_at),
                }
                for one in given
            ],
            "calendar_address_made_at": at(feed.made_at) if feed else None,
        }

    def obstacles(self, user: User, now: datetime) -> list[Obstacle]:
        if Host.objects.filter(user=user).exists():
            return [Obstacle("This account belongs to a host. The desk takes it off the host first.")]
        return []

    def consequences(self, user: User, now: datetime) -> list[str]:
        waiting = WaitlistEntry.objects.filter(user=user, state__in=WaitlistEntry.OPEN).count()
        guest = [seat for seat in _coming(Q(attendee_email__iexact=user.email), now) if seat.booked_by_id != user.pk]
        replays = (
            Material.objects.filter(
                live_session__seats__attendee_email__iexact=user.email,
                live_session__seats__state__in=Seat.TAKEN,
                live_session__materials_released_at__isnull=False,
            )
            .values("live_session")
            .distinct()
            .count()
        )
        said = []
        if waiting:
            said.append(f"You leave {counted(waiting, 'waitlist')}.")
        if guest:
            said.append(
                f"{counted(len(guest), 'seat')} that somebody else booked for you stay{'s' if len(guest) == 1 else ''} theirs: "
                "your name and address there are taken out once the session is over."
            )
        if replays:
            said.append(f"Replay and notes of {counted(replays, 'session')} are gone for you.")
        said.append("Your questions and your comments on sessions are deleted.")
        return said

    def names(self, user: User) -> set[str]:
        given = set(HandOver.objects.filter(from_email__iexact=user.email).values_list("from_name", flat=True))
        return given | set(Seat.objects.filter(attendee_email__iexact=user.email).values_list("attendee_name", flat=True))

    def begin(self, user: User, actor: User, now: datetime) -> None:
        CalendarFeed.objects.filter(user=user).delete()

    def settle(self, person: Person, now: datetime) -> str:
        open_entries = WaitlistEntry.objects.filter(user=person.user, state__in=WaitlistEntry.OPEN)
        for live_session_id in list(open_entries.values_list("live_session_id", flat=True)):
            leave_waitlist(user=person.user, live_session_id=live_session_id, now=now)
        if open_entries.exists():
            return "an offer that is being paid for"
        seats = _coming(Q(booked_by=person.user) | Q(pk__in=_sat_in(person)), now)
        return "a coming session" if seats else ""

    def forget(self, person: Person, now: datetime) -> None:
        # Their own seats, and those that others booked for them. Who sits in seats that they booked for others stays.
        sat_in = _sat_in(person)
        handed = HandOver.objects.filter(made_at__lte=person.until)
        handed_away = list(handed.filter(from_email__in=person.addresses).values_list("seat_id", flat=True))
        concerned = {*sat_in.values_list("pk", flat=True), *handed_away}
        concerned |= set(Seat.objects.filter(attendee_email=person.pseudonym).values_list("pk", flat=True))
        nobody = {"name": ERASED_NAME, "email": person.pseudonym}
        handed.filter(from_email__in=person.addresses).update(**{f"from_{key}": value for key, value in nobody.items()})
        handed.filter(to_email__in=person.addresses).update(**{f"to_{key}": value for key, value in nobody.items()})
        sat_in.update(attendee_name=ERASED_NAME, attendee_email=person.pseudonym, attendee_firm="")
        WaitlistEntry.objects.filter(user=person.user).update(attendee_name=ERASED_NAME, attendee_firm="")
        theirs = Seat.objects.filter(attendee_email=person.pseudonym)
        Question.objects.filter(seat__in=theirs).update(text=REMOVED)
        Feedback.objects.filter(seat__in=theirs).update(comment="")
        _forget_mails(person, concerned)


def _sat_in(person: Person) -> QuerySet[Seat]:
    """Seats of the person. One that was handed to the address since is of whoever has it now."""
    handed_since = HandOver.objects.filter(to_email__in=person.addresses, made_at__gt=person.until)
    seats = Seat.objects.filter(attendee_email__in=person.addresses, held_at__lte=person.until)
    return seats.exclude(pk__in=handed_since.values("seat_id"))


def _forget_mails(person: Person, seat_ids: set[int]) -> None:
    """What was written to others of these seats names who sat there: the bodies go, that they were sent stays."""
    about = OutgoingMail.objects.filter(context__seat_id__in=sorted(seat_ids))
    forget_recipient(about.filter(recipient__in=person.addresses), person.pseudonym)
    about.exclude(state__in=OutgoingMail.OPEN_STATES).update(subject="", sent_bytes=None)


def _coming(whose: Q, now: datetime) -> list[Seat]:
    """Active seats whose session's door has not closed yet."""
    seats: QuerySet[Seat] = Seat.objects.filter(whose, state__in=Seat.ACTIVE).select_related("live_session")
    running = seats.exclude(live_session__state=LiveSession.State.CANCELED)
    return [seat for seat in running if now <= seat.live_session.door_closes_at]


def _session(live_session: LiveSession) -> dict[str, Any]:
    return {"session": live_session.title, "starts_at": at(live_session.starts_at)}


def _seat(seat: Seat, user: User) -> dict[str, Any]:
    """Who sits there was typed by who booked; who booked for this reader is another person, and is not told."""
    return {
        **_session(seat.live_session),
        "number": seat.number,
        "state": seat.state,
        "booked_by_you": seat.booked_by_id == user.pk,
        "attendee": {"name": seat.attendee_name, "email": seat.attendee_email, "firm": seat.attendee_firm},
        "taken_at": at(seat.held_at),
        "confirmed_at": at(seat.confirmed_at),
        "entered_at": at(seat.entered_at),
        "declined_at": at(seat.declined_at),
        "canceled_at": at(seat.canceled_at),
        "canceled_by": seat.canceled_by or None,
    }
