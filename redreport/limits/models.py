"""How often something was tried of late: one row for each key and window."""

from django.db import models


class Tally(models.Model):
    """`key` is a keyed hash of what is counted (an address, an IP, an account): nobody reads a person from it."""

    key = models.CharField(max_length=64, primary_key=True)
    limit = models.CharField(max_length=40)
    count = models.PositiveIntegerField()
    ends_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["ends_at"], name="tally_ends_idx")]

    def __str__(self) -> str:
        return f"{self.limit}: {self.count}"
