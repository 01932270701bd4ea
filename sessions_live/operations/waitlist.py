"""The waitlist of a session that is sold out: joining, timed offers to each in their turn, and what ends them.

Locks: the session, then its entries in turn, then the seat of an offer. The session's lock decides between a
walk-in and whoever waits.
"""

from collections import Counter
from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from redreport import audit, policy
from redreport.accounts.models import User
from redreport.outbox.queue import OwedMail, queue_mails
from redreport.transactions import retried
from sessions_live.errors import AlreadySeated, NothingToWaitFor, NotWaiting, OfferGone, SoldOut, TooManySeats
from sessions_live.models import LiveSession, Seat, WaitlistEntry
from sessions_live.models.waitlist import WaitlistEntryQuerySet
from sessions_live.operations.locks import lock_live_session, lock_seat
from sessions_live.operations.seats import Attendee, offer_seat, seats_for_walk_ins

OFFER_MAIL, CLOSED_MAIL = "waitlist_offer", "waitlist_closed"


def offer_expires_at(live_session: LiveSession, now: datetime) -> datetime:
    """Until when an offer made now stands: for a quarter of the time left, and at most 12 hours."""
    share = (live_session.starts_at - now) / policy.OFFER_SHARE_OF_TIME_LEFT
    return now + min(policy.LONGEST_OFFER, share)


@retried
def join_waitlist(*, user: User, live_session_id: int, pay_by: WaitlistEntry.PayBy, now: datetime) -> WaitlistEntry:
    """Put a reader at the end of the waitlist; nothing is reserved or charged. Joining twice returns the entry there is, with the
    way of paying named last.

    Refuses with NothingToWaitFor while seats are on sale or once no offer is made any more, with AlreadySeated, and with
    TooManySeats who has booked as many as one may: no offer could be made to them.
    """
    # An offer of theirs that has run out, and that no sweep has come by for yet, is no place on the list.
    tend_waitlist(live_session_id=live_session_id, now=now)
    with transaction.atomic():
        # The session's lock: the last seat may be coming free, or going, at this moment.
        live_session = lock_live_session(live_session_id)
        entry = _open_entries(live_session).filter(user=user).first()
        if entry:
            entry.pay_by = pay_by
            entry.save(update_fields=["pay_by"])
            return entry
        if not live_session.takes_waitlist(now) or seats_for_walk_ins(live_session, now) > 0:
            raise NothingToWaitFor
        active = Seat.objects.filter(live_session=live_session, state__in=Seat.ACTIVE)
        if active.filter(attendee_email__iexact=user.email).exists():
            raise AlreadySeated(user.email)
        if active.filter(booked_by=user).count() >= policy.MAX_ACTIVE_SEATS_PER_BUYER:
            raise TooManySeats
        return WaitlistEntry.objects.create(
            live_session=live_session,
            user=user,
            attendee_name=user.name,
            attendee_firm=user.firm,
            pay_by=pay_by,
            joined_at=now,
        )


@retried
def leave_waitlist(*, user: User, live_session_id: int, now: datetime) -> bool:
    """Take a reader off the waitlist. An offer that stands is declined with it: its seat goes to the next. Twice changes nothing.

    Returns whether they were on it; an offer that is taken already, or is being paid for in another tab, stays so.
    """
    with transaction.atomic():
        live_session = lock_live_session(live_session_id)
        entry = _open_entries(live_session).filter(user=user, accepted_at__isnull=True).first()
        if entry is None:
            return False
        _leave(entry, live_session, now)
        return True


@retried
def take_off_waitlist(*, entry_id: int, actor: User, reason: str, now: datetime) -> bool:
    """Take somebody off the waitlist by a named member of staff for a written reason, as if they had left it themselves: what
    is offered to them goes to the next. They get no mail of it. Twice changes nothing.

    Returns whether they were on it. Refuses with OfferGone who has taken the offer, and is paying.
    """
    with transaction.atomic():
        # The session's lock, then the entry's: the reader may be accepting an offer at this moment.
        entry, live_session = _lock_entry(entry_id)
        if entry.state not in WaitlistEntry.OPEN:
            return False
        if entry.accepted_at:
            raise OfferGone
        audit.record(actor=actor, verb="taken_off_waitlist", target=entry, reason=reason, detail={"was": entry.state}, now=now)
        _leave(entry, live_session, now)
        return True


