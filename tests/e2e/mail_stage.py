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


def send_every_sample() -> list[SentSample]:
    """One mail of each kind and sample, built by the outbox's own code, over SMTP to the stack's mail catcher."""
    sent = []
    for sample in all_samples():
        message = sample_message(sample.kind, sample.variant)
        message.send()
        is_optional = kinds.find(sample.kind).topic is not None
        sent.append(SentSample(sample.kind, sample.variant, message.message()["Message-ID"], is_optional))
    return sent
