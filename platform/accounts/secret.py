"""The secrets that callers prove themselves with: shown once, stored as digests."""

from __future__ import annotations

import base64
import hashlib
import secrets

HINT_LENGTH = 4  # characters of a secret that help a person to recognise it


def new_organization_secret() -> str:
    """32 hexadecimal digits."""
    return secrets.token_hex(16)


def new_user_secret() -> str:
    """Base64 of 32 random bytes."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def new_instance_token() -> str:
    """Base64 of 32 random bytes."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def digest(secret: str) -> str:
    """SHA-256 as 64 hexadecimal digits. Enough without salt: a secret has 128 random bits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def hint(secret: str) -> str:
    """The end of a secret, by which a person tells two of them apart."""
    return secret[-HINT_LENGTH:]
