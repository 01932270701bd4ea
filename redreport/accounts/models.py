"""The one person model: readers and staff alike. The e-mail address is the name; there is no username."""

import zoneinfo
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac

from redreport import clock
from redreport.text import FIRM_LENGTH, NAME_LENGTH, validate_one_line


def validate_time_zone(value: str) -> None:
    """Refuse whatever is not the name of an IANA time zone."""
    if value not in zoneinfo.available_timezones():
        raise ValidationError("Choose a time zone by its name, such as Europe/London.", code="time_zone")


class UserManager(BaseUserManager["User"]):
    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        """The whole address in lower case: nobody's mail server tells Ada@ from ada@, and one person is one account."""
        return (email or "").strip().lower()

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make and save a user; without a password they sign in by mailed code alone."""
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, **{**fields, "is_staff": True, "is_superuser": True})

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=self.normalize_email(username))


class User(AbstractBaseUser, PermissionsMixin):
    """A person with an account. Whether the address is proven is for `accounts.selectors.has_proven_email` to say."""

    email = models.EmailField(
        "e-mail address",
        unique=True,
        error_messages={"unique": "There is an account with this address."},
    )
    name = models.CharField(max_length=NAME_LENGTH, validators=[validate_one_line])
    firm = models.CharField(max_length=FIRM_LENGTH, blank=True, validators=[validate_one_line])
    time_zone = models.CharField(
        max_length=64,
        blank=True,
        validators=[validate_time_zone],
        help_text="Times are printed in this zone too. Empty: only the house's zone and UTC.",
    )
    is_staff = models.BooleanField("staff", default=False, help_text="May enter the admin.")
    is_active = models.BooleanField("active", default=True, help_text="Untick this instead of deleting an account.")
    date_joined = models.DateTimeField(default=clock.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        ordering = ("email",)
        constraints = [
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="user_email_lower"),
            models.CheckConstraint(
                condition=~models.Q(name__regex="[[:cntrl:]]") & ~models.Q(firm__regex="[[:cntrl:]]"),
                name="user_names_one_line",
            ),
        ]

    def __str__(self) -> str:
        return self.email

    def clean(self) -> None:
        super().clean()
        self.email = UserManager.normalize_email(self.email)

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.email = UserManager.normalize_email(self.email)
        super().save(*args, **kwargs)

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """
        What each sign-in is tied to: the password, as in Django, and the address too. Who changes either, or has it changed by
        staff, is signed out everywhere else.
        """
        said = f"{self.password}\n{self.email}"
        return salted_hmac("redreport.accounts.sign_in", said, secret=secret, algorithm="sha256").hexdigest()

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name


class SignIn(models.Model):
    """A browser that is signed in, as its owner reads it. Whoever ends it deletes the session behind it."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sign_ins")
    session_key = models.CharField(max_length=40, unique=True)
    # In our words, such as 'Firefox on Windows': nothing else of what the browser says of itself is kept, nor from where.
    device = models.CharField(max_length=60)
    signed_in_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ["-seen_at", "-id"]

    def __str__(self) -> str:
        return self.device


class Erasure(models.Model):
    """An account is erased: the row comes first, and a sweep goes on from it until nothing is left to do."""

    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="erasure")
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=200, blank=True)
    asked_at = models.DateTimeField()
    # Encrypted: which rows are theirs, and where the last mail goes. Wiped at the end.
    sealed = models.BinaryField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    waits_for = models.CharField(max_length=200, blank=True)
    erased_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=models.Q(finished_at__isnull=True), name="erasure_due_idx"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(finished_at__isnull=True, sealed__isnull=False)
                | models.Q(finished_at__isnull=False, erased_at__isnull=False, sealed__isnull=True),
                name="erasure_finished_is_wiped",
            ),
        ]

    def __str__(self) -> str:
        return f"Erasure of user {self.user_id}"
