"""The customer: a callback receiver on a socket that fails now and then, and what it was told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.end_to_end.line import RESOURCE, SIGNATURE_KEY
from tests.events.receiver import Notification, Receiver, Reply

# (reply, weight): an answer that is lost after the event was taken is the worst of them.
REPLIES: tuple[tuple[Reply, str, int], ...] = (
    (Reply(200), "200", 880),
    (Reply(500), "500", 40),
    (Reply(503, {"Retry-After": "20"}), "503 with Retry-After", 10),
    (Reply(429, {"Retry-After": "90"}), "429 with Retry-After", 10),
    (Reply(302, {"Location": "/elsewhere"}), "302", 10),
    (Reply(cut=True), "taken, and the connection cut", 40),
    (Reply(410), "410", 4),
)
DOWN = (Reply(503), "503", 0)
# What brings up the statements that workers seldom come by: (part of the name, its replies).
RARE: tuple[tuple[str, tuple[Reply, str, int]], ...] = (
    ("events.commit.DEACTIVATE", REPLIES[-1]),
    ("events.subscription.queue_pending", REPLIES[-1]),
    ("events.commit.RELEASE", DOWN),
    ("events.breaker.COUNT", DOWN),
)
WIDESPREAD = 40  # notifications that get such a reply


@dataclass(frozen=True, slots=True)
class Told:
    """One change as an event tells it. `history_id` is None where a deletion has none."""

    address: str
    object_id: str
    type: str
    history_id: int | None
    labels: frozenset[str]


def read(body: str) -> list[Told]:
    """The changes in the body of one event; its instance is named for its mailbox.

    What is told of the instance itself, such as that polling stalled, is no change.
    """
    message = json.loads(body)["message"]
    if "topic" in message:
        return []
    records = message["raw"].get(RESOURCE, [])
    named = [(one["objectId"], one["eventType"]) for one in message["events"]]
    found = [(one["id"], one["changeType"]) for one in records]
    assert found == named, f"raw is {found}, told is {named}"
    return [
        Told(
            message["instanceName"],
            record["id"],
            record["changeType"],
            int(record["historyId"]) if "historyId" in record else None,
            frozenset(record["labelIds"]),
        )
        for record in records
    ]


@dataclass
class Customer:
    """Remembers each notification by its webhook id. What was answered 2xx has `arrived`.

    `heard` says as which request of all it came first, `taken` as which it arrived first. While the
    customer is `down` nothing is taken, nor while it is `failing` now and then.
    """

    dice: random.Random
    receiver: Receiver = field(default_factory=Receiver)
    failing: bool = True
    down: bool = False
    bodies: dict[str, bytes] = field(default_factory=dict)  # digests, by webhook id
    events: dict[str, int] = field(default_factory=dict)  # event ids, by webhook id
    told: dict[str, list[Told]] = field(default_factory=dict)  # by webhook id
    arrived: Counter[str] = field(default_factory=Counter)
    heard: dict[str, int] = field(default_factory=dict)  # by webhook id
    taken: dict[str, int] = field(default_factory=dict)  # by webhook id
    replies: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    _next: list[tuple[Reply, str, int]] = field(default_factory=list)
    _lock: Any = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.receiver.answer = self._hear

    def bring_up(self, statement: str) -> None:
        """Prepares the replies that workers meet the statement for, if it is a rare one."""
        for part, reply in RARE:
            if part in statement:
                self._next = [reply] * WIDESPREAD

    def _hear(self, notification: Notification) -> Reply:
        with self._lock:
            self.receiver.received.clear()  # a long proof has hundreds of megabytes of them
            try:
                self._take(notification)
            except Exception as error:  # noqa: BLE001 - the verdict tells it
                self.faults.append(f"{type(error).__name__}: {error}")
            reply, name, _ = self._reply()
            self.replies[name] += 1
            request = self.replies.total()
            self.heard.setdefault(notification.webhook_id, request)
            if reply.status == 200:
                self.arrived[notification.webhook_id] += 1
                self.taken.setdefault(notification.webhook_id, request)
            return reply

    def _take(self, notification: Notification) -> None:
        id_, body = notification.webhook_id, notification.body
        if not _signed(notification):
            self.faults.append(f"{id_} has a signature that does not verify")
        digest = hashlib.sha256(body).digest()
        if self.bodies.setdefault(id_, digest) != digest:
            self.faults.append(f"{id_} came with two bodies")
        if id_ not in self.told:
            self.told[id_] = read(body.decode())
            self.events[id_] = int(json.loads(body)["message"]["eventId"])

    def _reply(self) -> tuple[Reply, str, int]:
        if self.down:
            return DOWN
        if not self.failing:
            return REPLIES[0]
        if self._next:
            return self._next.pop()
        return self.dice.choices(REPLIES, [weight for _, _, weight in REPLIES])[0]


def _signed(notification: Notification) -> bool:
    key = SIGNATURE_KEY.encode()
    digest = base64.b64encode(hmac.new(key, notification.body, hashlib.sha256).digest()).decode()
    return notification.headers["elements-webhook-signature"] == f"sha256={digest}"