@retried
def give_place_in_waitlist(*, entry_id: int, place: int, actor: User, reason: str, now: datetime) -> int:
    """Give who waits another place in the order, by a named member of staff for a written reason: 1 is the next to be offered a
    seat, and a number past the end is the last. Returns the place they have then; giving it twice changes nothing.

    Who joins later comes after all who wait now. Refuses with NotWaiting who is offered a seat, or waits no longer.
    """
    with transaction.atomic():
        # The session's lock, then all who wait: nobody joins, leaves or is offered a seat while the places are counted.
        entry, live_session = _lock_entry(entry_id)
        if entry.state != WaitlistEntry.State.WAITING:
            raise NotWaiting
        waiting = list(_open_entries(live_session).filter(state=WaitlistEntry.State.WAITING))
        was = [other.pk for other in waiting].index(entry.pk)
        index = min(max(place, 1), len(waiting)) - 1
        if index != was:
            waiting.insert(index, waiting.pop(was))
            _write_places(waiting)
            detail = {"from": was + 1, "to": index + 1}
            audit.record(actor=actor, verb="given_place", target=entry, reason=reason, detail=detail, now=now)
        return index + 1


@retried
def tend_waitlist(*, live_session_id: int, now: datetime) -> None:
    """Bring a session's waitlist up to date: offers that ran out lapse, free seats are offered to each in their turn, and in
    the last hour, or when the session does not take place, whoever still waits is told that no seat came free.

    Needs no mail to have arrived and no worker to have been told: whatever ran before, the rows say what is due. Twice changes
    nothing.
    """
    with transaction.atomic():
        live_session = lock_live_session(live_session_id)
        _lapse_offers(live_session, now)
        if live_session.takes_waitlist(now):
            _offer_free_seats(live_session, now)
        else:
            _close(live_session, now)


def offers_to_come(*, live_session: LiveSession, freed: Collection[int], now: datetime) -> int:
    """To how many of those who wait a seat will be offered once the seats with these ids have come free. Only reads."""
    if not freed or not live_session.takes_waitlist(now):
        return 0
    active = Seat.objects.filter(live_session=live_session, state__in=Seat.ACTIVE).exclude(pk__in=freed)
    seated, booked = set[str](), Counter[int]()
    for email, user_id in active.values_list("attendee_email", "booked_by"):
        seated.add(email.lower())
        booked[user_id] += 1
    waiting = WaitlistEntry.objects.filter(live_session=live_session, state=WaitlistEntry.State.WAITING)
    # As `_offer_to` does: who is seated, or has booked the most seats one may, is passed over.
    users = waiting.values_list("user_id", "user__email")
    willing = sum(email.lower() not in seated and booked[pk] < policy.MAX_ACTIVE_SEATS_PER_BUYER for pk, email in users)
    return min(willing, max(0, live_session.capacity - booked.total()))


def accept_offer(*, live_session: LiveSession, user: User, now: datetime) -> tuple[WaitlistEntry, Seat]:
    """The reader's offer and its seat, both locked, while it stands; the caller has locked the session, and confirms the seat or
    turns it into a hold in the same transaction.

    Refuses with NotWaiting, or with OfferGone once it has run out.
    """
    entry = _open_entries(live_session).filter(user=user).first()
    if entry is None:
        ended = WaitlistEntry.objects.filter(live_session=live_session, user=user, offered_at__isnull=False).exists()
        raise OfferGone if ended else NotWaiting
    if entry.state != WaitlistEntry.State.OFFERED or entry.seat_id is None:
        raise NotWaiting
    if not (entry.accepted_at or entry.is_offered_at(now)) or not live_session.is_on_sale(now):
        raise OfferGone
    return entry, lock_seat(entry.seat_id)


def follow_move(*, live_session: LiveSession, now: datetime) -> None:
    """After a move, no offer stands longer than one made now would; the caller has locked the session."""
    until = offer_expires_at(live_session, now)
    too_long = _open_entries(live_session).filter(accepted_at__isnull=True, offer_expires_at__gt=until)
    entry_ids = [entry.pk for entry in too_long]
    WaitlistEntry.objects.filter(pk__in=entry_ids).update(offer_expires_at=until)
    Seat.objects.filter(waitlist_entry__in=entry_ids, state=Seat.State.OFFERED).update(hold_expires_at=until)


def _open_entries(live_session: LiveSession) -> WaitlistEntryQuerySet:
    entries = WaitlistEntry.objects.filter(live_session=live_session, state__in=WaitlistEntry.OPEN)
    return entries.in_turn().select_related("user").select_for_update(of=["self"], no_key=True)


def _lock_entry(entry_id: int) -> tuple[WaitlistEntry, LiveSession]:
    live_session = lock_live_session(WaitlistEntry.objects.values_list("live_session_id", flat=True).get(pk=entry_id))
    return WaitlistEntry.objects.select_for_update(no_key=True).get(pk=entry_id), live_session


