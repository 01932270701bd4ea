"""Encryption of the few values that must rest in a mail's row until it is sent, with a key derived from SECRET_KEY."""

import base64
import json
from typing import Any

from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.encoding import force_bytes


def seal(values: dict[str, Any]) -> bytes:
    """Encrypt JSON values with the present key."""
    return _cipher().encrypt(json.dumps(values).encode())


def unseal(token: bytes) -> dict[str, Any]:
    """Decrypt with the present key or a fallback; raises cryptography's InvalidToken when neither made it."""
    values: dict[str, Any] = json.loads(_cipher().decrypt(token))
    return values


def _cipher() -> MultiFernet:
    return MultiFernet([_fernet(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _fernet(secret_key: str | bytes) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"redreport.outbox.seal").derive(force_bytes(secret_key))
    return Fernet(base64.urlsafe_b64encode(derived))
