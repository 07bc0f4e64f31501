"""What a provider sent, and the changes that it tells of.

It is read leniently: what it holds beyond what an element declares is the provider's matter, and
goes to the customer as it came. Only what would cost too much is refused.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

import ceql
from api.errors import BadRequest, Unprocessable, UnsupportedType
from api.parsers import DEEPEST
from elements.calls import ChangeType, Received, Told
from elements.errors import UnreadableWebhookError
from elements.webhooks import Webhook
from transport.json_text import MAX_VALUES, has_more_values

FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 1_000  # of a form or a query
MOST_RECORDS = 1_000  # of one webhook
MOST_VALUES = 1_000  # that an instance is looked for by
LONGEST_ID = 1_000  # characters
LONGEST_TYPE = 100
LONGEST_VALUE = 200
WORDS = {
    "CREATE": ChangeType.CREATED,
    "CREATED": ChangeType.CREATED,
    "UPDATE": ChangeType.UPDATED,
    "UPDATED": ChangeType.UPDATED,
    "DELETE": ChangeType.DELETED,
    "DELETED": ChangeType.DELETED,
}


@dataclass(frozen=True)
class Sent:
    """One webhook. `signed` is the body as it came, of a GET its query; `headers` as Django's."""

    signed: bytes
    media_type: str
    headers: Mapping[str, str]
    _within: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def value(self) -> Any:
        """As JSON; of a form or a query, its fields. Raises BadRequest and UnsupportedType."""
        if self.media_type == FORM:
            return _form(self.signed)
        if self.media_type.startswith("multipart/"):
            raise UnsupportedType("send the webhook as JSON or as a form without files")
        return _json(self.signed)

    @cached_property
    def searched(self) -> Any:
        """`value` as instances are looked for in it: of a form, with the JSON in its fields read.

        Raises BadRequest and UnsupportedType.
        """
        if self.media_type != FORM:
            return self.value
        return {name: _field(value) for name, value in self.value.items()}

    def value_for(self, webhook: Webhook) -> Any:
        """Return what the element reads: `value`, or the JSON in the form's field that it names.

        Raises BadRequest and UnsupportedType.
        """
        name = webhook.form_field
        if self.media_type != FORM or not isinstance(text := self.value.get(name), str):
            return self.value
        if name not in self._within:
            self._within[name] = _json(text.encode(), f"the form's field {name}")
        return self._within[name]

    def at(self, place: str, *values: Any) -> Any:
        """What stands at a place of `elements.types.Webhook`, in the first of `values` that has
        it; None where there is nothing."""
        source, colon, rest = place.partition(":")
        if colon and source == "header":
            return self.headers.get(rest)
        if colon and source == "value":
            return rest
        found = (below(value, place) for value in values)
        return next((one for one in found if one is not None), None)


def below(value: Any, path: str) -> Any:
    """What a path with dots leads to; in a list by its index. None where there is nothing.

    A key that is written with dots itself comes first.
    """
    if isinstance(value, dict) and path in value:
        return value[path]
    for name in path.split("."):
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and name.isascii() and name.isdigit() and len(name) < 6:
            value = value[int(name)] if int(name) < len(value) else None
        else:
            return None
    return value