def _write_places(waiting: list[WaitlistEntry]) -> None:
    """Write the order that the list has. Only its beginning needs places: from where the rest stands as it joined, none."""
    placed = len(waiting)
    while placed and (placed == len(waiting) or _joined(waiting[placed - 1]) < _joined(waiting[placed])):
        placed -= 1
    for number, entry in enumerate(waiting, 1):
        entry.position = number if number <= placed else None
    WaitlistEntry.objects.bulk_update(waiting, ["position"])


def _joined(entry: WaitlistEntry) -> tuple[datetime, int]:
    return entry.joined_at, entry.pk


def _leave(entry: WaitlistEntry, live_session: LiveSession, now: datetime) -> None:
    """End the entry by somebody's wish; an offer that stood goes to the next."""
    is_offered = entry.state == WaitlistEntry.State.OFFERED
    if is_offered:
        _take_back_offered_seat(entry)
    _end(entry, WaitlistEntry.State.DECLINED if is_offered else WaitlistEntry.State.WITHDRAWN, now)
    _offer_free_seats(live_session, now)


def _lapse_offers(live_session: LiveSession, now: datetime) -> None:
    offered = _open_entries(live_session).filter(state=WaitlistEntry.State.OFFERED, accepted_at__isnull=True)
    for entry in offered.filter(offer_expires_at__lte=now):
        _take_back_offered_seat(entry)
        _end(entry, WaitlistEntry.State.LAPSED, now)


def _offer_free_seats(live_session: LiveSession, now: datetime) -> None:
    if not live_session.takes_waitlist(now):
        return
    owed = []
    for entry in _open_entries(live_session).filter(state=WaitlistEntry.State.WAITING):
        try:
            owed += _offer_to(entry, live_session, now)
        except SoldOut:
            break
    queue_mails(owed, now=now)


def _offer_to(entry: WaitlistEntry, live_session: LiveSession, now: datetime) -> list[OwedMail]:
    """Keep a free seat for the reader and owe the mail about it. Refuses with SoldOut.

    Who was seated by somebody else meanwhile, or has booked the most seats one may, waits no longer. Somebody for whom a seat is
    only held, because a colleague is paying for it, keeps the place: nothing may come of that.
    """
    attendee = Attendee(entry.attendee_name, entry.user.email, entry.attendee_firm)
    until = offer_expires_at(live_session, now)
    try:
        seat = offer_seat(live_session=live_session, attendee=attendee, booker=entry.user, until=until, now=now)
    except AlreadySeated:
        if _is_seated(entry):
            _end(entry, WaitlistEntry.State.SEATED, now)
        return []
    except TooManySeats:
        _end(entry, WaitlistEntry.State.CLOSED, now)
        return []
    entry.state, entry.seat, entry.offered_at, entry.offer_expires_at = WaitlistEntry.State.OFFERED, seat, now, until
    entry.save(update_fields=["state", "seat", "offered_at", "offer_expires_at"])
    audit.record(actor=None, verb="offered", target=seat, now=now)
    return [_mail(OFFER_MAIL, entry, live_session)]


def _close(live_session: LiveSession, now: datetime) -> None:
    unseated = []
    for entry in _open_entries(live_session).filter(state=WaitlistEntry.State.WAITING):
        if _is_seated(entry):
            _end(entry, WaitlistEntry.State.SEATED, now)
        else:
            unseated.append(entry)
    WaitlistEntry.objects.filter(pk__in=[entry.pk for entry in unseated]).update(state=WaitlistEntry.State.CLOSED, closed_at=now)
    queue_mails([_mail(CLOSED_MAIL, entry, live_session) for entry in unseated], now=now)


def _is_seated(entry: WaitlistEntry) -> bool:
    taken = Seat.objects.filter(live_session=entry.live_session_id, state__in=Seat.TAKEN)
    return taken.filter(attendee_email__iexact=entry.user.email).exists()


def _mail(kind: str, entry: WaitlistEntry, live_session: LiveSession) -> OwedMail:
    return OwedMail(
        kind=kind,
        key=f"{kind}:{entry.pk}",
        recipient=entry.user.email,
        context={"entry_id": entry.pk},
        # That a reader waits no longer stays so after a move; an offer is told anew then.
        schedule_version=live_session.schedule_version if kind == OFFER_MAIL else None,
    )


def _take_back_offered_seat(entry: WaitlistEntry) -> None:
    offered = Seat.objects.filter(waitlist_entry=entry, state=Seat.State.OFFERED)
    offered.update(state=Seat.State.EXPIRED, hold_expires_at=None)


def _end(entry: WaitlistEntry, state: WaitlistEntry.State, now: datetime) -> None:
    entry.state, entry.closed_at = state, now
    entry.save(update_fields=["state", "closed_at"])
