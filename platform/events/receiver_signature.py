"""Whether a webhook is the provider's: its signature or token, compared in constant time."""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterator, Mapping

from elements.webhooks import Encoding, Proof, Signature

MOST_SIGNATURES = 10  # in one header: a provider that changes secrets sends more than one
NO_SECRET = "no secret is known"  # noqa: S105 - what is computed with for nothing
ALGORITHMS = {Proof.HMAC_SHA256: "sha256", Proof.HMAC_SHA1: "sha1"}


def is_proven(signature: Signature, secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Return whether the header holds the proof.

    An empty secret proves nothing, in the same time. Nothing proves what nobody signs.
    """
    if signature.proof is Proof.NONE:
        return False
    wanted = expected(signature, secret or NO_SECRET, signed(signature, headers, body))
    proven = False
    for given in _given(signature, headers.get(signature.header, "")):
        # Each is compared, whatever came of the others.
        proven |= hmac.compare_digest(given, wanted)
    return proven and bool(secret)


def signed(signature: Signature, headers: Mapping[str, str], body: bytes) -> bytes:
    """What the provider has signed: the body, with what the element says around it."""
    before, _, after = signature.signed.partition("{body}")

    def filled(text: str) -> bytes:
        parts = re.split(r"\{header:([^{}]*)\}", text)
        return b"".join(
            headers.get(part, "").encode("latin-1", "replace") if place % 2 else part.encode()
            for place, part in enumerate(parts)
        )

    return filled(before) + body + filled(after)


def expected(signature: Signature, secret: str, content: bytes) -> bytes:
    """What the header must hold after its prefix."""
    key = secret.encode("utf-8", "surrogatepass")
    if signature.proof is Proof.TOKEN:
        return key
    digest = hmac.digest(key, content, ALGORITHMS[signature.proof])
    if signature.encoding is Encoding.BASE64:
        return base64.b64encode(digest)
    return digest.hex().encode()


def _given(signature: Signature, header: str) -> Iterator[bytes]:
    if signature.proof is Proof.TOKEN:
        parts = [header.strip()]
    else:
        parts = re.split(r"[,\s]+", header.strip())[:MOST_SIGNATURES]
    for part in parts:
        if not part.startswith(signature.prefix):
            continue
        given = part[len(signature.prefix) :].strip()
        if signature.proof is not Proof.TOKEN and signature.encoding is Encoding.HEX:
            given = given.lower()
        yield given.encode("latin-1", "replace")  # as WSGI has decoded it (PEP 3333)
