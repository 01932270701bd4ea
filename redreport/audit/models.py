"""Who did what to which row, when and why. Written once; the database refuses to change or delete an entry."""

from django.conf import settings
from django.db import models


class AuditEntry(models.Model):
    at = models.DateTimeField()
    # PROTECT: a person named here is deactivated or pseudonymised, never deleted from under the trail.
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    actor_label = models.CharField(
        max_length=60,
        help_text="Who acted when it was no person of ours: system, stripe.",
    )
    verb = models.CharField(max_length=60)
    target_type = models.CharField(max_length=100)
    target_id = models.CharField(max_length=64)
    reason = models.TextField(blank=True)
    detail = models.JSONField(default=dict)

    class Meta:
        verbose_name_plural = "audit entries"
        ordering = ("-at", "-id")
        indexes = [
            models.Index(fields=["target_type", "target_id", "-at"], name="auditentry_target"),
            models.Index(fields=["-at"], name="auditentry_at"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.target_type} {self.target_id}"
