"""Signs a notification, in the two ways that receivers check; docs/receiving-events.md has samples.

`Elements-Webhook-Signature` is `sha256=` and base64(HMAC-SHA256(signature key, body)).

Standard Webhooks 1.0.0 (`webhook-id`, `webhook-timestamp`, `webhook-signature`) uses the same
signature key, so that one secret is enough: the bytes that are signed with are the key's UTF-8
bytes, and what its libraries are given is `whsec_` + base64 of them. A signature key that is
itself written `whsec_` + base64 is given to them as it stands.

A key that was replaced signs beside the new one for a while: `webhook-signature` then holds a
signature of each, separated by blanks, as the specification has it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from instances.whsec import WHSEC


@dataclass(frozen=True, slots=True)
class RetiredKey:
    """A replaced key that still signs; one that `leads` makes Elements-Webhook-Signature."""

    key: str = field(repr=False)
    until: datetime
    leads: bool


def headers(
    key: str,
    webhook_id: str,
    body: bytes,
    sent_at: datetime,
    retired: Sequence[RetiredKey] = (),
) -> dict[str, str]:
    """The headers of one attempt. An empty key leaves the signatures out."""
    timestamp = str(int(sent_at.timestamp()))
    named = {
        "Elements-Webhook-Id": webhook_id,
        "webhook-id": webhook_id,
        "webhook-timestamp": timestamp,
    }
    if not key:
        return named
    living = [one for one in retired if one.until > sent_at] if retired else []
    leading = next((one.key for one in living if one.leads), key)
    named["Elements-Webhook-Signature"] = elements_signature(leading, body)
    named["webhook-signature"] = " ".join(
        standard_signature(one, webhook_id, timestamp, body)
        for one in (key, *(one.key for one in living))
    )
    return named


def elements_signature(key: str, body: bytes) -> str:
    return f"sha256={_hmac_sha256(key.encode(), body)}"


def standard_signature(key: str, webhook_id: str, timestamp: str, body: bytes) -> str:
    """Version 1 of the Standard Webhooks scheme: `v1,` + base64 HMAC of `id.timestamp.body`."""
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    return f"v1,{_hmac_sha256(standard_key(key), signed)}"


def standard_key(key: str) -> bytes:
    """The bytes that a Standard Webhooks library signs with, given this signature key."""
    encoded = key.removeprefix(WHSEC)
    if encoded and encoded != key:
        try:
            return base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            pass
    return key.encode()


def _hmac_sha256(key: bytes, text: bytes) -> str:
    return base64.b64encode(hmac.digest(key, text, hashlib.sha256)).decode()
