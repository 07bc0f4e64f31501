"""A test of a URL that is to become a callback: one real, signed attempt, of which nothing is kept.

What a form asks for before there is an instance. Its body is that of a test (events.trial), from
an instance with the id 0.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from asgiref.sync import async_to_sync

from events import attempt, payload, signature
from events.outcome import Answer
from events.payload import Source
from events.record import TEST

WITHIN = 5.0  # seconds: a thread of the web server waits, and there are few


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where a test goes; `headers` are the customer's own."""

    url: str
    signature_key: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What came of it."""

    answer: Answer
    duration_ms: int


def rehearse(source: Source, receiver: Receiver, now: datetime) -> Rehearsal:
    """Sends one test. The URL must be one that notifications may be sent to: the address guard
    judges it again."""
    body = payload.of_test(source, 0, TEST, now).encode()
    webhook_id = f"msg_{secrets.token_hex(16)}"
    headers = signature.headers(receiver.signature_key, webhook_id, body, now)
    began = time.monotonic()
    answer = async_to_sync(_send)(receiver, body, headers)
    return Rehearsal(answer, round((time.monotonic() - began) * 1000))


async def _send(receiver: Receiver, body: bytes, headers: dict[str, str]) -> Answer:
    own = dict(receiver.headers)
    async with attempt.open_sessions() as sessions:
        return await attempt.send(sessions, receiver.url, body, headers, own, WITHIN)
