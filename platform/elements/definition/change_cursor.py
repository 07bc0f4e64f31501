"""Reads and writes the `changeCursor` of a listing: how its provider tells what changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from elements.definition import addresses
from elements.definition.reading import Part
from elements.types import EXPIRED_STATUSES, LINK, ChangeCursor, Paging, PagingKind, Resource

MAX_WORDS = 20
LONGEST_KEY = 200  # characters
# By no such error a provider says that it has forgotten a cursor: the account, its right or the
# time is amiss, or the provider.
NEVER_EXPIRED = frozenset({401, 402, 403, 407, 408, 423, 425, 429, 451})
STATUSES = f"must be errors of 400 to 499 but {', '.join(map(str, sorted(NEVER_EXPIRED)))}"


def change_cursor(part: Part, paging: Paging | None) -> ChangeCursor | None:
    """None where nothing is declared. `paging` is the listing's. Raises ConfigurationError."""
    if not part.value:
        return None
    if paging is not None and (paging.kind != PagingKind.CURSOR or paging.next_token_key == LINK):
        part.refuse(
            "nextCursorKey", "needs a nextPageKey within the answer, or paginationType none"
        )
    deleted_key = part.text("deletedKey", longest=LONGEST_KEY)
    deleted_values = part.texts("deletedValues", most=MAX_WORDS)
    if deleted_values and not deleted_key:
        part.refuse("deletedKey", "is missing: where a record has one of deletedValues")
    version_key = part.text("versionKey", longest=LONGEST_KEY)
    reads_records = part.flag("readsRecords")
    if reads_records and not version_key:
        part.refuse(
            "versionKey", "is missing: by it a record that is read is the one that was listed"
        )
    vendor_path = part.text("vendorPath")
    if vendor_path:
        vendor_path = addresses.vendor_path(vendor_path, part.at("vendorPath"))
        if addresses.names_in(vendor_path):
            part.refuse("vendorPath", "must not have parameters: a poll has none to give")
    return ChangeCursor(
        part.text("nextCursorKey", required=True, longest=LONGEST_KEY),
        parameter=part.text("parameter", longest=LONGEST_KEY),
        vendor_path=vendor_path,
        expired_statuses=_statuses(part),
        expired_codes=frozenset(part.texts("expiredCodes", most=MAX_WORDS)),
        deleted_key=deleted_key,
        deleted_values=deleted_values,
        version_key=version_key,
        reads_records=reads_records,
    )


def _statuses(part: Part) -> tuple[int, ...]:
    if not part.has("expiredStatuses"):
        return EXPIRED_STATUSES
    found = []
    for place, value in part.items("expiredStatuses", MAX_WORDS):
        if isinstance(value, bool) or not isinstance(value, int):
            part.refuse(f"expiredStatuses[{place}]", STATUSES)
        if not 400 <= value < 500 or value in NEVER_EXPIRED:
            part.refuse(f"expiredStatuses[{place}]", STATUSES)
        found.append(value)
    return tuple(dict.fromkeys(found))


def require_readable(part: Part, resources: Sequence[Resource]) -> None:
    """Raise ConfigurationError where a listing with a cursor lacks what polls of it need."""
    for resource in resources:
        for operation in resource.operations:
            if operation.change_cursor is not None and operation is not resource.listing:
                part.refuse(
                    "resources",
                    f"say changeCursor of GET {operation.path}, which is not polled: it is for the "
                    f"listing at {resource.root}",
                )
        if resource.change_cursor is None:
            continue
        if resource.reading is None:
            part.refuse(
                "resources",
                f"must have GET {resource.root}/{{id}}: once the cursor of {resource.name} has "
                "expired, what is listed no more is asked for by its id",
            )
        if resource.lists_ids_only:
            part.refuse(
                "objects",
                f"say listsIdsOnly of {resource.name}, which has a changeCursor: declare "
                "readsRecords there",
            )


def change_cursor_json(declared: ChangeCursor) -> dict[str, Any]:
    return {
        "nextCursorKey": declared.next_key,
        "parameter": declared.parameter,
        "vendorPath": declared.vendor_path,
        "expiredStatuses": list(declared.expired_statuses),
        "expiredCodes": sorted(declared.expired_codes),
        "deletedKey": declared.deleted_key,
        "deletedValues": list(declared.deleted_values),
        "versionKey": declared.version_key,
        "readsRecords": declared.reads_records,
    }
