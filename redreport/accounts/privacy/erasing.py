"""
Erasing an account. It is refused while money or a seat is open; so nothing that is owed is ever lost by it.

First a row, and the account is closed in the same transaction. Then, outside of transactions, what runs elsewhere is ended. Then
one transaction takes the person out of all rows and owes the last mail; when that is done with, the address is forgotten too. A
sweep goes on from wherever a crash left it, and every step done again changes nothing.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from redreport import audit
from redreport.accounts.models import Erasure, User
from redreport.accounts.privacy.parts import ERASED_NAME, Obstacle, Person, parts
from redreport.dispatch import hand_to_worker
from redreport.outbox import seal
from redreport.outbox.erased import erased_address
from redreport.outbox.models import OutgoingMail
from redreport.outbox.queue import queue_mail
from redreport.transactions import retried
from redreport.waits import growing_wait

ERASED_MAIL = "account_erased"
CARRY_ON = "redreport.accounts.erase"
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=6)


class CannotErase(Exception):
    """Something is open."""

    def __init__(self, obstacles: list[Obstacle]) -> None:
        super().__init__("; ".join(obstacle.words for obstacle in obstacles))
        self.obstacles = obstacles


class ErasureChanged(Exception):
    """It would have other consequences by now than those that were read."""


@dataclass(frozen=True)
class ErasurePlan:
    """What stands in the way, and what comes of it."""

    obstacles: list[Obstacle]
    consequences: list[str]

    @property
    def digest(self) -> str:
        """The same for plans that say the same."""
        return hashlib.sha256(repr(self.consequences).encode()).hexdigest()[:16]


def plan_erasure(*, user: User, now: datetime) -> ErasurePlan:
    """What erasing this account would do now. Only reads."""
    return ErasurePlan(
        obstacles=[obstacle for part in parts() for obstacle in part.obstacles(user, now)],
        consequences=[words for part in parts() for words in part.consequences(user, now)],
    )


@retried
def ask_erasure(*, user_id: int, actor: User, reason: str = "", consequences: str, now: datetime) -> Erasure:
    """
    Close the account and have it erased. `consequences` is the digest of the plan that was read. Asked twice it is one erasure.

    Refuses with CannotErase what is open, and with ErasureChanged; then nothing is changed.
    """
    with transaction.atomic():
        user = User.objects.get(pk=user_id)
        for part in parts():
            part.lock(user)
        # The account's lock: of two clicks the second finds the erasure of the first. An order or a booking of this moment takes
        # it too, last of all: it is seen here, or finds the account closed.
        user = User.objects.select_for_update().get(pk=user_id)
        known = Erasure.objects.filter(user=user).first()
        if known:
            return known
        plan = plan_erasure(user=user, now=now)
        if plan.obstacles:
            raise CannotErase(plan.obstacles)
        if plan.digest != consequences:
            raise ErasureChanged
        erasure = Erasure.objects.create(
            user=user,
            asked_by=actor,
            reason=reason,
            asked_at=now,
            sealed=seal.seal({"addresses": _addresses_of(user), "names": _names_of(user)}),
            next_attempt_at=now,
        )
        audit.record(actor=actor, verb="erasure_asked", target=user, reason=reason, now=now)
        for part in parts():
            part.begin(user, actor, now)
        _close(user)
        transaction.on_commit(lambda: hand_to_worker(CARRY_ON, erasure.pk))
        return erasure


def carry_on(*, erasure_id: int, now: datetime) -> bool:
    """Go as far as is possible now; whether nothing is left to do. Two at once, or one after a crash, end the same."""
    erasure = _claim(erasure_id, now)
    if erasure is None:
        return False
    person = _person(erasure)
    if erasure.erased_at is None:
        for part in parts():
            waits_for = part.settle(person, now)
            if waits_for:
                Erasure.objects.filter(pk=erasure.pk).update(waits_for=waits_for[:200])
                return False
        _forget(erasure.pk, person, now)
    return _finish(erasure.pk, person, now)


def due_erasures(*, now: datetime, limit: int) -> list[int]:
    """Which of them are to be gone on with."""
    due = Erasure.objects.filter(finished_at__isnull=True, next_attempt_at__lte=now).order_by("next_attempt_at")
    return list(due.values_list("pk", flat=True)[:limit])


def _close(user: User) -> None:
    """Nobody signs in to it from now on, and its address is free: whoever signs up with it gets an account of their own."""
    user.email, user.name, user.firm, user.time_zone = erased_address(user.pk), ERASED_NAME, "", ""
    user.is_active, user.last_login = False, None
    user.set_unusable_password()
    user.save()
    user.groups.clear()
    user.user_permissions.clear()


def _claim(erasure_id: int, now: datetime) -> Erasure | None:
    with transaction.atomic():
        # The row's lock: of two workers one goes on. Counted before anything is called, so that a crash is seen as an attempt.
        erasure = Erasure.objects.select_for_update().select_related("user").get(pk=erasure_id)
        if erasure.finished_at is not None or erasure.next_attempt_at is None or erasure.next_attempt_at > now:
            return None
        erasure.attempts += 1
        wait = growing_wait(attempts=erasure.attempts, first=FIRST_WAIT, longest=LONGEST_WAIT)
        erasure.next_attempt_at, erasure.waits_for = now + wait, ""
        erasure.save(update_fields=["attempts", "next_attempt_at", "waits_for"])
        return erasure


def _forget(erasure_id: int, person: Person, now: datetime) -> None:
    with transaction.atomic():
        erasure = Erasure.objects.select_for_update().get(pk=erasure_id)
        if erasure.erased_at is not None:
            return
        for part in parts():
            part.forget(person, now)
        erasure.erased_at = now
        erasure.save(update_fields=["erased_at"])
        audit.record(actor=None, verb="erased", target=person.user, detail={"asked_by": erasure.asked_by_id}, now=now)
        queue_mail(
            kind=ERASED_MAIL,
            key=f"{ERASED_MAIL}:{erasure.pk}",
            recipient=person.addresses[0],
            context={"erasure_id": erasure.pk},
            now=now,
        )


def _finish(erasure_id: int, person: Person, now: datetime) -> bool:
    with transaction.atomic():
        erasure = Erasure.objects.select_for_update().get(pk=erasure_id)
        last = OutgoingMail.objects.select_for_update().get(key=f"{ERASED_MAIL}:{erasure.pk}")
        being_sent = OutgoingMail.objects.filter(recipient=person.pseudonym, state=OutgoingMail.State.SENDING)
        if last.state in OutgoingMail.OPEN_STATES or being_sent.exists():
            Erasure.objects.filter(pk=erasure.pk).update(waits_for="the last mail")
            return False
        # What was being sent while all was forgotten has been written down by now.
        for part in parts():
            part.forget(person, now)
        ours = Q(pk=last.pk) | Q(recipient=person.pseudonym)
        OutgoingMail.objects.filter(ours).update(recipient=person.pseudonym, subject="", sent_bytes=None, returned="")
        erasure.finished_at, erasure.sealed, erasure.next_attempt_at = now, None, None
        erasure.save(update_fields=["finished_at", "sealed", "next_attempt_at"])
        return True


def _person(erasure: Erasure) -> Person:
    assert erasure.sealed is not None
    known = seal.unseal(bytes(erasure.sealed))
    return Person(erasure.user, tuple(known["addresses"]), tuple(known["names"]), erasure.asked_at)


def _names_of(user: User) -> list[str]:
    return sorted({user.name}.union(*(part.names(user) for part in parts())) - {""})


def _addresses_of(user: User) -> list[str]:
    """The one of today first, then those it has had before that are nobody else's now."""
    told = OutgoingMail.objects.filter(
        kind="account_mail", context__user_id=user.pk, context__template="account/email/email_changed"
    )
    earlier = {email.lower() for email in told.values_list("recipient", flat=True)} - {user.email}
    taken = set(User.objects.filter(email__in=earlier).values_list("email", flat=True))
    return [user.email, *sorted(earlier - taken)]
