"""The mails we owe. A row is inserted by the transaction that causes the mail; a worker renders and sends it later."""

from typing import Any

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from redreport import clock
from redreport.outbox import seal


class OutgoingMail(models.Model):
    class State(models.TextChoices):
        QUEUED = "queued"
        SENDING = "sending"
        SENT = "sent"
        FAILED = "failed"
        WITHHELD = "withheld"
        MISSED = "missed"
        BOUNCED = "bounced"

    OPEN_STATES = (State.QUEUED, State.SENDING)
    UNDELIVERED = (State.FAILED, State.BOUNCED)

    kind = models.CharField(max_length=60)
    key = models.CharField(
        max_length=200,
        unique=True,
        help_text="The business key: one key, at most one mail.",
    )
    recipient = models.EmailField()
    context = models.JSONField(
        default=dict,
        help_text="Ids only; the mail is rendered from what they point at when it is sent.",
    )
    secret = models.BinaryField(
        null=True,
        help_text="Encrypted: what no id can give back. Wiped when the mail is done with.",
    )
    schedule_version = models.PositiveIntegerField(null=True)

    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    reason = models.CharField(max_length=200, blank=True)
    due_at = models.DateTimeField()
    # Until then the sweep leaves a row alone that it has already handed to a worker.
    handed_until = models.DateTimeField(null=True)
    claimed_until = models.DateTimeField(null=True)
    claim_token = models.UUIDField(null=True)

    attempts = models.PositiveIntegerField(default=0)
    first_attempt_at = models.DateTimeField(null=True)
    faults = models.PositiveIntegerField(
        default=0, help_text="How often the guard or the rendering raised an error, or the worker died over the mail."
    )
    duplicate_risk = models.PositiveIntegerField(
        default=0,
        help_text="How often it was sent again after an attempt whose outcome is unknown.",
    )

    message_id = models.CharField(max_length=200)
    smtp_code = models.PositiveSmallIntegerField(null=True)
    sent_at = models.DateTimeField(null=True)
    subject = models.CharField(max_length=300, blank=True)
    sent_bytes = models.BinaryField(null=True)
    sent_sha256 = models.CharField(max_length=64, blank=True)
    # What came back after a server had taken it, and when we heard that nobody will read it: perhaps before it counts as sent.
    returned = models.CharField(max_length=200, blank=True, default="", db_default="")
    bounced_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ("-id",)
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    state="sending",
                    claim_token__isnull=False,
                    claimed_until__isnull=False,
                )
                | (~Q(state="sending") & Q(claim_token__isnull=True, claimed_until__isnull=True)),
                name="outgoingmail_sending_is_claimed",
            ),
            models.CheckConstraint(
                condition=Q(state__in=("queued", "sending")) | Q(secret__isnull=True),
                name="outgoingmail_secret_wiped",
            ),
            models.CheckConstraint(
                condition=Q(state__in=("sent", "bounced"), sent_at__isnull=False)
                | (~Q(state__in=("sent", "bounced")) & Q(sent_at__isnull=True, sent_bytes__isnull=True)),
                name="outgoingmail_sent_has_time",
            ),
            models.CheckConstraint(
                condition=~Q(state="bounced") | Q(bounced_at__isnull=False),
                name="outgoingmail_bounced_has_time",
            ),
        ]
        indexes = [
            # What the minute sweep reads; it stays small however many mails have been sent.
            models.Index(
                fields=["due_at"],
                name="outgoingmail_due",
                condition=Q(state__in=("queued", "sending")),
            ),
            models.Index(fields=["recipient", "-id"], name="outgoingmail_recipient"),
            models.Index(fields=["message_id"], name="outgoingmail_message_id"),
            # What nobody got: the sweep of bounces and the desk look at the latest of them.
            models.Index(fields=["updated_at"], name="outgoingmail_undelivered", condition=Q(state__in=("failed", "bounced"))),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"

    def read_secret(self) -> dict[str, Any]:
        """What was sealed with the row, decrypted; empty if nothing was, or if it has been wiped."""
        return seal.unseal(bytes(self.secret)) if self.secret else {}


class MailWish(models.Model):
    """Whether an address wants the optional mails of a topic, once somebody said so; else the topic's default holds.

    By address, not by account: attendees need none.
    """

    email = models.EmailField()
    topic = models.CharField(max_length=40)
    is_wanted = models.BooleanField()
    # Nobody said no: mail to the address came back. Whoever has another address by then still wants it.
    is_bounced = models.BooleanField(default=False, db_default=False)
    said_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("email"), F("topic"), name="mail_wish_once_per_topic"),
        ]

    def __str__(self) -> str:
        return f"{self.topic}: {self.is_wanted}"


class Heartbeat(models.Model):
    """A worker took a task of the clock's from this queue: one row a queue, the last time."""

    queue = models.CharField(max_length=40, unique=True)
    beaten_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.queue
