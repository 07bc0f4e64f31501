"""Whether a delivery's signatures verify, and if not, why: both schemes, as a receiver would.

docs/receiving-events.md says how they are made; events.signature makes them.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from events.signature import elements_signature, standard_signature

ELEMENTS = "Elements-Webhook-Signature"
STANDARD = "webhook-signature"
TOLERANCE = (
    300  # seconds between the timestamp and our clock, as Standard Webhooks libraries have it
)

MISSING = "the header is missing"
OTHER = "it was made with another key, or of another body"


@dataclass(frozen=True, slots=True)
class Check:
    """The verdict on one signature. `verifies` is None where there is nothing to check it with."""

    scheme: str  # the header's name
    verifies: bool | None
    why: str = ""  # where it doesn't

    def shown(self) -> dict[str, Any]:
        return asdict(self)


def unknown(why: str) -> list[Check]:
    """Neither can be verified."""
    return [Check(ELEMENTS, None, why), Check(STANDARD, None, why)]


def checks_of(
    keys: Sequence[str], headers: Mapping[str, str], body: bytes, now: datetime
) -> list[Check]:
    """The verdicts on both. `keys` are those that may have signed; `headers` take any case."""
    return [
        Check(ELEMENTS, not (why := _elements(keys, headers, body)), why),
        Check(STANDARD, not (why := _standard(keys, headers, body, now)), why),
    ]


def _elements(keys: Sequence[str], headers: Mapping[str, str], body: bytes) -> str:
    """Why it doesn't verify; empty where it does."""
    given = headers.get(ELEMENTS, "")
    if not given:
        return MISSING
    return _any([given], keys, lambda key: elements_signature(key, body))


def _standard(keys: Sequence[str], headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    given = headers.get(STANDARD, "").split()
    webhook_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not given:
        return MISSING
    for name, value in (("webhook-id", webhook_id), ("webhook-timestamp", timestamp)):
        if not value:
            return f"the header {name} is missing"
    why = _any(given, keys, lambda key: standard_signature(key, webhook_id, timestamp, body))
    return why or _late(timestamp, now)


def _any(given: Sequence[str], keys: Sequence[str], sign: Callable[[str], str]) -> str:
    found = False
    for key in keys:
        wanted = sign(key).encode()
        for one in given:
            found |= hmac.compare_digest(wanted, one.encode("utf-8", "replace"))
    return "" if found else OTHER


def _late(timestamp: str, now: datetime) -> str:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 12):
        return "webhook-timestamp is not a number of seconds"
    off = round(now.timestamp() - int(timestamp))
    if abs(off) <= TOLERANCE:
        return ""
    direction = "old" if off > 0 else "ahead"
    return f"its timestamp is {abs(off)} seconds {direction}; receivers allow {TOLERANCE}"
