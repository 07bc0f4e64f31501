"""Proof keys for authorization codes (PKCE, RFC 7636)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass


@dataclass(frozen=True)
class Challenge:
    """What PKCE binds a code to (RFC 7636)."""

    value: str
    method: str

    def met_by(self, verifier: str) -> bool:
        """Whether the verifier is the one that the challenge was made from."""
        made = verifier
        if self.method == "S256":
            digest = hashlib.sha256(verifier.encode()).digest()
            made = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        return hmac.compare_digest(made.encode(), self.value.rstrip("=").encode())
