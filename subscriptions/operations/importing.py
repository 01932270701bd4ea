"""Readers who had signed up by mail, before this site existed: an account for each, their credits, and word of both."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from redreport import audit
from redreport.accounts.models import User
from redreport.transactions import retried
from subscriptions.errors import ReaderNotImportable
from subscriptions.mails import queue_credits_granted, queue_invitation
from subscriptions.models import CreditGrant
from subscriptions.operations.credits import grant_credits
from subscriptions.operations.granting import refuse_if_not_grantable
from subscriptions.operations.subscribers import lock_subscriber, subscriber_of

_IMPORTED_CREDITS = uuid.UUID("5e0f6f1c-3f6b-4a5e-9a57-0d6c4b1f7a32")


@dataclass(frozen=True)
class ReaderToImport:
    """Somebody on the list. Credits need an end and a reference, such as the number of the invoice that paid for them."""

    email: str
    name: str
    firm: str = ""
    credits: int = 0
    expires_at: datetime | None = None
    reference: str = ""

    @property
    def request_id(self) -> uuid.UUID:
        """The same for one address and one reference, in whichever file they stand: its credits are granted once."""
        return uuid.uuid5(_IMPORTED_CREDITS, f"{self.email.lower()}\n{_plain(self.reference)}")


@dataclass(frozen=True)
class ImportPlan:
    """What importing a reader does. A known account stays as it is; credits that were granted before are not granted again."""

    is_known: bool
    credits: int
    granted_before: bool = False
    refusal: str = ""

    @property
    def changes_nothing(self) -> bool:
        """Whether all there is to do was done before."""
        return self.is_known and not self.credits


def plan_imports(readers: Sequence[ReaderToImport]) -> list[ImportPlan]:
    """What `import_reader` would do for each of them. Only reads, in three queries however many they are.

    Credits count as granted before when the same address was given credits for the same reference, or when staff have given the
    account credits for a reason of the same words.
    """
    users = {user.email: user for user in User.objects.filter(email__in={reader.email.lower() for reader in readers})}
    with_credits = [reader for reader in readers if reader.credits]
    asked_before = CreditGrant.objects.filter(request_id__in=[reader.request_id for reader in with_credits])
    owners = {grant.request_id: grant.subscriber.user for grant in asked_before.select_related("subscriber__user")}
    by_staff = CreditGrant.objects.filter(source=CreditGrant.Source.STAFF, subscriber__user__in=users.values())
    reasons = {(user_id, _plain(reason)) for user_id, reason in by_staff.values_list("subscriber__user", "reason")}
    return [_plan(reader, users.get(reader.email.lower()), owners.get(reader.request_id), reasons) for reader in readers]


@retried
def import_reader(*, reader: ReaderToImport, actor: User, now: datetime) -> ImportPlan:
    """Make an account that its owner opens by a mailed code, grant the credits that wait for it, and owe one mail that says so.

    A known account is left as it is but for the credits. The same reader again changes nothing, whatever crashed or ran beside
    it. Refuses with ReaderNotImportable, and with CreditsNotGrantable as `give_credits` does.
    """
    if reader.credits:
        refuse_if_not_grantable(credits=reader.credits, expires_at=reader.expires_at or now, reason=reader.reference, now=now)
    with transaction.atomic():
        known = User.objects.filter(email=reader.email.lower()).first()
        # A rival who inserts this address first has us begin again, and find it.
        user = known or User.objects.create_user(reader.email, name=reader.name, firm=reader.firm)
        if reader.credits:
            # The subscriber's lock: of two uploads of one file the second finds the credits of the first.
            lock_subscriber(subscriber_of(user).pk)
        [plan] = plan_imports([reader])
        if plan.refusal:
            raise ReaderNotImportable(plan.refusal)
        grant = _grant(reader, user, actor, now) if plan.credits else None
        if known is None:
            audit.record(actor=actor, verb="user_added", target=user, detail={"by": "import"}, now=now)
            queue_invitation(user=user, now=now)
        elif grant:
            queue_credits_granted(grant=grant, now=now)
        return ImportPlan(known is not None, plan.credits, plan.granted_before)


def _plan(reader: ReaderToImport, user: User | None, owner: User | None, reasons: set[tuple[int, str]]) -> ImportPlan:
    refusal = ""
    if user and not user.is_active:
        refusal = "The account of this address is switched off. Tick “active” under Users first, if that was a mistake."
    elif owner and owner != user:
        refusal = f"The credits of this note were granted before, to the account that is now {owner.email}."
    granted_before = bool(reader.credits) and (
        owner is not None or (user is not None and (user.pk, _plain(reader.reference)) in reasons)
    )
    credits = 0 if refusal or granted_before else reader.credits
    return ImportPlan(user is not None, credits, granted_before, refusal)


def _grant(reader: ReaderToImport, user: User, actor: User, now: datetime) -> CreditGrant:
    assert reader.expires_at is not None
    grant, _ = grant_credits(
        subscriber_id=subscriber_of(user).pk,
        credits=reader.credits,
        valid_from=now,
        expires_at=reader.expires_at,
        actor=actor,
        reason=reader.reference,
        request_id=reader.request_id,
        now=now,
    )
    return grant


def _plain(words: str) -> str:
    """The words without their case and spacing."""
    return " ".join(words.split()).casefold()
