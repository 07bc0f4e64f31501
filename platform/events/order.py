"""Keeps the events of each object in their order, for instances that ask for it.

A delivery to an ordered subscription has `object_keys`, one for each object that its event tells
of; any other has none, and nothing here costs it anything.

Rule 1: a delivery is `waiting` while an earlier one of its subscription that shares an object has
not arrived, whether that is due, tried again, waiting itself, or queued. A claim doesn't see it.
Rule 2: what arrives, or is given up, lets go on, in the same transaction, what waited for it
alone. Earlier means a lower id, so nothing waits for what waits for it.
Rule 3: who changes this has the subscription locked: recording events FOR SHARE and in turn with
others who record (`take_turn`), all else so that it excludes them and each other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import connection

from worker import wakeups

TURN = 20_261  # the class of our advisory locks; the object is the subscription

TAKE_TURN = "SELECT pg_advisory_xact_lock(%s, hashint8(%s))"
TRY_TURNS = """
SELECT id FROM unnest(%s::bigint[]) AS wanted(id) WHERE pg_try_advisory_xact_lock(%s, hashint8(id))
"""
# What has not arrived and shares an object with `d`, and is earlier.
EARLIER = """
SELECT 1
  FROM events_delivery b
 WHERE b.subscription_id = d.subscription_id AND b.id < d.id
   AND b.object_keys && d.object_keys
   AND b.status IN ('created', 'retry', 'waiting', 'queued')
"""
HOLD = f"""
UPDATE events_delivery d
   SET status = 'waiting'
 WHERE d.id = ANY(%(ids)s) AND d.status = 'created' AND d.object_keys IS NOT NULL
   AND EXISTS ({EARLIER})
"""  # noqa: S608 - of constants
# Only the first of each object that is left can be let go on. The sum keeps the planner from
# looking for the lowest id along the primary key.
GO_ON = f"""
WITH object AS (
    SELECT DISTINCT subscription_id, unnest(object_keys) AS key
      FROM events_delivery
     WHERE id = ANY(%(ids)s) AND status IN ('delivered', 'failed') AND object_keys IS NOT NULL
), next AS (
    SELECT DISTINCT (
           SELECT min(b.id + 0)
             FROM events_delivery b
            WHERE b.subscription_id = object.subscription_id
              AND b.object_keys @> ARRAY[object.key]
              AND b.status IN ('created', 'retry', 'waiting', 'queued')) AS id
      FROM object
)
UPDATE events_delivery d
   SET status = 'created', next_attempt_at = %(now)s
  FROM next
 WHERE d.id = next.id AND d.status = 'waiting'
   AND NOT EXISTS ({EARLIER})
RETURNING d.subscription_id
"""  # noqa: S608 - of constants
LET_GO = """
UPDATE events_delivery SET status = 'created', next_attempt_at = %s
 WHERE subscription_id = %s AND object_keys IS NOT NULL AND status = 'waiting'
"""


def take_turn(subscription_id: int) -> None:
    """Waits until nobody else records events for it, and keeps it so in this transaction."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE_TURN, [TURN, subscription_id])


def try_turns(subscription_ids: Sequence[int]) -> set[int]:
    """As `take_turn`, of those for whom nobody else records just now; which these are."""
    with connection.cursor() as cursor:
        cursor.execute(TRY_TURNS, [list(subscription_ids), TURN])
        return {id_ for (id_,) in cursor.fetchall()}


def keys_of(subscription_id: int, object_ids: Iterable[str]) -> list[int]:
    """What deliveries are compared by: short, and another for each subscription.

    Of two objects in many billions that are alike the events wait for each other: no harm.
    """
    return sorted({_key(f"{subscription_id} {object_id}") for object_id in object_ids})


def _key(text: str) -> int:
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


def hold(delivery_ids: Sequence[int]) -> None:
    """Lets those of them wait that are due and have an earlier one to wait for."""
    with connection.cursor() as cursor:
        cursor.execute(HOLD, {"ids": list(delivery_ids)})


def go_on(delivery_ids: Sequence[int], now: datetime) -> None:
    """Makes due what waited for these alone, as far as they have arrived."""
    with connection.cursor() as cursor:
        cursor.execute(GO_ON, {"ids": list(delivery_ids), "now": now})
        subscriptions = [id_ for (id_,) in cursor.fetchall()]
    wakeups.wake(wakeups.DELIVERIES, subscriptions, now)


def let_go(subscription_id: int, now: datetime) -> None:
    """Makes due all that waits: the instance no longer asks for an order."""
    with connection.cursor() as cursor:
        cursor.execute(LET_GO, [now, subscription_id])
    wakeups.wake(wakeups.DELIVERIES, [subscription_id], now)
