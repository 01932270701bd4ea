"""What institutions ask the house for: seats for a team, or analysis of a question of their own."""

import secrets

from django.conf import settings
from django.db import models
from django.db.models import Q

from redreport.text import FIRM_LENGTH, NAME_LENGTH, READ_ALOUD, validate_one_line


def new_reference() -> str:
    """'RR-7F3K-9QXW': no order's number has a second dash. Short enough for the telephone, too sparse to be guessed."""
    signs = "".join(secrets.choice(READ_ALOUD) for _ in range(8))
    return f"RR-{signs[:4]}-{signs[4:]}"


class Enquiry(models.Model):
    """One enquiry. It waits for the desk while it is new; who took it off the pile stands beside it, and when."""

    class State(models.TextChoices):
        NEW = "new"
        ANSWERED = "answered"
        CLOSED = "closed"

    reference = models.CharField(max_length=16, unique=True, default=new_reference, editable=False)
    # Of the form and what was written in it: the same sent twice is one enquiry, another text is another.
    key = models.UUIDField(unique=True, editable=False)
    name = models.CharField(max_length=NAME_LENGTH, validators=[validate_one_line])
    firm = models.CharField("institution", max_length=FIRM_LENGTH, validators=[validate_one_line])
    email = models.EmailField("e-mail address")
    need = models.TextField("what they need", max_length=2000)
    scope = models.CharField("by when, for how many", max_length=200, blank=True, validators=[validate_one_line])
    state = models.CharField(max_length=8, choices=State, default=State.NEW)
    handled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    handled_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "enquiries"
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["created_at"], condition=Q(state="new"), name="enquiry_new_idx"),
            models.Index(fields=["email", "created_at"], name="enquiry_email_idx"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="new", handled_by__isnull=True, handled_at__isnull=True)
                | (Q(state__in=["answered", "closed"]) & Q(handled_by__isnull=False, handled_at__isnull=False)),
                name="enquiry_handled_says_who_and_when",
            ),
            models.CheckConstraint(
                condition=~Q(name__regex="[[:cntrl:]]") & ~Q(firm__regex="[[:cntrl:]]") & ~Q(scope__regex="[[:cntrl:]]"),
                name="enquiry_names_one_line",
            ),
        ]

    def __str__(self) -> str:
        return self.reference
