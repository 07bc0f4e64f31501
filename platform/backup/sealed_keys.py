"""Encryption keys in a backup: sealed with a passphrase, or only recognised by their ids.

The key that seals them is derived with scrypt (RFC 7914), which makes each guess of a passphrase
cost 128 MB and a fifth of a second; the keys are sealed with AES-256-GCM.
"""

from __future__ import annotations

import base64
import json
import os
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from django.conf import settings

from backup.errors import BackupError

COST, BLOCK, LANES = 2**17, 8, 1
SALT_SIZE, NONCE_SIZE = 16, 12  # bytes
CONTEXT = b"periodic backup: encryption keys"
MIN_PASSPHRASE = 12  # characters


def seal_keys(passphrase: str) -> bytes:
    """Return PERIODIC_ENCRYPTION_KEYS sealed, as JSON.

    Raises BackupError for a short passphrase.
    """
    if len(passphrase) < MIN_PASSPHRASE:
        raise BackupError(f"the passphrase must have at least {MIN_PASSPHRASE} characters")
    salt, nonce = os.urandom(SALT_SIZE), os.urandom(NONCE_SIZE)
    text = json.dumps(list(settings.PERIODIC_ENCRYPTION_KEYS)).encode()
    sealed = AESGCM(_derived(passphrase, salt)).encrypt(nonce, text, CONTEXT)
    parts = {"salt": salt, "nonce": nonce, "sealed": sealed}
    body: dict[str, Any] = {name: base64.b64encode(one).decode() for name, one in parts.items()}
    return json.dumps({"kdf": "scrypt", "n": COST, "r": BLOCK, "p": LANES, **body}).encode()


def open_keys(sealed: bytes, passphrase: str) -> list[str]:
    """Return the keys as PERIODIC_ENCRYPTION_KEYS has them. Raises BackupError."""
    try:
        body = json.loads(sealed)
        parts = {name: base64.b64decode(body[name]) for name in ("salt", "nonce", "sealed")}
        key = _derived(passphrase, parts["salt"])
        clear = AESGCM(key).decrypt(parts["nonce"], parts["sealed"], CONTEXT)
    except InvalidTag:
        raise BackupError("the passphrase does not open the keys in the backup") from None
    except (ValueError, KeyError, TypeError) as error:
        raise BackupError("the keys in the backup are damaged") from error
    return [str(one) for one in json.loads(clear)]


def _derived(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=COST, r=BLOCK, p=LANES).derive(passphrase.encode())
