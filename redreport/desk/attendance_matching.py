"""Who of a meeting's participants sits in which seat: by address, else by a name that only one of them has."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from redreport.desk.attendance_report import Participant, folded
from redreport.desk.jobs.kinds import Draft
from sessions_live.models import Host, Seat


class By(StrEnum):
    """How somebody was found."""

    EMAIL = "by e-mail"
    NAME = "by name"
    HAND = "by hand"


@dataclass(frozen=True)
class Matching:
    """Everybody in the report: with the seat they sit in, as one who runs the session, or as nobody we know."""

    matched: dict[int, tuple[Seat, By]]
    unmatched: list[Participant]
    hosts: int
    # Seats that nobody was found for, to be chosen by hand: who was there already needs no more.
    open_seats: list[Seat]


def match_participants(participants: Sequence[Participant], seats: Sequence[Seat], hosts: Sequence[Host]) -> Matching:
    """Each seat is somebody's once, in however many ways its attendee came in."""
    by_email = {seat.attendee_email.lower(): seat for seat in seats}
    by_name: dict[str, list[Seat]] = defaultdict(list)
    for seat in seats:
        by_name[folded(seat.attendee_name)].append(seat)
    of_hosts = {text for host in hosts for text in (host.email.lower(), folded(host.name)) if text}
    matched: dict[int, tuple[Seat, By]] = {}
    unmatched, hosts_there = [], 0
    # Addresses first: whoever is found by one is not found again by a name with less certainty.
    for participant in sorted(participants, key=lambda one: one.email not in by_email):
        known = by_email.get(participant.email)
        alike = [seat for name in participant.names for seat in by_name.get(name, [])]
        if known:
            matched[known.pk] = (known, By.EMAIL)
        elif of_hosts.intersection([participant.email, *participant.names]):
            hosts_there += 1
        elif len({seat.pk for seat in alike}) == 1:
            matched.setdefault(alike[0].pk, (alike[0], By.NAME))
        else:
            unmatched.append(participant)
    open_seats = [seat for seat in seats if seat.pk not in matched and seat.state != Seat.State.ATTENDED]
    return Matching(matched, unmatched, hosts_there, open_seats)


def drafts_of(matching: Matching, chosen: Mapping[int, Seat]) -> list[Draft]:
    """One row of the job for each seat whose attendee was there; `chosen` are those matched by hand, by the seat's id."""
    by_hand = {pk: (seat, By.HAND) for pk, seat in chosen.items()}
    found = {**by_hand, **matching.matched}
    return [
        Draft(
            f"{seat.attendee_name}, seat {seat.number}, {how}",
            seat.pk,
            {"was": seat.state, "live_session_id": seat.live_session_id},
        )
        for seat, how in sorted(found.values(), key=lambda pair: pair[0].number)
    ]
