"""allauth's forms where ours differ."""

from typing import Any

from allauth.account.fields import PasswordField
from allauth.account.forms import (
    AddEmailForm,
    ChangePasswordForm,
    LoginForm,
    ResetPasswordForm,
    ResetPasswordKeyForm,
    SignupForm,
)
from allauth.account.internal.flows.manage_email import sync_user_email_address
from allauth.account.models import EmailAddress
from django import forms
from django.core.validators import MaxLengthValidator
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse

from redreport.accounts import proof
from redreport.accounts.models import User
from redreport.text import EMAIL_LENGTH


class OneWording(forms.Form):
    """The field for an address is called the same on every page, and takes no longer one than we can write to."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in {"login", "email"} & set(self.fields):
            self.fields[name].label = "E-mail address"
            self.fields[name].validators.append(MaxLengthValidator(EMAIL_LENGTH))


class PlainLabels(forms.Form):
    """allauth writes 'New Password (again)'; we 'New password (again)'."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.label = str(field.label).capitalize()


class NewPasswordForm(PlainLabels, ChangePasswordForm):
    pass


class ReplacedPasswordForm(PlainLabels, ResetPasswordKeyForm):
    pass


class SignUpForm(OneWording, SignupForm):
    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        """
        Save the user and the address together. Who has signed up before and never typed the code is mailed another one; that
        account's name stays as it is until the code is typed, for this form proves nothing yet. Any other known address is
        answered as a new one is.
        """
        try:
            with transaction.atomic():
                return self._try_save(request)
        except IntegrityError:
            # The race: a double click sends the form twice, and both saw that the address was free.
            self.account_already_exists = True
            return self._try_save(request)

    def _try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        unproven = self._unproven_user() if self.account_already_exists else None
        if unproven is not None:
            sync_user_email_address(unproven)
            proof.remember_names(request, unproven, name=self.cleaned_data["name"], firm=self.cleaned_data["firm"])
            return unproven, None
        outcome: tuple[User | None, HttpResponse | None] = super().try_save(request)
        return outcome

    def _unproven_user(self) -> User | None:
        proven = EmailAddress.objects.filter(user=OuterRef("pk"), verified=True)
        waiting = User.objects.filter(~Exists(proven), email=self.cleaned_data["email"], is_active=True, last_login=None)
        return waiting.first()


class SignInForm(OneWording, LoginForm):
    pass


class ForgottenPasswordForm(OneWording, ResetPasswordForm):
    pass


class ChangeEmailForm(OneWording, AddEmailForm):
    pass


class PasswordLoginForm(SignInForm):
    """allauth asks for no password at sign-in where sign-up asks for none; here it does."""

    def _setup_password_field(self) -> None:
        self.fields["password"] = PasswordField(label="Password", autocomplete="current-password")
