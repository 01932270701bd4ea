"""Where allauth's second factors meet the house: secrets rest encrypted, and the words are ours."""

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings

from redreport.accounts.models import User
from redreport.outbox.seal import cipher_for

_PURPOSE = "redreport.accounts.second_factor"


class MfaAdapter(DefaultMFAAdapter):
    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "That is not right. Use the newest code that the app shows, or a recovery code you have not used yet.",
        "unverified_email": "Please prove your e-mail address first: type the code that we mailed to it.",
        "cannot_generate_recovery_codes": "Recovery codes stand in for an app or a passkey: set up one of them first.",
    }

    def encrypt(self, text: str) -> str:
        return cipher_for(_PURPOSE).encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return cipher_for(_PURPOSE).decrypt(encrypted_text.encode()).decode()

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:
        """'Passkey', then 'Passkey 2': a name to begin with."""
        number = Authenticator.objects.filter(user=user, type=type).count() + 1
        return "Passkey" if number == 1 else f"Passkey {number}"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        entity: dict[str, str] = super().get_public_key_credential_rp_entity()
        return {**entity, "name": settings.SITE_NAME}
