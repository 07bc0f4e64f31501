"""`Idempotency-Key`: a request that is sent twice connects one account, and is answered alike.

1. A key that is new is claimed by a row of its own, before the provider is asked anything.
2. The answer is stored in the transaction that creates the instance: with it, or not at all.
3. A request that fails gives the key back; one whose process died holds it until HELD_FOR is over.

After draft-ietf-httpapi-idempotency-key-header, save that a key that comes with another body is
answered 409.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

from django.db import transaction
from django.utils import timezone
from rest_framework.request import Request

from accounts.models import User
from api.errors import BadRequest, Conflict
from instances.models import ElementInstance, IdempotencyKey

HEADER = "Idempotency-Key"
KEPT_FOR = timedelta(hours=24)
HELD_FOR = timedelta(minutes=2)  # longer than creating an instance may take
LONGEST_KEY = 255  # characters


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to answer a request. Without a key there is nothing to keep."""

    key_id: int | None = None
    holder: uuid.UUID | None = None
    answer: dict[str, Any] | None = None  # of the first request, when there was one

    def keep(self, answer: dict[str, Any]) -> None:
        """Stores the answer. Call it in the transaction that it tells of."""
        if self.key_id is None:
            return
        row = (
            IdempotencyKey.objects.select_for_update()
            .filter(pk=self.key_id, holder=self.holder)
            .first()
        )
        if row is None:
            raise _busy()  # we took longer than HELD_FOR, and somebody else has begun
        row.answer, row.holder = json.dumps(answer), None
        row.save(update_fields=["answer", "holder"])

    def give_back(self) -> None:
        """Frees the key after a failure, for the next try."""
        if self.key_id is not None:
            IdempotencyKey.objects.filter(pk=self.key_id, holder=self.holder).delete()


def claim(user: User, request: Request) -> Claim:
    """Claim the key of a request, or return what the first one of its account was answered.

    Raises BadRequest for an unusable key, Conflict for another request's, for one at work, and for
    one whose instance has been deleted: its answer holds what is no longer so.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return Claim()
    key = key.strip()
    if not key or len(key) > LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise BadRequest(f"{HEADER}: must be 1 to {LONGEST_KEY} printable ASCII characters")
    found = claim_key(user, key, _digest(request))
    if found.answer is not None:
        _require_there(found.answer["id"])
    return found


def _require_there(instance_id: int) -> None:
    if not ElementInstance.objects.filter(pk=instance_id).exists():
        raise Conflict(
            f"{HEADER}: element instance {instance_id}, which was connected with it, has been "
            "deleted; take a new one"
        )


def claim_key(user: User, key: str, digest: str) -> Claim:
    """`digest` is of what is asked for. Raises Conflict as `claim` does."""
    assert user.account_id is not None  # noqa: S101 - of a user of an organization
    now = timezone.now()
    holder = uuid.uuid4()
    IdempotencyKey.objects.filter(account=user.account_id, created_at__lt=now - KEPT_FOR).delete()
    with transaction.atomic():
        row, fresh = IdempotencyKey.objects.select_for_update().get_or_create(
            account_id=user.account_id,
            key=key,
            defaults={
                "request_digest": digest,
                "holder": holder,
                "held_until": now + HELD_FOR,
                "created_at": now,
            },
        )
        if fresh:
            return Claim(row.pk, holder)
        if row.request_digest != digest:
            raise Conflict(f"{HEADER}: was used for another request; take a new one")
        if row.answer:
            return Claim(answer=json.loads(row.answer))
        if row.held_until > now:
            raise _busy()
        row.holder, row.held_until = holder, now + HELD_FOR
        row.save(update_fields=["holder", "held_until"])
    return Claim(row.pk, holder)


def _digest(request: Request) -> str:
    """Of path and body; the order of a JSON object's fields means nothing."""
    body = json.dumps(request.data, sort_keys=True, separators=(",", ":"))
    return sha256(f"{request.path.rstrip('/')}\n{body}".encode()).hexdigest()


def _busy() -> Conflict:
    return Conflict(f"{HEADER}: the first request with it is still at work; try again")
