"""allauth's forms where ours differ."""

from typing import Any

from allauth.account.fields import PasswordField
from allauth.account.forms import LoginForm, SignupForm
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse

from redreport.accounts.models import User


class SignUpForm(SignupForm):  # type: ignore[misc]
    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        """Save the user and the address together, or answer as for an address that has an account already."""
        outcome: tuple[User | None, HttpResponse | None]
        try:
            with transaction.atomic():
                outcome = super().try_save(request)
        except IntegrityError:
            # The race: a double click sends the form twice, and both saw that the address was free.
            self.account_already_exists = True
            outcome = super().try_save(request)
        return outcome


class PasswordLoginForm(LoginForm):  # type: ignore[misc]
    """allauth asks for no password at sign-in where sign-up asks for none; here it does."""

    def _setup_password_field(self) -> None:
        self.fields["password"] = PasswordField(label="Password", autocomplete="current-password")

    def _clean_without_password(self, email: str | None, phone: str | None) -> dict[str, Any]:
        raise AssertionError("the password is required")
