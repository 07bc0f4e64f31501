"""The one way to make, change and delete a private element.

Rule 1: a definition is stored as it is written anew from what was read (`definition.to_json`), so
that nothing that nobody understood is kept.
Rule 2: whoever changes one locks its row first, and counts its version up.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterator
from dataclasses import replace as with_changes
from itertools import count
from typing import Any

import structlog
from django.db import IntegrityError, connection, transaction
from django.dispatch import Signal

from elements import audited, built_in, catalogue, definition, private
from elements.definition import secrets
from elements.definition.reading import Part
from elements.errors import (
    ConfigurationError,
    ElementConflict,
    ElementNotFound,
    ElementReadOnly,
)
from elements.models import PrivateElement
from elements.origin import origins
from elements.signals import element_deleting, element_redirecting
from elements.types import Element

log = structlog.get_logger(__name__)

MOST_ELEMENTS = 500  # of one organization
LARGEST_DEFINITION = 2_000_000  # characters
LARGEST_TOGETHER = 20_000_000  # characters of an organization's definitions, as they are stored


def create(organization_id: int, given: object, *, account_id: int | None = None) -> Element:
    """A new element of the account (None: of the organization) from a definition (hostile JSON).

    Raises ConfigurationError naming the path, and ElementConflict for a key that is taken.
    """
    key = definition.key_of(given)
    if catalogue.is_built_in(key):
        raise ElementConflict(f"key: {key} is the key of an element that everybody has")
    given = secrets.unmasked(given, {})
    read = definition.element(
        given,
        id=0,
        key=key,
        active=Part.of(given).flag("active", default=True),
        organization_id=organization_id,
    )
    rows = PrivateElement.objects.filter(organization_id=organization_id)
    if rows.count() >= MOST_ELEMENTS:
        raise ElementConflict(f"an organization has at most {MOST_ELEMENTS} elements of its own")
    _require_zone(read)
    row = PrivateElement(
        organization_id=organization_id,
        account_id=account_id,
        key=key,
        definition=_text(read),
        active=read.active,
    )
    try:
        with transaction.atomic():
            row.save()
            _require_room(organization_id)
    except IntegrityError as error:
        raise ElementConflict(f"key: there is an element with the key {key} already") from error
    private.forget_found()
    log.info("element created", element=key, organization=organization_id)
    return private.element_of(row)


def replace(
    organization_id: int, key_or_id: str, given: object, *, account_id: int | None = None
) -> Element:
    """Gives an element another definition; its key stays. A masked secret stays as it was.

    `account_id` here and below: of the account alone that asks; None of any.

    Raises ElementNotFound, ElementReadOnly, and ConfigurationError naming the path.
    """

    def changed(before: Element) -> Element:
        wanted = Part.of(given)
        if wanted.text("key", default=before.key) not in {"", before.key}:
            wanted.refuse("key", f"must stay {before.key}: instances are found by it")
        return definition.element(
            secrets.unmasked(given, _defaults(before)),
            id=before.id,
            key=before.key,
            active=wanted.flag("active", default=before.active),
            organization_id=organization_id,
        )

    return _change(
        organization_id, account_id, key_or_id, changed, secrets.keys_given(given), whole=True
    )


def activate(
    organization_id: int, key_or_id: str, *, active: bool, account_id: int | None = None
) -> Element:
    """Raises ElementNotFound and ElementReadOnly."""

    def changed(before: Element) -> Element:
        return with_changes(before, active=active)

    return _change(organization_id, account_id, key_or_id, changed)


def configure(
    organization_id: int,
    key_or_id: str,
    edit: Callable[[list[dict[str, Any]]], None],
    *,
    account_id: int | None = None,
) -> Element:
    """Lets `edit` change the entries of the element's configuration, in place.

    Raises what `edit` raises, ElementNotFound, ElementReadOnly and ConfigurationError.
    """

    def changed(before: Element) -> Element:
        written = definition.to_json(before)
        edit(written["configuration"])
        return definition.element(
            secrets.unmasked(written, _defaults(before)),
            id=before.id,
            key=before.key,
            active=before.active,
            organization_id=organization_id,
        )

    return _change(organization_id, account_id, key_or_id, changed)


def remove(organization_id: int, key_or_id: str, *, account_id: int | None = None) -> None:
    """Raises ElementNotFound, ElementReadOnly, and ElementConflict while instances need it."""
    with transaction.atomic():
        row = _locked(organization_id, account_id, key_or_id, with_key=True)
        element = private.readable(row)
        if instances := _instances(element_deleting, element):
            raise ElementConflict(f"{element.key} has {instances}: delete them first")
        row.delete()
    private.forget_found()
    log.info("element deleted", element=row.key, organization=organization_id)


def share(organization_id: int, key_or_id: str, account_id: int) -> None:
    """Let another account use an element; the account that made it does anyway.

    Raises ElementNotFound and ElementReadOnly.
    """
    with transaction.atomic():
        row = _locked(organization_id, None, key_or_id)
        if account_id != row.account_id and not _is_shared(row, account_id):
            row.shared_with.add(account_id)
            audited.shared(row, account_id, shared=True)
    private.forget_found()


def unshare(organization_id: int, key_or_id: str, account_id: int) -> None:
    """Undo `share`. What the account has connected by the element goes on.

    Raises ElementNotFound and ElementReadOnly.
    """
    with transaction.atomic():
        row = _locked(organization_id, None, key_or_id)
        if _is_shared(row, account_id):
            row.shared_with.remove(account_id)
            audited.shared(row, account_id, shared=False)
    private.forget_found()


def _is_shared(row: PrivateElement, account_id: int) -> bool:
    return row.shared_with.filter(pk=account_id).exists()


def shared_with(organization_id: int, key_or_id: str) -> list[int]:
    """Return the ids of the accounts that an element is shared with, in ascending order.

    Raises ElementNotFound. An element that everybody has is shared with nobody.
    """
    found = private.row_of(key_or_id, organization_id)
    if found is None:
        catalogue.find(key_or_id)
        return []
    rows = PrivateElement.shared_with.through.objects.filter(privateelement=found[0])
    return list(rows.order_by("account").values_list("account", flat=True))


def clone(
    organization_id: int, original: Element, given: object, *, account_id: int | None = None
) -> Element:
    """A copy of an element, without its secrets, under a name and a key of its own.

    `given` may have `name` and `key`. Raises ConfigurationError and ElementConflict.
    """
    wanted = Part.of(given)
    _require_readable(original)
    name = wanted.text("name", longest=200) or f"{original.name[:190]} clone"
    copy = {**exported(original, own_only=True), "name": name, "active": True}
    copy["key"] = wanted.text("key", longest=100) or _free_key(organization_id, original.key)
    return create(organization_id, copy, account_id=account_id)


def exported(element: Element, *, own_only: bool = False) -> dict[str, Any]:
    """The definition as it is handed on: without secrets. Raises ElementConflict where there is
    none that can be read."""
    _require_readable(element)
    return secrets.blanked(definition.to_json(element, own_only=own_only))


# --- The row -------------------------------------------------------------------------------------


def _change(
    organization_id: int,
    account_id: int | None,
    key_or_id: str,
    changed: Callable[[Element], Element],
    given: Container[str] = (),
    *,
    whole: bool = False,
) -> Element:
    """`given` are the keys of the configuration whose defaults the request says in clear; `whole`:
    nothing of the definition so far is taken over, so that one that cannot be read may go."""
    with transaction.atomic():
        row = _locked(organization_id, account_id, key_or_id)
        before = private.readable(row)
        if not whole:
            _require_readable(before)
        after = changed(before)
        _require_zone(after)
        _refuse_unveiling(before, after)
        _refuse_redirecting(before, after, given)
        text = _text(after)
        grows = bool(before.fault) or len(text) > len(row.definition)
        row.definition = text
        row.active = after.active
        row.version += 1
        row.save()
        if grows:
            _require_room(organization_id)
    private.forget_found()
    log.info("element changed", element=row.key, organization=organization_id)
    return private.element_of(row)


def _require_readable(element: Element) -> None:
    if element.fault:
        raise ElementConflict(f"{element.fault}. Replace it, or delete it")


def _refuse_unveiling(before: Element, after: Element) -> None:
    """Raises ConfigurationError where an entry would show the secret that it has held so far."""
    secret = {field.key: field.default for field in before.configuration if field.secret}
    for field in after.configuration:
        if field.default and not field.secret and secret.get(field.key) == field.default:
            raise ConfigurationError(
                f"configuration.{field.key}.type",
                "must stay PASSWORD: the default is a secret. Give another one with the type",
            )


def _refuse_redirecting(before: Element, after: Element, given: Container[str]) -> None:
    """Keeps secrets from being sent to others than those they were given for.

    Raises ElementConflict while there are instances, and ConfigurationError where the element has
    a secret itself that was not given again.
    """
    if origins(after) <= origins(before):
        return
    if instances := _instances(element_redirecting, before):
        raise ElementConflict(
            f"{before.key} has {instances}, whose secrets would be sent to another address: "
            "clone it, and change the clone"
        )
    secret = {field.key: field.default for field in before.configuration if field.secret}
    for field in after.configuration:
        if field.default and field.key not in given and secret.get(field.key) == field.default:
            raise ConfigurationError(
                f"configuration.{field.key}.defaultValue",
                "is a secret that would be sent to another address: give it again, or none",
            )


def _instances(asked: Signal, element: Element) -> str:
    """How many instances need the element, in words; empty for none."""
    answers = asked.send(sender=PrivateElement, element=element)
    needed = sum(int(found or 0) for _, found in answers)
    return "" if not needed else "1 instance" if needed == 1 else f"{needed} instances"


def _locked(
    organization_id: int, account_id: int | None, key_or_id: str, *, with_key: bool = False
) -> PrivateElement:
    """The row, locked; `with_key` also against instances that are just being made of it."""
    found = private.row_of(key_or_id, organization_id, account_id)
    if found is None:
        raise ElementReadOnly(catalogue.find(key_or_id).name)
    rows = PrivateElement.objects.select_for_update(no_key=not with_key)
    row = rows.filter(pk=found[0]).first()
    if row is None:
        raise ElementNotFound(key_or_id)
    if account_id is not None and row.account_id != account_id:
        raise ElementReadOnly(row.key, shared=True)
    return row


def _require_zone(element: Element) -> None:
    """Raises ConfigurationError for the zone of a quota's day that PostgreSQL, which counts the
    days, doesn't know: its table may be older than Python's."""
    zone = element.quota.day_zone if element.quota is not None else "UTC"
    if element.extends or zone == "UTC":
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_timezone_names WHERE name = %s", [zone])
        if cursor.fetchone() is None:
            raise ConfigurationError("quota.dayZone", f"{zone} is not known to the database")


def _require_room(organization_id: int) -> None:
    """Raises ElementConflict where the organization's definitions, the new one among them, are too
    large together. Two at the same time may both find room.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(octet_length(definition)), 0) FROM elements_privateelement"
            " WHERE organization_id = %s",
            [organization_id],
        )
        taken = int(cursor.fetchone()[0])
    if taken > LARGEST_TOGETHER:
        raise ElementConflict(
            f"the definitions of an organization's elements take at most {LARGEST_TOGETHER} "
            f"characters together, as they are stored; with this one they take {taken}"
        )


def _text(element: Element) -> str:
    text = json.dumps(definition.to_json(element, own_only=True), separators=(",", ":"))
    if len(text) > LARGEST_DEFINITION:
        raise ConfigurationError(
            "the body",
            f"is a definition of {len(text)} characters; {LARGEST_DEFINITION} are allowed",
        )
    return text


def _defaults(element: Element) -> dict[str, str]:
    return {
        field.key: field.default for field in element.configuration if field.default is not None
    }


def _free_key(organization_id: int, key: str) -> str:
    """The key with -clone behind it, and a number where that is taken."""
    rows = PrivateElement.objects.filter(organization_id=organization_id)
    taken = {*rows.values_list("key", flat=True), *built_in.elements()}
    return next(one for one in _clone_keys(key[:80]) if one not in taken)


def _clone_keys(key: str) -> Iterator[str]:
    yield f"{key}-clone"
    for number in count(2):
        yield f"{key}-clone-{number}"
