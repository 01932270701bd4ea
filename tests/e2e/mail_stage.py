"""Samples of every mail, sent from the stack as its outbox sends. Runs backstage."""

from dataclasses import dataclass

from redreport.desk.samples.previews import all_samples, sample_message
from redreport.outbox import kinds


@dataclass(frozen=True)
class SentSample:
    """`is_optional`: its reader can stop such mails, and its headers say how."""

    kind: str
    variant: str
    message_id: str
    is_optional: bool


def every_sample() -> list[tuple[str, str]]:
    """Kind and variant of each."""
    return [(sample.kind, sample.variant) for sample in all_samples()]


def send_sample(kind: str, variant: str) -> SentSample:
    """Built by the outbox's own code, and handed over SMTP to the stack's mail catcher."""
    message = sample_message(kind, variant)
    message.send()
    return SentSample(kind, variant, message.message()["Message-ID"], is_optional=kinds.find(kind).topic is not None)
