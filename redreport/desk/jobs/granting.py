"""Granting credits to readers who have an account."""

from collections.abc import Sequence
from datetime import date, datetime

from redreport.accounts.models import User
from redreport.desk.credit_terms import good_until
from redreport.desk.jobs import kinds
from redreport.desk.jobs.effects import Effects
from redreport.desk.jobs.kinds import Draft, JobKind, Refused, Wishes
from redreport.desk.models import JobItem
from redreport.wording import counted
from subscriptions.errors import CreditsNotGrantable
from subscriptions.operations.granting import give_credits, refuse_if_not_grantable
from subscriptions.selectors import credits_left

NO_ACCOUNT = "No account has this address. Import the reader first, or look for a slip."
SWITCHED_OFF = "The account of this address is switched off."


def drafts_of(addresses: Sequence[str], credits: int, now: datetime) -> list[Draft]:
    """A draft for each address, with what the reader has and will have; two queries however many there are."""
    users = {user.email: user for user in User.objects.filter(email__in=addresses)}
    left = credits_left(users=users.values(), now=now)
    return [_draft(address, users.get(address), left, credits) for address in addresses]


def _draft(address: str, user: User | None, left: dict[int, int], credits: int) -> Draft:
    if user is None or not user.is_active:
        return Draft(address, values={"refusal": SWITCHED_OFF if user else NO_ACCOUNT})
    before = left.get(user.pk, 0)
    about = f"{user.name}, {address}: has {counted(before, 'credit')}, then {before + credits}"
    return Draft(about, target_id=user.pk, values={"refusal": ""})


def _plan(draft: Draft, wishes: Wishes, now: datetime) -> Effects:
    if draft.values["refusal"]:
        raise Refused(draft.values["refusal"])
    try:
        refuse_if_not_grantable(credits=wishes["credits"], expires_at=_expires_at(wishes), reason=wishes["reason"], now=now)
    except CreditsNotGrantable as refusal:
        raise Refused(str(refusal)) from refusal
    return Effects(credits_granted=wishes["credits"], mails=1)


def _carry_out(item: JobItem, now: datetime) -> str:
    assert item.target_id is not None
    user, wishes = User.objects.get(pk=item.target_id), item.job.wishes
    if not user.is_active:
        raise Refused(SWITCHED_OFF)
    try:
        grant = give_credits(
            user=user,
            credits=wishes["credits"],
            expires_at=_expires_at(wishes),
            actor=item.job.made_by,
            reason=wishes["reason"],
            request_id=item.public_id,
            now=now,
        )
    except CreditsNotGrantable as refusal:
        raise Refused(str(refusal)) from refusal
    return f"{counted(grant.credits, 'credit')} granted, and mailed about."


def _expires_at(wishes: Wishes) -> datetime:
    return good_until(date.fromisoformat(wishes["until"]))


GRANT_CREDITS = JobKind("grant_credits", "Grant credits", "subscriptions.add_creditgrant", _plan, _carry_out)


def register() -> None:
    """Make the kind known."""
    kinds.register(GRANT_CREDITS)
