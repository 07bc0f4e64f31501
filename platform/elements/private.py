"""Finds the elements that an organization has made for itself.

What a definition says is read once for each of its versions. Which version there is, is asked of
the database every time, but for one time in a web request: a list of many instances asks once.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from typing import Any

import structlog
from cachetools import LRUCache
from django.core.signals import request_finished, request_started
from django.db import connection
from django.db.models import Q, QuerySet

from elements import definition
from elements.built_in import FIRST_PRIVATE_ID
from elements.errors import ConfigurationError, ElementNotFound
from elements.models import PrivateElement
from elements.row_id import row_id
from elements.types import ApiKey, Element, Setting
from encryption.keys import UnsealError

log = structlog.get_logger(__name__)

MOST_READ = 1_000  # definitions kept in memory
LARGEST_READ = 20_000_000  # characters of their JSON; what is read of it takes several times that

# With the size of each, by primary key and version. A small one counts for a MOST_READth.
_read: LRUCache[tuple[int, int], tuple[Element, int]] = LRUCache(
    LARGEST_READ, getsizeof=lambda read: max(read[1], LARGEST_READ // MOST_READ)
)
_reading = threading.Lock()
# Of one web request: (organization, account, key or id) to element.
_found = threading.local()


def all_of(organization_id: int, account_id: int | None = None) -> tuple[Element, ...]:
    """The organization's own elements, by key; with an account those that it may use."""
    rows = usable(organization_id, account_id).order_by("key")
    return tuple(_elements(rows.values_list("pk", "version")))


def usable(organization_id: int, account_id: int | None) -> QuerySet[PrivateElement]:
    """The elements of an account and those that are shared with it; of all accounts (None)."""
    rows = PrivateElement.objects.filter(organization_id=organization_id)
    if account_id is None:
        return rows
    shared = PrivateElement.shared_with.through.objects.filter(account=account_id)
    return rows.filter(Q(account=account_id) | Q(pk__in=shared.values("privateelement")))


def find(key_or_id: str, organization_id: int, account_id: int | None = None) -> Element | None:
    """The organization's own element of that key, or with that id; with an account: if it may use
    it."""
    known: dict[tuple[int, int | None, str], Element] | None = getattr(_found, "elements", None)
    asked = organization_id, account_id, key_or_id
    if known is not None and asked in known:
        return known[asked]
    row = row_of(key_or_id, organization_id, account_id)
    if row is None:
        return None
    found = next(iter(_elements([row])), None)
    if known is not None and found is not None:
        known[asked] = found
    return found


def row_of(
    key_or_id: str, organization_id: int, account_id: int | None = None
) -> tuple[int, int] | None:
    """Primary key and version of the element of that key, or with that id."""
    if "\0" in key_or_id or len(key_or_id) > 100:
        return None
    rows = usable(organization_id, account_id)
    found = rows.filter(key=key_or_id).values_list("pk", "version").first()
    if found is None and (element_id := row_id(key_or_id)) is not None:
        found = rows.filter(pk=element_id - FIRST_PRIVATE_ID).values_list("pk", "version").first()
    return found


def hold(element: Element) -> None:
    """Keeps a private element from being deleted until the transaction ends.

    Raises ElementNotFound when it has been. For a built-in one there is nothing to do.
    """
    if not element.private:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM elements_privateelement WHERE id = %s FOR KEY SHARE",
            [element.id - FIRST_PRIVATE_ID],
        )
        if cursor.fetchone() is None:
            raise ElementNotFound(element.key)


def element_of(row: PrivateElement) -> Element:
    """Raises ConfigurationError or UnsealError where the definition cannot be read any more."""
    return definition.element(
        json.loads(row.definition),
        id=FIRST_PRIVATE_ID + row.pk,
        key=row.key,
        active=row.active,
        organization_id=row.organization_id,
    )


def forget_found() -> None:
    """For whoever changes an element: this request is to see it as it is now."""
    if getattr(_found, "elements", None) is not None:
        _found.elements = {}


def forget_read() -> None:
    """Read every definition again, as a process does that has just started."""
    with _reading:
        _read.clear()


def _elements(versions: Iterable[tuple[int, int]]) -> list[Element]:
    """The elements of these rows in their order, without those that are gone by now."""
    wanted = list(versions)
    with _reading:
        known = {one: _read[one][0] for one in wanted if one in _read}
    missing = [pk for pk, version in wanted if (pk, version) not in known]
    if missing:
        by_pk = {row.pk: row for row in PrivateElement.objects.filter(pk__in=missing)}
        for pk, version in wanted:
            if (pk, version) not in known and pk in by_pk:
                found = known[pk, version] = readable(by_pk[pk])
                if not found.fault:
                    with _reading:
                        _read[pk, version] = found, len(by_pk[pk].definition)
    return [known[one] for one in wanted if one in known]


def readable(row: PrivateElement) -> Element:
    """As `element_of`; where the definition cannot be read, an element that has nothing in it.

    That is so where what it extends is gone, or where its encryption key is not there. Its `fault`
    says which, and instances of it are still shown, changed and deleted.
    """
    try:
        return element_of(row)
    except ConfigurationError as error:
        why = str(error)
    except UnsealError:
        why = "the encryption key that sealed it is not there"
    log.error("private element cannot be used", element=row.key, reason=why)
    fault = f"the definition of the element {row.key} cannot be read: {why}"
    return Element(
        id=FIRST_PRIVATE_ID + row.pk,
        key=row.key,
        name=row.key,
        hub="general",
        description=fault,
        base_url=Setting("", ""),
        authentication=ApiKey(),
        resources=(),
        configuration=(),
        active=False,
        organization_id=row.organization_id,
        fault=fault,
    )


def _begin(**_: Any) -> None:
    _found.elements = {}


def _end(**_: Any) -> None:
    _found.elements = None


request_started.connect(_begin, dispatch_uid="elements.private.begin")
request_finished.connect(_end, dispatch_uid="elements.private.end")
