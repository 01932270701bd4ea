"""What a person must decide: opened with a proposal, settled by a member of staff, or by itself where its cause went away."""

from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from redreport import audit
from redreport.accounts.models import User
from redreport.outbox.models import OutgoingMail
from sessions_live.models import Seat
from subscriptions.errors import CaseAlreadySettled, OutcomeMissing
from subscriptions.models import Case, Dispute, Order, Payment, Refund, SeatCoverage, Subscriber, Subscription

LONGEST = 300


@dataclass(frozen=True)
class PaidBack:
    """Money that went back past Stripe, in minor units."""

    amount_minor: int
    currency: str


def case_key(kind: Case.Kind, *about: object) -> str:
    """What makes a case the only one for its cause: its kind, and the row or the object of Stripe's that it is about."""
    return ":".join(str(part) for part in (kind, *about))


def open_case(
    *,
    key: str,
    kind: Case.Kind,
    summary: str,
    now: datetime,
    proposal: str = "",
    subscriber: Subscriber | None = None,
    subscription: Subscription | None = None,
    order: Order | None = None,
    payment: Payment | None = None,
    refund: Refund | None = None,
    dispute: Dispute | None = None,
    seat: Seat | None = None,
    mail: OutgoingMail | None = None,
) -> Case:
    """Open a case in the caller's transaction; the same `key` again changes nothing.

    Whom it concerns follows from the order or the payment, unless it is said.
    """
    belongs_to = order or payment or subscription
    case, _ = Case.objects.get_or_create(
        key=key,
        defaults={
            "kind": kind,
            "summary": summary[:LONGEST],
            "proposal": proposal[:LONGEST],
            "opened_at": now,
            "subscriber": subscriber or (belongs_to.subscriber if belongs_to else None),
            "subscription": subscription,
            "order": order,
            "payment": payment,
            "refund": refund,
            "dispute": dispute,
            "seat": seat,
            "mail": mail,
        },
    )
    return case


def restate_case(*, key: str, summary: str, proposal: str) -> None:
    """Say anew what happened and what we propose, as long as nobody has settled the case."""
    Case.objects.filter(key=key, state=Case.State.OPENED).update(summary=summary[:LONGEST], proposal=proposal[:LONGEST])


def settle_case(
    *,
    case_id: int,
    actor: User,
    resolution: str,
    now: datetime,
    outcome: Case.Outcome | None = None,
    paid_back: PaidBack | None = None,
    refund: Refund | None = None,
) -> Case:
    """Write down how a member of staff settled a case, once; of a case about money, what became of it, which the books read.

    `refund` is the one that was made for it. Refuses with CaseAlreadySettled, or with OutcomeMissing.
    It may be part of the caller's transaction, which then stands or falls with it: of two people at once one comes too late.
    """
    with transaction.atomic():
        # The case's lock, taken after all others: two members of staff settle it at once.
        case = Case.objects.select_for_update(no_key=True).get(pk=case_id)
        if case.state == Case.State.SETTLED:
            raise CaseAlreadySettled
        if case.kind in Case.OF_MONEY and outcome is None:
            raise OutcomeMissing
        case.state = Case.State.SETTLED
        case.settled_at = now
        case.settled_by = actor
        case.resolution = resolution[:LONGEST]
        case.outcome = outcome or ""
        if paid_back:
            case.paid_back_minor, case.paid_back_currency = paid_back.amount_minor, paid_back.currency
        case.refund = case.refund or refund
        said = ["outcome", "paid_back_minor", "paid_back_currency", "refund"]
        case.save(update_fields=["state", "settled_at", "settled_by", "resolution", *said])
        detail = {"outcome": case.outcome, **(asdict(paid_back) if paid_back else {})}
        audit.record(actor=actor, verb="settled", target=case, reason=resolution, detail=detail, now=now)
        return case


def open_case_of(case_id: int) -> Case:
    """The open case, read before the other locks, since its own comes last; `settle_case` looks again.

    Refuses with CaseAlreadySettled.
    """
    case = Case.objects.get(pk=case_id)
    if case.state == Case.State.SETTLED:
        raise CaseAlreadySettled
    return case


def seats_given_for(case: Case) -> QuerySet[SeatCoverage]:
    """The seats given by hand for what was paid that are still somebody's."""
    return SeatCoverage.objects.filter(given_for=case, seat__state__in=Seat.TAKEN)


def reopen_case(*, key: str) -> None:
    """Open a case again that had settled itself, whose cause is back; one that staff settled stays theirs."""
    settled_itself = Case.objects.filter(key=key, state=Case.State.SETTLED, settled_by__isnull=True)
    settled_itself.update(state=Case.State.OPENED, settled_at=None, resolution="")


def close_case_of_key(*, key: str, resolution: str, now: datetime) -> None:
    """Settle the open case of this key, whose cause went away by itself; where there is none, nothing happens."""
    opened = Case.objects.filter(key=key, state=Case.State.OPENED)
    opened.update(state=Case.State.SETTLED, settled_at=now, resolution=resolution[:LONGEST])
