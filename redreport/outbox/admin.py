"""The outbox, to be read: what was owed to whom, and what became of it. Never the secret, never the body of a private mail."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern_policy

from django.contrib import admin

from redreport.audit.read_only import ReadOnlyAdmin
from redreport.outbox import kinds
from redreport.outbox.models import OutgoingMail


@admin.register(OutgoingMail)
class OutgoingMailAdmin(ReadOnlyAdmin):
    list_display = ("kind_in_words", "recipient", "subject", "state", "reason", "attempts", "due_at", "sent_at")
    list_filter = ("state", "kind", "created_at")
    search_fields = ("recipient", "key", "message_id")
    fields = (
        *("kind", "key", "recipient", "subject", "state", "reason", "smtp_code"),
        *("due_at", "attempts", "first_attempt_at", "faults", "duplicate_risk", "claimed_until"),
        *("message_id", "sent_at", "sent_sha256", "text_as_sent", "context", "schedule_version", "created_at", "updated_at"),
    )
    readonly_fields = ("text_as_sent",)

    @admin.display(description="kind", ordering="kind")
    def kind_in_words(self, mail: OutgoingMail) -> str:
        return kinds.label_of(mail.kind)

    @admin.display(description="text as sent")
    def text_as_sent(self, mail: OutgoingMail) -> str:
        if mail.sent_bytes is None:
            return "Not kept."
        message = message_from_bytes(bytes(mail.sent_bytes), policy=modern_policy)
        body = message.get_body(("plain",)) if isinstance(message, EmailMessage) else None
        return str(body.get_content()) if body else ""
