"""Receives what providers tell by themselves, and stores it before they are answered.

Rule 1: nothing is believed that is not proven, with the secret of the very instance. Who cannot
prove it sends to an address of the instance's own, where somebody has asked for one (unsigned).
Rule 2: an instance that nobody has and one of another element are alike to the sender.
Rule 3: what was received, its event and the event's deliveries are one transaction. A redelivery
(receiver_repetition), even at the same time, finds the first one's row, and is answered alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.db import connection, transaction

from api.errors import ApiError, BadRequest, Conflict, NotFound, Unauthorized
from elements import catalogue
from elements.calls import Change, ChangeType, Told
from elements.errors import ElementNotFound
from elements.types import Element
from elements.webhooks import Proof, Signature, Webhook
from encryption.fields import opens
from events import (
    receiver_body,
    receiver_instances,
    receiver_repetition,
    receiver_signature,
    refused,
)
from events.changes import record_changes
from events.models import RefusedWebhook
from events.receiver_body import Sent
from events.record import record_webhook
from instances import configuration, watched_objects
from instances.models import ElementInstance
from watching import notices
from watching.hearing import note_heard, watched_by
from watching.models import InstanceWatch

log = structlog.get_logger(__name__)

WAIT_FOR_LOCKS = "5s"  # then the provider is asked to send it again: 503
# In this order, as whoever deletes an instance does: first what is sent to, then the instance.
HOLD = (
    "SELECT 1 FROM events_subscription WHERE instance_id = ANY(%s) ORDER BY id FOR SHARE",
    "SELECT id FROM instances_elementinstance WHERE id = ANY(%s) ORDER BY id FOR KEY SHARE",
)


@dataclass(frozen=True, slots=True)
class _Receiving:
    """An instance that a webhook may be for, and how its element says to read it."""

    instance: ElementInstance
    webhook: Webhook
    watched: bool  # its element has a watch


def receive(element_key: str, ref: str | None, sent: Sent, now: datetime) -> None:
    """Stores a webhook for each instance that it is for and that wants it.

    0. Where the element's address takes notices, they only make polls due (watching.notices).
    1. An element that everybody has and that receives none is a NotFound that says so.
    2. Instances are found by `ref`, a header or the body; none is a NotFound.
    3. Each has its proof checked; where none holds, Unauthorized.
    4. Those that are off are left out, without a word: the provider would only send it again.
    5. The others have it stored, unless they have it already. Those that understand nothing of it
    have it kept as refused, and where all do, it is refused.

    Raises BadRequest and UnsupportedType for a body that cannot be read, and for a notice what
    `notices.receive` raises.
    """
    taking = notices.notices_at(element_key) if ref is None else None
    if taking is not None:
        authorization = sent.headers.get("Authorization", "")
        notices.receive(*taking, authorization, lambda: sent.value, now)
        return
    _require_webhook(element_key)
    found = receiver_instances.candidates(element_key, ref, sent)
    receiving = [one for one in map(_receiving, found) if one is not None]
    watches = watched_by([one.instance.pk for one in receiving if one.watched])
    proven = [one for one in receiving if _is_proven(one, sent, watches.get(one.instance.pk))]
    if not proven:
        if not receiving:
            receiver_signature.is_proven(Signature("-"), "", {"-": "-"}, sent.signed)
            raise NotFound(f"no element instance of {element_key} receives this webhook"[:300])
        log.warning(
            "webhook refused", element=element_key, instances=[one.instance.pk for one in receiving]
        )
        if any(one.webhook.signature.proof is Proof.NONE for one in receiving):
            raise Unauthorized(
                "nothing unsigned is taken here: the instance may have an address of its own for it"
            )
        raise Unauthorized("the webhook's signature is missing or wrong")
    note_heard([one.instance.pk for one in proven], watches, now)
    _store([one for one in proven if _is_wanted(one.instance)], sent, now)


def receive_unsigned(instance: ElementInstance, sent: Sent, now: datetime) -> None:
    """Store a webhook that came to the instance's own address (events.unsigned), which proves it.

    Without a body and a query it tells nothing: some providers try an address so. Raises NotFound
    for an element whose provider signs, and as `receive` for a body that cannot be read.
    """
    one = _receiving(instance)
    if one is None or one.webhook.signature.proof is not Proof.NONE:
        raise NotFound("nothing takes webhooks at this address")
    if sent.signed and _is_wanted(instance):
        _store([one], sent, now)


def _require_webhook(element_key: str) -> None:
    if not catalogue.is_built_in(element_key):
        return  # who has a private element of that key is nobody's business
    if catalogue.find(element_key).webhook is None:
        raise NotFound(f"{element_key} receives no webhooks: it is polled")


def _receiving(instance: ElementInstance) -> _Receiving | None:
    try:
        element = catalogue.find(instance.element_key, instance.organization_id)
    except ElementNotFound:
        return None
    if element.webhook is None:
        return None
    return _Receiving(instance, element.webhook, element.watch is not None)


def _is_proven(one: _Receiving, sent: Sent, watch: InstanceWatch | None) -> bool:
    """With the secret of the watch, or with one that a person gave to the provider.

    One that cannot be opened proves nothing.
    """
    signature = one.webhook.signature
    given = configuration.without_secrets(one.instance).get(signature.secret_key, "")
    watched = watch is not None and opens(watch, "secret")
    proven = False
    for secret in (given, watch.secret if watch is not None and watched else ""):
        proven |= receiver_signature.is_proven(signature, secret, sent.headers, sent.signed)
    return proven


def _is_wanted(instance: ElementInstance) -> bool:
    return instance.vendor_type == "webhook" and _is_on(instance)


def _is_on(instance: ElementInstance) -> bool:
    return instance.enabled and instance.events_enabled and instance.user.has_access


# --- Storing -------------------------------------------------------------------------------------


def _store(wanted: Sequence[_Receiving], sent: Sent, now: datetime) -> None:
    told, refusals = _read(wanted, sent)
    if refusals:
        _keep_refused([one for one in wanted if one.instance.pk in refusals], sent, refusals, now)
    if not told and refusals:
        raise next(iter(refusals.values()))
    _record([one for one in wanted if one.instance.pk in told], told, sent, now)


def _record(
    telling: Sequence[_Receiving],
    told: Mapping[int, Sequence[Told]],
    sent: Sent,
    now: datetime,
) -> None:
    telling = [one for one in telling if told[one.instance.pk]]
    if not telling:
        return  # a ping
    with transaction.atomic():
        held = _hold([one.instance.pk for one in telling])
        receipts = {
            one.instance.pk: receiver_repetition.receipt(sent, one.webhook, told[one.instance.pk])
            for one in telling
            if one.instance.pk in held
        }
        new = receiver_repetition.not_yet_received(receipts, now)
        for one in telling:
            if one.instance.pk in new:
                record_webhook(
                    one.instance, sent.value_for(one.webhook), told[one.instance.pk], now
                )


def _read(
    wanted: Sequence[_Receiving], sent: Sent
) -> tuple[dict[int, Sequence[Told]], dict[int, ApiError]]:
    """Return what each instance is told of, and why those that understand nothing do not.

    Where one understands it, the provider is not asked to send it again.
    """
    told: dict[int, Sequence[Told]] = {}
    refusals: dict[int, ApiError] = {}
    for one in wanted:
        try:
            told[one.instance.pk] = _of_watched(
                one.instance, receiver_body.changes(sent, one.webhook)
            )
        except ApiError as error:
            log.warning("webhook not understood", instance=one.instance.pk, reason=error.message)
            refusals[one.instance.pk] = error
    return told, refusals


def _keep_refused(
    refusing: Sequence[_Receiving], sent: Sent, reasons: Mapping[int, ApiError], now: datetime
) -> None:
    with transaction.atomic():
        held = _hold([one.instance.pk for one in refusing])
        for one in refusing:
            if one.instance.pk in held:
                refused.keep(
                    one.instance.pk, one.webhook, sent, reasons[one.instance.pk].message, now
                )


def read_again(instance: ElementInstance, refused_id: int, now: datetime) -> None:
    """Make the event of a webhook that was refused, as its element reads it now; its row goes.

    Raises NotFound, Unprocessable and BadRequest as `receiver_body.changes` does, and Conflict
    where the instance takes no webhooks now, or the body was too large to be kept.
    """
    receiving = _receiving(instance)
    if receiving is None or not _is_wanted(instance):
        raise Conflict("the instance takes no webhooks: its events are off, or it is polled")
    with transaction.atomic():
        _hold([instance.pk])
        rows = RefusedWebhook.objects.select_for_update()
        row = rows.filter(instance=instance, pk=refused_id).first()
        if row is None:
            raise NotFound(f"No refused webhook found with id {refused_id}")
        sent = refused.sent_of(row)
        if sent is None:
            raise Conflict(f"its body of {row.size} bytes was too large to be kept")
        told = {instance.pk: receiver_body.changes(sent, receiving.webhook)}
        _record([receiving], told, sent, now)
        row.delete()


def _of_watched(instance: ElementInstance, told: Sequence[Told]) -> Sequence[Told]:
    """Return those of the objects that event.objects names."""
    names = watched_objects.watched(configuration.without_secrets(instance))
    return [one for one in told if watched_objects.is_watched(one.object_type, names)]


def _hold(instance_ids: Sequence[int]) -> set[int]:
    """Keeps the instances from being deleted until the transaction ends; those that are there."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [WAIT_FOR_LOCKS])
        for statement in HOLD:
            cursor.execute(statement, [list(instance_ids)])
        return {int(row[0]) for row in cursor.fetchall()}


