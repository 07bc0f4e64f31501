"""Tells a webhook that was received before from one that only looks like it.

Rule 1: only a proven redelivery is remembered for long: the provider's own id of the delivery, or
the same signed content with a moment in it. Three alike bodies without either are three changes.
Rule 2: providers that send again without such a proof are known to their element, which says within
how many seconds what is alike is one (`Webhook.repeat_window`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from hashlib import sha256

from django.db import connection

from elements.calls import Told
from elements.webhooks import Proof, Webhook
from events import receiver_signature
from events.receiver_body import Sent, moment_of, text_of

# No clock has written an earlier one: a smaller number in a header is not seconds since 1970.
EARLIEST_MOMENT = datetime(2000, 1, 1, tzinfo=UTC)
# An older row of what is alike is as good as none, and is made to be of now.
RECEIVE = """
INSERT INTO events_receivedwebhook AS known (instance_id, digest, received_at)
SELECT instance_id, digest, %(now)s
  FROM unnest(%(instances)s::bigint[], %(digests)s::text[]) AS sent (instance_id, digest)
 ORDER BY instance_id, digest
    ON CONFLICT (instance_id, digest) DO UPDATE SET received_at = excluded.received_at
 WHERE known.received_at <= %(forgotten)s::timestamptz
RETURNING instance_id
"""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a webhook is known by. Each of the digests is SHA-256, in hexadecimal."""

    proven: frozenset[str]  # one that is known already makes it a redelivery
    alike: str = ""  # all that is signed; makes it one within the `window`
    window: timedelta = timedelta()


def receipt(sent: Sent, webhook: Webhook, told: Sequence[Told]) -> Receipt:
    """Return what tells the webhook from others. `told` is what it tells of.

    An id in a header that nobody has signed does not make old content new: where a moment in the
    content proves it to be the same, that is remembered beside the id.
    """
    found: set[str] = set()
    if webhook.delivery_id:
        delivery_id = text_of(sent.at(webhook.delivery_id, sent.value_for(webhook)))
        if delivery_id:
            found.add(_digest("id", delivery_id.encode("utf-8", "replace")))
        if delivery_id and not _is_forgeable(webhook):
            return Receipt(frozenset(found))
    content = receiver_signature.signed(webhook.signature, sent.headers, sent.signed)
    signed = _digest("signed", content)
    if _has_signed_moment(sent, webhook, told):
        return Receipt(frozenset({*found, signed}))
    if webhook.repeat_window:
        return Receipt(frozenset(found), signed, timedelta(seconds=webhook.repeat_window))
    return Receipt(frozenset(found))


def not_yet_received(receipts: Mapping[int, Receipt], now: datetime) -> set[int]:
    """Remember the receipts, by instance, and return the instances that had none of theirs.

    Must be called in the transaction that stores what was received: of the same at the same time
    one waits here for the other.
    """
    proven = {pk: receipt.proven for pk, receipt in receipts.items()}
    new = _remember(proven, now, None)
    for window in sorted({one.window for one in receipts.values() if one.alike}):
        alike = {
            pk: frozenset({one.alike})
            for pk, one in receipts.items()
            if one.alike and one.window == window and pk in new
        }
        new -= alike.keys() - _remember(alike, now, now - window)
    return new


def _remember(
    digests: Mapping[int, frozenset[str]], now: datetime, forgotten: datetime | None
) -> set[int]:
    """Store the digests, and return the instances that knew none of theirs after `forgotten`."""
    pairs = [(pk, digest) for pk, several in digests.items() for digest in several]
    if not pairs:
        return set(digests)
    with connection.cursor() as cursor:
        cursor.execute(
            RECEIVE,
            {
                "instances": [pk for pk, _ in pairs],
                "digests": [digest for _, digest in pairs],
                "now": now,
                "forgotten": forgotten,
            },
        )
        unknown = Counter(int(row[0]) for row in cursor.fetchall())
    return {pk for pk, several in digests.items() if unknown[pk] == len(several)}


def _digest(kind: str, content: bytes) -> str:
    return sha256(kind.encode() + b"\0" + content).hexdigest()


def _is_forgeable(webhook: Webhook) -> bool:
    """Return whether the delivery's id stands in a header beside what is signed.

    With a token, or without a proof, nothing is signed: anyone with the token or the address sends
    what they please.
    """
    unsigned = webhook.signature.proof in {Proof.TOKEN, Proof.NONE}
    if unsigned or not webhook.delivery_id.startswith("header:"):
        return False
    return f"{{{webhook.delivery_id}}}".lower() not in webhook.signature.signed.lower()


def _has_signed_moment(sent: Sent, webhook: Webhook, told: Sequence[Told]) -> bool:
    """Return whether the content says when it was sent, or when each change happened."""
    headers = re.findall(r"\{header:([^{}]*)\}", webhook.signature.signed)
    if any(_is_exact(moment_of(sent.headers.get(name))) for name in headers):
        return True
    if ":" in webhook.date:  # a header, or always the same
        return False
    return bool(told) and all(_is_exact(one.date) for one in told)


def _is_exact(moment: datetime | None) -> bool:
    """Return whether it is more than a day: alike changes of one day are several."""
    return moment is not None and moment >= EARLIEST_MOMENT and moment.time() != time()
