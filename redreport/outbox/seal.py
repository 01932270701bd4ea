"""Encryption of what must rest in the database and be read by nobody, such as a sign-in code in a mail that is not sent yet.

Keys are derived from SECRET_KEY, one for each purpose; what a fallback sealed can still be read.
"""

import base64
import json
from typing import Any

from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.encoding import force_bytes


def seal(values: dict[str, Any]) -> bytes:
    """Encrypt a mail's JSON values with the present key."""
    return cipher_for("redreport.outbox.seal").encrypt(json.dumps(values).encode())


def unseal(token: bytes) -> dict[str, Any]:
    """Decrypt with the present key or a fallback; raises cryptography's InvalidToken when neither made it."""
    values: dict[str, Any] = json.loads(cipher_for("redreport.outbox.seal").decrypt(token))
    return values


def cipher_for(purpose: str) -> MultiFernet:
    """The cipher of one purpose: no key of another opens what it sealed."""
    return MultiFernet([_fernet(key, purpose) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _fernet(secret_key: str | bytes, purpose: str) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(force_bytes(secret_key))
    return Fernet(base64.urlsafe_b64encode(derived))
