"""allauth's forms for second factors where ours differ."""

from typing import Any

from allauth.core import context as request_context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal.auth import generate_totp_secret
from allauth.mfa.utils import decrypt, encrypt
from allauth.mfa.webauthn.forms import AddWebAuthnForm, EditWebAuthnForm
from django import forms

from redreport import clock
from redreport.limits import rules
from redreport.limits.answers import too_many
from redreport.limits.counting import give_back, take
from redreport.text import validate_one_line

# Where the browser's session keeps the key of an app that is being set up, sealed: it is a secret from the first.
PENDING_SECRET = "second_factor_pending"
NAME_LENGTH = 60


class TypedCode(forms.Form):
    """A code is digits: telephones show them. Wrong ones are counted, by account."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].label = "Code"
        self.fields["code"].widget.attrs = {"autocomplete": "one-time-code", "inputmode": "numeric"}

    def clean_code(self) -> str:
        owner = str(self.user.pk)  # type: ignore[attr-defined]
        refused = take(rules.SECOND_FACTOR_TRIED, user=owner, now=clock.now())
        if refused:
            raise ImmediateHttpResponse(too_many(request_context.request, refused))
        code: str = super().clean_code()  # type: ignore[misc]
        give_back(rules.SECOND_FACTOR_TRIED, user=owner)
        return code


class CodeUsedOnce(TypedCode):
    """A code counts once. allauth remembers used ones in the cache, for less time than they are good."""

    def clean_code(self) -> str:
        code = super().clean_code()
        used = f"{self.authenticator.pk}:{normalize_user_code(code)}"  # type: ignore[attr-defined]
        if take(rules.SECOND_FACTOR_USED, code=used, now=clock.now()):
            raise get_adapter().validation_error("incorrect_code")
        return code


class CodeForm(CodeUsedOnce, AuthenticateForm):
    pass


class CodeAgainForm(CodeUsedOnce, ReauthenticateForm):
    pass


class SetUpAppForm(TypedCode, ActivateTOTPForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        session = request_context.request.session
        # allauth keeps it in the session as it is, and the session lies in the database.
        session.pop("mfa.totp.secret", None)
        if not self.is_bound or PENDING_SECRET not in session:
            session[PENDING_SECRET] = encrypt(generate_totp_secret())
        self.secret = decrypt(session[PENDING_SECRET])


class NamedPasskey(forms.Form):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = forms.CharField(
            label="Name",
            max_length=NAME_LENGTH,
            required=self.fields["name"].required,
            validators=[validate_one_line],
            # Not the reader's own name, which browsers would offer.
            widget=forms.TextInput(attrs={"autocomplete": "off"}),
            help_text="To tell it from others: the device it is kept on, for example.",
        )
        self.fields["name"] = field


class AddPasskeyForm(NamedPasskey, AddWebAuthnForm):
    # Each of ours signs in by itself: nobody has to choose.
    passwordless = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def clean_passwordless(self) -> bool:
        return True


class RenamePasskeyForm(NamedPasskey, EditWebAuthnForm):
    pass
