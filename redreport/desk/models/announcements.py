"""What staff told everybody on a roster."""

import uuid

from django.conf import settings
from django.db import models

from sessions_live.models import LiveSession


class Announcement(models.Model):
    """One mail to each attendee of a session. Written once; the mails name it."""

    # The number of the form it came from: a second click is the same announcement.
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    live_session = models.ForeignKey(LiveSession, on_delete=models.PROTECT, related_name="announcements")
    subject = models.CharField(max_length=120)
    body = models.TextField(max_length=4000)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["-made_at", "-id"]

    def __str__(self) -> str:
        return self.subject