# --- Poll events that somebody makes -------------------------------------------------------------


def record_poll(
    instance: ElementInstance, object_type: str, records: Iterable[dict[str, Any]], now: datetime
) -> None:
    """Stores the records as a poll of the resource would that found them.

    A record's `changeType` says what became of it; without one it was updated. What is off is
    passed over. Raises BadRequest naming the record.
    """
    if not _is_on(instance):
        return
    element = configuration.element_of(instance)
    changes = [
        _change(element, object_type, record, f"{object_type}[{place}]")
        for place, record in enumerate(records)
    ]
    with transaction.atomic():
        if not _hold([instance.pk]):
            return
        record_changes(instance, object_type, changes, now)


def _change(element: Element, object_type: str, record: dict[str, Any], at: str) -> Change:
    resource = element.resource(object_type)
    id_field = resource.id_field if resource is not None else "id"
    object_id = receiver_body.text_of(receiver_body.below(record, id_field))
    if not 0 < len(object_id) <= receiver_body.LONGEST_ID:
        raise BadRequest(
            f"{at}.{id_field} must be an id of at most {receiver_body.LONGEST_ID} characters"
        )
    word = record.get("changeType")
    word = "UPDATED" if word is None else word
    if not isinstance(word, str) or word.upper() not in ChangeType.__members__:
        raise BadRequest(f"{at}.changeType must be one of {', '.join(ChangeType)}")
    return Change(object_id, ChangeType[word.upper()], record, fingerprint="")
