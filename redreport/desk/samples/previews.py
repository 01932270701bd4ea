"""A mail with sample data, as it would go out now."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import structlog
from django.db import transaction
from icalendar import Calendar

from redreport import clock
from redreport.desk.samples.cases import Variant, variants_of
from redreport.desk.samples.world import build_world
from redreport.outbox import kinds, seal
from redreport.outbox.kinds import CalendarPart, RenderedMail
from redreport.outbox.message import OutgoingMessage, build_message
from redreport.outbox.models import OutgoingMail
from redreport.outbox.queue import message_id_for

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Preview:
    """One sample of one kind. `mail` is None where the kind needs rows that the sample house does not have."""

    kind: str
    variant: str
    title: str
    mail: RenderedMail | None

    @property
    def entry(self) -> str:
        """What a calendar program would do with the mail: 'REQUEST: Reading the plenum, 2027-07-28 15:00'."""
        return _entry_of(self.mail.calendar) if self.mail and self.mail.calendar else ""


@dataclass(frozen=True)
class Sample:
    """A line of the list of previews."""

    kind: str
    variant: str
    title: str
    is_private: bool
    topic: str


def all_samples() -> list[Sample]:
    """Every kind that is registered, by its label, with each of its samples."""
    return [
        Sample(kind.name, variant.name, _title(kind.label, variant), kind.private, kind.topic.label if kind.topic else "")
        for kind in kinds.known_kinds()
        for variant in variants_of(kind.name)
    ]


def preview(kind_name: str, variant_name: str) -> Preview:
    """Render one sample. Raises LookupError for a kind or a sample that does not exist.

    The rows live in a transaction that is rolled back: no row stays, and what it wants to hand to a worker is dropped with it.
    """
    kind, variant = kinds.find(kind_name), _variant(kind_name, variant_name)
    with _owed_for_a_moment(kind_name, variant) as mail:
        try:
            with transaction.atomic():
                rendered = kind.render(mail)
        except Exception as error:  # A kind of which nobody made a sample yet: the list of all others must still open.
            log.warning("mail_without_sample", kind=kind_name, error=type(error).__name__)
            rendered = None
    return Preview(kind_name, variant_name, _title(kind.label, variant), rendered)


def sample_message(kind_name: str, variant_name: str) -> OutgoingMessage:
    """One sample as the message that the outbox would send; its rows are gone again. Raises LookupError as `preview` does."""
    kind = kinds.find(kind_name)
    with _owed_for_a_moment(kind_name, _variant(kind_name, variant_name)) as mail:
        return build_message(mail, kind.render(mail), kind.topic, mail.created_at)


def _variant(kind_name: str, variant_name: str) -> Variant:
    variant = next((each for each in variants_of(kind_name) if each.name == variant_name), None)
    if variant is None:
        raise LookupError(variant_name)
    return variant


@contextmanager
def _owed_for_a_moment(kind: str, variant: Variant) -> Iterator[OutgoingMail]:
    with transaction.atomic():
        try:
            yield _owed(kind, variant)
        finally:
            transaction.set_rollback(True)


def _owed(kind: str, variant: Variant) -> OutgoingMail:
    now = clock.now()
    world = build_world(now)
    variant.happened(world)
    context = {name: value for name, value in {**world.context(), **variant.context(world)}.items() if value is not None}
    secret = {**variant.secret, "expires_at": (now + timedelta(minutes=10)).isoformat()} if variant.secret else {}
    key = f"{kind}:sample:{world.order.number}"
    return OutgoingMail.objects.create(
        kind=kind,
        key=key,
        recipient=variant.to(world),
        context=context,
        secret=seal.seal(secret) if secret else None,
        schedule_version=world.live_session.schedule_version,
        # Never due, should it ever be seen.
        due_at=now + timedelta(days=36500),
        message_id=message_id_for(key),
        created_at=now,
    )


def _title(label: str, variant: Variant) -> str:
    return f"{label}: {variant.label}" if variant.label else label


def _entry_of(part: CalendarPart) -> str:
    events = Calendar.from_ical(part.content).walk("VEVENT")
    said = [
        f"{event.get('SUMMARY')}, {event.decoded('DTSTART'):%Y-%m-%d %H:%M} UTC, SEQUENCE {event.get('SEQUENCE')}"
        for event in events
    ]
    return f"{part.method}: {'; '.join(said)}"
