"""Keeps proven webhooks that nothing can be made of, so that somebody sees them, and reads them
again when the element has learned to.

Rule 1: only what is proven is kept: what nobody has signed costs no room.
Rule 2: an instance has MAX_KEPT of them and MAX_KEPT_BYTES at most; the latest stay.
Rule 3: a proof is not kept, nor any header but those that the element reads.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

from django.db import connection
from django.utils.datastructures import CaseInsensitiveMapping

from elements.webhooks import Webhook
from events.models import RefusedWebhook
from events.receiver_body import Sent

MAX_KEPT = 100  # of an instance
MAX_KEPT_BYTES = 1_000_000  # of their bodies together
MAX_BODY = 250_000  # bytes; of a larger one only its size is kept
MAX_REASON = 1_000  # characters
MAX_HEADER = 1_000  # characters of each that is kept
MAX_MEDIA_TYPE = 100  # characters

KEEP = """
INSERT INTO events_refusedwebhook AS kept (instance_id, digest, reason, media_type, headers, size,
                                           body, times, created_at, last_received_at)
VALUES (%(instance)s, %(digest)s, %(reason)s, %(media_type)s, %(headers)s::jsonb, %(size)s,
        %(body)s, 1, %(now)s, %(now)s)
ON CONFLICT (instance_id, digest) DO UPDATE
   SET times = kept.times + 1, reason = excluded.reason, headers = excluded.headers,
       last_received_at = excluded.last_received_at
"""
REMOVE_BEYOND = """
DELETE FROM events_refusedwebhook WHERE id IN (
    SELECT id FROM (
        SELECT id, row_number() OVER latest AS place, sum(octet_length(body)) OVER latest AS bytes
          FROM events_refusedwebhook WHERE instance_id = %(instance)s
        WINDOW latest AS (ORDER BY last_received_at DESC, id DESC)
    ) AS kept
     WHERE place > %(most)s OR bytes > %(most_bytes)s
)
"""


def keep(instance_id: int, webhook: Webhook, sent: Sent, reason: str, now: datetime) -> None:
    """Keep a proven webhook; the same sent again is counted on its row.

    Must be called in a transaction that keeps the instance from being deleted.
    """
    kind = sent.media_type[:MAX_MEDIA_TYPE]
    size = len(sent.signed)
    with connection.cursor() as cursor:
        cursor.execute(
            KEEP,
            {
                "instance": instance_id,
                "digest": sha256(kind.encode() + b"\0" + sent.signed).hexdigest(),
                "reason": _text(reason)[:MAX_REASON],
                "media_type": _text(kind),
                "headers": json.dumps(_headers(webhook, sent.headers)),
                "size": size,
                "body": sent.signed if size <= MAX_BODY else b"",
                "now": now,
            },
        )
        cursor.execute(
            REMOVE_BEYOND,
            {"instance": instance_id, "most": MAX_KEPT, "most_bytes": MAX_KEPT_BYTES},
        )


def sent_of(row: RefusedWebhook) -> Sent | None:
    """Return a kept webhook as it was sent; None where it was too large to be kept whole."""
    body = bytes(row.body)
    if len(body) != row.size:
        return None
    return Sent(body, row.media_type, CaseInsensitiveMapping(row.headers))


def _headers(webhook: Webhook, headers: Mapping[str, str]) -> dict[str, str]:
    """Return those that say something of the webhook, by the names that the element has."""
    places = (
        webhook.object_type,
        webhook.object_id,
        webhook.event_type,
        webhook.date,
        webhook.delivery_id,
    )
    names = {place.removeprefix("header:") for place in places if place.startswith("header:")}
    names.update(webhook.read_headers, re.findall(r"\{header:([^{}]*)\}", webhook.signature.signed))
    proof = webhook.signature.header.lower()
    return {
        name: _text(headers[name])[:MAX_HEADER]
        for name in sorted(names)
        if name in headers and name.lower() != proof
    }


def _text(value: str) -> str:
    """Return what PostgreSQL can hold of it."""
    return value.replace("\0", "�").encode("utf-8", "replace").decode()
