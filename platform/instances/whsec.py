"""Keys in the form of Standard Webhooks 1.0.0: `whsec_` and base64 of 24 to 64 random bytes.

The specification is at https://www.standardwebhooks.com, section "Signature scheme". What only
looks like such a key would be read in one way here and in another by the receiver's library, so
that no signature would ever verify.
"""

from __future__ import annotations

import base64
import binascii

from api.errors import BadRequest

WHSEC = "whsec_"
ASYMMETRIC = ("whsk_", "whpk_")
MIN_SIZE, MAX_SIZE = 24, 64  # bytes


def check(key: str, path: str) -> None:
    """Refuse a signature key that looks like one of Standard Webhooks and is none.

    Any other text is a key, too. Raises BadRequest, which names `path` and hides the key.
    """
    look = key.strip().lower()
    if look.startswith(ASYMMETRIC):
        raise BadRequest(
            f"{path}: keys with whsk_ or whpk_ are of another scheme; give one with whsec_, or a "
            "text of your own"
        )
    if not look.startswith(WHSEC):
        return
    try:
        size = len(base64.b64decode(key.removeprefix(WHSEC), validate=True))
    except (binascii.Error, ValueError):
        size = 0
    if not key.startswith(WHSEC) or not MIN_SIZE <= size <= MAX_SIZE:
        raise BadRequest(
            f"{path}: a key that begins with {WHSEC} must go on with {MIN_SIZE} to {MAX_SIZE} "
            "bytes in standard base64 with its padding, as Standard Webhooks says; other keys must "
            "not begin like that"
        )
