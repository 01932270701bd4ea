"""Where a mail needs the sample house in another state than it is built in: to whom it goes, and what has happened before."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings

from redreport import policy
from redreport.accounts.mails import ACCOUNT_MAIL
from redreport.desk.samples.world import World
from sessions_live.models import LiveSession, Seat
from subscriptions.models import CreditGrant, SeatCoverage, Subscription


def _as_it_is(world: World) -> None:
    """Nothing has happened."""


@dataclass(frozen=True)
class Variant:
    """One sample of a kind. `context` is laid over the world's, where None takes an id away; `secret` is sealed with the mail."""

    name: str = "sample"
    label: str = ""
    to: Callable[[World], str] = lambda world: world.ada.email
    happened: Callable[[World], None] = _as_it_is
    context: Callable[[World], Mapping[str, Any]] = lambda world: {}
    secret: Mapping[str, Any] = field(default_factory=dict)


def variants_of(kind: str) -> list[Variant]:
    """The samples of a kind; of one that nobody thought of, the house as it is."""
    return _account_mails() if kind == ACCOUNT_MAIL else list(_VARIANTS.get(kind, [Variant()]))


def _to_bo(world: World) -> str:
    return world.bo.email


def _to_host(world: World) -> str:
    return world.host.email


def _about_colleague(world: World) -> dict[str, Any]:
    return {"seat_id": world.colleagues_seat.pk}


def _canceled_in_time(world: World) -> None:
    for seat in (world.seat, world.colleagues_seat):
        seat.state, seat.canceled_at, seat.canceled_by = Seat.State.CANCELED, world.now, Seat.CanceledBy.BUYER
        seat.restitution, seat.calendar_sequence = Seat.Restitution.FULL, 1
        seat.save()
    covers = SeatCoverage.objects.filter(order=world.order)
    covers.update(settled_at=world.now, settlement=SeatCoverage.Settlement.REFUND, refund=world.refund)
    payment = world.refund.payment
    payment.refunded_minor = world.refund.amount_minor = payment.amount_minor
    payment.save(update_fields=["refunded_minor"])
    world.refund.save(update_fields=["amount_minor"])


def _moved(world: World) -> None:
    for seat in (world.seat, world.colleagues_seat):
        seat.calendar_sequence = 1
        seat.save()


def _handed_over(world: World) -> None:
    # The number before it is that of the withdrawal from whoever sat there.
    world.colleagues_seat.calendar_sequence = world.hand_over.cancel_sequence + 1
    world.colleagues_seat.save()


def _declined(world: World) -> None:
    world.colleagues_seat.declined_at = world.now
    world.colleagues_seat.save()


def _over(world: World) -> None:
    world.live_session.state, world.live_session.materials_released_at = LiveSession.State.ENDED, world.now
    world.live_session.starts_at = world.now - timedelta(hours=2)
    world.live_session.save()


def _attended(world: World) -> None:
    _over(world)
    world.seat.state, world.seat.entered_at = Seat.State.ATTENDED, world.live_session.starts_at
    world.seat.save()


def _missed(world: World) -> None:
    _over(world)
    world.seat.state = Seat.State.NO_SHOW
    world.seat.save()


def _tomorrow(world: World) -> None:
    _starts(world, world.now + policy.LONG_REMINDER_BEFORE)


def _in_an_hour(world: World) -> None:
    _starts(world, world.now + policy.SHORT_REMINDER_BEFORE)


def _starts(world: World, starts_at: datetime) -> None:
    world.live_session.starts_at = starts_at
    world.live_session.save()


def _set_to_end(world: World) -> None:
    Subscription.objects.filter(pk=world.subscription.pk).update(cancel_at=world.subscription.current_period_end)


def _lapsed(world: World) -> None:
    Subscription.objects.filter(pk=world.subscription.pk).update(status=Subscription.Status.CANCELED)


def _granted_by_staff(world: World) -> None:
    CreditGrant.objects.filter(pk=world.grant.pk).update(
        source=CreditGrant.Source.STAFF,
        stripe_invoice_line_id=None,
        granted_by=world.bo,
        reason="a reader since the first letter",
    )


def _account_mails() -> list[Variant]:
    """One for each template that allauth's mails have here."""
    folder = Path(settings.BASE_DIR) / "templates"
    pages = [page.relative_to(folder) for page in folder.glob("*/email/*_message.html")]
    prefixes = sorted(page.as_posix().removesuffix("_message.html") for page in pages)
    return [_account_mail(prefix) for prefix in prefixes]


def _account_mail(prefix: str) -> Variant:
    name = prefix.rpartition("/")[2]
    return Variant(
        name=name,
        label=name.replace("_", " "),
        context=lambda world: {"template": prefix},
        secret={
            **{"code": "123456", "ip": "192.0.2.7", "from_email": "ada@example.com", "to_email": "ada@sample.example"},
            "deleted_email": "ada@example.com",
        },
    )


_VARIANTS: dict[str, list[Variant]] = {
    "seat_confirmed": [Variant(), Variant("colleague", "for a colleague", to=_to_bo, context=_about_colleague)],
    "session_moved": [
        Variant(happened=_moved),
        Variant("colleague", "for a colleague", to=_to_bo, happened=_moved, context=_about_colleague),
    ],
    "seat_moved": [
        Variant(happened=_moved),
        Variant("colleague", "for a colleague", to=_to_bo, happened=_moved, context=_about_colleague),
    ],
    "cancellation_receipt": [Variant(happened=_canceled_in_time, context=_about_colleague)],
    "seat_canceled": [
        Variant(happened=_canceled_in_time),
        Variant("colleague", "for a colleague", to=_to_bo, happened=_canceled_in_time, context=_about_colleague),
    ],
    "cant_come": [Variant(happened=_declined, context=_about_colleague)],
    "seat_handed_away": [Variant(context=_about_colleague)],
    "seat_handed_over": [Variant(to=_to_bo, happened=_handed_over, context=_about_colleague)],
    "booked_seat_moved": [Variant(context=_about_colleague)],
    "follow_up": [Variant("came", "who came", happened=_attended), Variant("missed", "who missed it", happened=_missed)],
    "announcement": [
        Variant("seated", "to who has a seat", context=lambda world: {"entry_id": None}),
        Variant("waiting", "to who waits", to=_to_bo, context=lambda world: {"seat_id": None}),
    ],
    "renewal_turned_off": [Variant(happened=_set_to_end)],
    "year_lapsed": [Variant(happened=_lapsed)],
    "account_erased": [Variant(context=lambda world: {"erasure_id": 0})],
    "credits_granted": [Variant(happened=_granted_by_staff)],
    **{kind: [Variant(to=_to_bo)] for kind in ("waitlist_offer", "waitlist_closed", "waitlist_moved", "waitlist_canceled")},
    "reminder_24h": [
        Variant(happened=_tomorrow),
        Variant("colleague", "for a colleague", to=_to_bo, happened=_tomorrow, context=_about_colleague),
    ],
    "reminder_1h": [Variant(happened=_in_an_hour)],
    "host_reminder_24h": [Variant(to=_to_host, happened=_tomorrow)],
    "host_reminder_1h": [Variant(to=_to_host, happened=_in_an_hour)],
    **{kind: [Variant(to=_to_host)] for kind in ("host_door", "host_moved", "host_canceled")},
}
