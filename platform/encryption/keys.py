"""Seals text with AES-256-GCM (NIST SP 800-38D) under a ring of keys.

Rule 1: whatever is wrong (no such key, another context, one changed bit), `unseal` raises; it
never returns what it could not authenticate.
Rule 2: sealed text names the key that sealed it, so that the ring can hold several at once.

The form of sealed text is `v1.<key id>.<base64url of nonce, ciphertext and tag>`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

VERSION = "v1"
KEY_LENGTH = 32  # bytes
NONCE_LENGTH = 12  # bytes, random; SP 800-38D 8.2.2 bounds one key to 2**32 seals
HOW_TO_MAKE_ONE = (
    "Make one with: python -c 'import base64, os; print(base64.b64encode(os.urandom(32)).decode())'"
)


class UnsealError(Exception):
    """Sealed text could not be opened. The message names neither text nor key."""


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys by id. `newest` seals; every one of them unseals."""

    newest: str
    ciphers: dict[str, AESGCM]


def seal(text: str, context: str) -> str:
    """Sealed text that opens only under the same `context` (see fields.context_of)."""
    ring = key_ring()
    nonce = os.urandom(NONCE_LENGTH)
    body = ring.ciphers[ring.newest].encrypt(nonce, text.encode(), context.encode())
    return f"{VERSION}.{ring.newest}.{base64.urlsafe_b64encode(nonce + body).decode()}"


def unseal(sealed: str, context: str) -> str:
    """The clear text. Raises UnsealError."""
    version, _, rest = sealed.partition(".")
    key_id, _, encoded = rest.partition(".")
    if version != VERSION or not encoded:
        raise UnsealError(f"what is stored at {context} is not sealed text")
    cipher = key_ring().ciphers.get(key_id)
    if cipher is None:
        raise UnsealError(
            f"what is stored at {context} was sealed under key {key_id}, which is not in "
            "PERIODIC_ENCRYPTION_KEYS"
        )
    try:
        blob = base64.b64decode(encoded, altchars=b"-_", validate=True)
        return cipher.decrypt(blob[:NONCE_LENGTH], blob[NONCE_LENGTH:], context.encode()).decode()
    except (InvalidTag, ValueError) as error:
        raise UnsealError(
            f"what is stored at {context} does not open: it was changed, or belongs elsewhere"
        ) from error


def key_id_of(sealed: str) -> str:
    """The id of the key that sealed a text; empty when it is not sealed text."""
    version, _, rest = sealed.partition(".")
    return rest.partition(".")[0] if version == VERSION else ""


def key_ring() -> KeyRing:
    """The ring of PERIODIC_ENCRYPTION_KEYS. Raises ImproperlyConfigured."""
    return _ring(tuple(settings.PERIODIC_ENCRYPTION_KEYS))


@lru_cache(maxsize=8)
def _ring(encoded_keys: tuple[str, ...]) -> KeyRing:
    if not encoded_keys:
        raise ImproperlyConfigured(f"PERIODIC_ENCRYPTION_KEYS is empty. {HOW_TO_MAKE_ONE}")
    ids: list[str] = []
    ciphers: dict[str, AESGCM] = {}
    for position, encoded in enumerate(encoded_keys, start=1):
        key = _decoded(encoded, position)
        key_id = hashlib.sha256(key).hexdigest()[:8]
        ids.append(key_id)
        ciphers[key_id] = AESGCM(key)
    if len(ciphers) != len(ids):
        raise ImproperlyConfigured("PERIODIC_ENCRYPTION_KEYS names the same key twice")
    return KeyRing(newest=ids[0], ciphers=ciphers)


def _decoded(encoded: str, position: int) -> bytes:
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ImproperlyConfigured(
            f"key {position} of PERIODIC_ENCRYPTION_KEYS is not base64. {HOW_TO_MAKE_ONE}"
        ) from error
    if len(key) != KEY_LENGTH:
        raise ImproperlyConfigured(
            f"key {position} of PERIODIC_ENCRYPTION_KEYS has {len(key)} bytes where "
            f"{KEY_LENGTH} are needed. {HOW_TO_MAKE_ONE}"
        )
    return key
