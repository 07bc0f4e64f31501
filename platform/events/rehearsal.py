"""A test of a URL that is to become a callback: one real, signed attempt, of which nothing is kept.

What a form asks for before there is an instance. Its body is that of a test (events.trial), from
an instance with the id 0. One at a time for an organization: a receiver that never answers holds
one thread of the web server, not all of them.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from asgiref.sync import async_to_sync
from django.db import connection

from api.errors import TooManyRequests
from events import attempt, payload, signature
from events.outcome import Answer
from events.payload import Source
from events.record import TEST
from transport import waiting

WITHIN = 5.0  # seconds: a thread of the web server waits, and there are few
# By PostgreSQL's clock. A lease is taken over once it has ended: its holder's process has, too.
TAKE = """
INSERT INTO events_urlchecklease AS lease (organization_id, lease_until)
VALUES (%s, clock_timestamp() + %s * interval '1 second')
ON CONFLICT (organization_id) DO UPDATE SET lease_until = EXCLUDED.lease_until
 WHERE lease.lease_until < clock_timestamp()
RETURNING lease_until
"""
RELEASE = """
DELETE FROM events_urlchecklease WHERE organization_id = %s AND lease_until = %s
"""
LEASE = 3 * WITHIN  # seconds


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
    judges it again. Raises TooManyRequests while another of the organization runs."""
    body = payload.of_test(source, 0, TEST, now).encode()
    webhook_id = f"msg_{secrets.token_hex(16)}"
    headers = signature.headers(receiver.signature_key, webhook_id, body, now)
    waiting.begin()
    with _alone(source.organization_id):
        began = time.monotonic()
        answer = async_to_sync(_send)(receiver, body, headers)
        return Rehearsal(answer, round((time.monotonic() - began) * 1000))


@contextmanager
def _alone(organization_id: int) -> Generator[None]:
    """A lease in a row: no session or transaction is held meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE, [organization_id, LEASE])
        lease = cursor.fetchone()
    if lease is None:
        raise TooManyRequests("another test is still waiting for its answer", wait=int(WITHIN))
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(RELEASE, [organization_id, lease[0]])


async def _send(receiver: Receiver, body: bytes, headers: dict[str, str]) -> Answer:
    own = dict(receiver.headers)
    async with attempt.open_sessions() as sessions:
        return await attempt.send(sessions, receiver.url, body, headers, own, WITHIN)