def text_of(value: Any) -> str:
    """A scalar as text; empty for anything else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if math.isfinite(value) and value.is_integer() else repr(value)
    return str(value) if isinstance(value, str | int) else ""


def scalars(value: Any) -> list[str]:
    """The first short texts and whole numbers that there are, those near the top before others."""
    found: dict[str, None] = {}
    level = [value]
    while level and len(found) < MOST_VALUES:
        deeper: list[Any] = []
        for one in level:
            if isinstance(one, dict | list):
                deeper.extend(one.values() if isinstance(one, dict) else one)
            elif _is_short(text := text_of(one)):
                found[text] = None
        level = deeper
    return list(found)[:MOST_VALUES]


def _is_short(text: str) -> bool:
    """And PostgreSQL can be asked for it."""
    return (
        0 < len(text) <= LONGEST_VALUE
        and "\0" not in text
        and not any("\ud800" <= letter <= "\udfff" for letter in text)
    )


# --- What it tells of ----------------------------------------------------------------------------


def changes(sent: Sent, webhook: Webhook) -> list[Told]:
    """What the webhook tells of; none of what the element says is to be ignored.

    Raises Unprocessable where it is not understood, and BadRequest where it is more, or longer,
    than can be told.
    """
    value = sent.value_for(webhook)
    if webhook.read is not None:
        try:
            return [_checked(one) for one in webhook.read(Received(value, sent.headers))]
        except UnreadableWebhookError as error:
            raise Unprocessable(f"the webhook is not understood: {error}") from error
    records = _records(value, webhook.records)
    if records is None:
        if _change_type(sent, webhook, value, None) is None:
            return []  # a ping has none
        raise Unprocessable(
            f"the webhook is not understood: nothing stands at {webhook.records or 'its body'}"
        )
    if len(records) > MOST_RECORDS:
        raise BadRequest(f"the webhook has {len(records)} records; {MOST_RECORDS} are allowed")
    return list(_told(sent, webhook, value, records))


def _checked(told: Told) -> Told:
    if len(told.object_id) > LONGEST_ID:
        raise _too_long(told.object_id)
    return replace(told, object_type=told.object_type[:LONGEST_TYPE] or "unknown")


def _too_long(object_id: str) -> BadRequest:
    return BadRequest(f"an object id has {len(object_id)} characters; {LONGEST_ID} are allowed")


def _records(value: Any, path: str) -> list[Any] | None:
    found = below(value, path) if path else value
    if found is None:
        return None
    return found if isinstance(found, list) else [found]


def _told(sent: Sent, webhook: Webhook, value: Any, records: list[Any]) -> Iterator[Told]:
    for record in records:
        change_type = _change_type(sent, webhook, value, record)
        if change_type is None:
            continue
        name = text_of(sent.at(webhook.object_type, record, value))
        yield Told(
            object_type=webhook.object_types.get(name, name)[:LONGEST_TYPE] or "unknown",
            object_id=_object_id(sent, webhook, record),
            change_type=change_type,
            date=moment_of(sent.at(webhook.date, record, value)) if webhook.date else None,
        )


def _object_id(sent: Sent, webhook: Webhook, record: Any) -> str:
    """A record that is no object is its own id."""
    here = isinstance(record, dict | list) or ":" in webhook.object_id
    found = text_of(sent.at(webhook.object_id, record) if here else record)
    if len(found) > LONGEST_ID:
        raise _too_long(found)
    return found


def _change_type(sent: Sent, webhook: Webhook, value: Any, record: Any) -> ChangeType | None:
    if not webhook.event_type:
        return ChangeType.UPDATED
    word = text_of(sent.at(webhook.event_type, record, value))
    if word in webhook.event_types:
        return webhook.event_types[word]
    return WORDS.get(word.upper(), ChangeType.UPDATED)


def moment_of(value: Any) -> datetime | None:
    """ISO 8601, or a number since 1970 (ceql.moment_of); None where it is neither."""
    text = text_of(value).strip()[:40]
    if text.isascii() and text.replace(".", "", 1).isdigit():
        counted = ceql.moment_of(Decimal(text))
        return None if counted is None else counted.start
    try:
        found = datetime.fromisoformat(text)
        found = found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return found


# --- Reading it ----------------------------------------------------------------------------------


def _form(raw: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise BadRequest(f"the form is not UTF-8, or has more than {MOST_FIELDS} fields") from error
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in fields.items()}


def _field(value: Any) -> Any:
    """What a field of a form holds where it is JSON; the field itself where it isn't."""
    if isinstance(value, list):
        return [_field(one) for one in value]
    if not value.lstrip().startswith(("[", "{", '"')):
        return value
    try:
        return _json(value.encode())
    except BadRequest:
        return value


def _json(raw: bytes, subject: str = "the body") -> Any:
    if has_more_values(raw, MAX_VALUES):
        raise BadRequest(f"{subject} has more than {MAX_VALUES} values")
    try:
        value = json.loads(raw.decode("utf-8-sig"))
    except RecursionError as error:
        raise BadRequest(f"{subject} is nested deeper than {DEEPEST} levels") from error
    except ValueError as error:
        raise BadRequest(f"{subject} is not JSON in UTF-8: {error}"[:300]) from error
    _check_depth(value, subject)
    return value


def _check_depth(value: Any, subject: str) -> None:
    level, depth = [value], 0
    while level:
        if depth > DEEPEST:
            raise BadRequest(f"{subject} is nested deeper than {DEEPEST} levels")
        level = [
            one
            for item in level
            if isinstance(item, dict | list)
            for one in (item.values() if isinstance(item, dict) else item)
            if isinstance(one, dict | list)
        ]
        depth += 1
