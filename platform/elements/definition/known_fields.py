"""Which fields a definition has: what stands nowhere here is refused, for it may have been meant.

Rule 1: a field that is read is listed with those that read it; a misspelt one is a 400 that names
it, before an element does without it.
Rule 2: what says nothing of what an element does is listed as HARMLESS: what the API's own answers
add, and what exports of other platforms hold.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from elements.errors import ConfigurationError


def _fields(text: str) -> frozenset[str]:
    return frozenset(text.split())


# By where they stand: a name for each kind of object within a definition.
READ: Mapping[str, frozenset[str]] = {
    "": _fields(
        "name key description image hub active authentication configuration parameters resources "
        "objects webhook guide quota limitCodes extends hooks protocolType defaultTransformations"
    ),
    "authentication": _fields("type header prefix pkce parameters"),
    "configuration": _fields(
        "key name description type defaultValue required hideFromConsole displayOrder choices"
    ),
    "parameters": _fields(
        "name vendorName type vendorType dataType required description converter source"
    ),
    "resources": _fields(
        "method path vendorMethod vendorPath type kind description listing rootKey emptyWhenAbsent "
        "emptyStatuses idField primaryKey paginationType nextPageKey maxPageSize firstPage units "
        "changeCursor parameters hooks nextResource response"
    ),
    "objects": _fields(
        "name path kind description idField aliases listsIdsOnly titleFields fields"
    ),
    "fields": _fields("name type description readOnly required"),
    "guide": _fields("steps url"),
    "quota": _fields("account project dayZone"),
    "webhook": _fields(
        "signature records objectId objectType eventType date deliveryId eventTypes objectTypes "
        "repeatWindow formField"
    ),
    "signature": _fields("header proof encoding prefix signed secretKey"),
    "response": _fields("contentType"),
    "changeCursor": _fields(
        "nextCursorKey parameter vendorPath expiredStatuses expiredCodes deletedKey deletedValues "
        "versionKey readsRecords"
    ),
}
HARMLESS: Mapping[str, frozenset[str]] = {
    "": _fields(
        "id createdDate updatedDate deleted typeOauth trialAccount configDescription "
        "existingAccountDescription signupURL signupUrl hookName elementProvisionType elementType "
        "transformationsEnabled bulkDownloadEnabled bulkUploadEnabled cloneable extendable "
        "extended beta private objectMetadata accountId companyId ownerId "
        "userId logo sampleConfig displayOrder normalizedPaging swaggerValidated"
    ),
    "authentication": _fields("id"),
    "configuration": _fields(
        "id createdDate updatedDate resellerConfig companyConfig active internal groupControl "
        "elementId kind"
    ),
    "parameters": _fields(
        "id createdDate updatedDate resourceId elementId kind displayName defaultValue model "
        "vendorDataType"
    ),
    "resources": _fields(
        "id createdDate updatedDate elementId resourceId ownerAccountId paginationSupported "
        "operationId summary tags nextResourceId model"
    ),
    "objects": _fields("id createdDate updatedDate elementId vendorName displayName type"),
    "fields": _fields("id createdDate updatedDate displayName vendorPath"),
    "response": frozenset(),
    "changeCursor": frozenset(),
    "guide": frozenset(),
    "quota": frozenset(),
    "webhook": frozenset(),
    "signature": frozenset(),
}
WITHIN: Mapping[str, tuple[str, ...]] = {
    "": tuple(name for name in READ if name in READ[""]),
    "webhook": ("signature",),
    "resources": ("parameters", "response", "changeCursor"),
    "objects": ("fields",),
}
MAX_NAME_SHOWN = 100  # characters


def require_known(value: Any, kind: str = "", path: str = "") -> None:
    """Raise ConfigurationError for the first field that a definition does not have.

    `kind` is what the object at `path` is. What is of another JSON type is left to who reads it.
    """
    if not isinstance(value, dict):
        return
    for name in value:
        if name not in READ[kind] and name not in HARMLESS[kind]:
            shown = json.dumps(name)[1:-1][:MAX_NAME_SHOWN] or '""'
            raise ConfigurationError(f"{path}.{shown}" if path else shown, _unknown(name, kind))
    for name in WITHIN.get(kind, ()):
        place = f"{path}.{name}" if path else name
        within = value.get(name)
        if isinstance(within, list):
            for index, entry in enumerate(within):
                require_known(entry, name, f"{place}[{index}]")
        else:
            require_known(within, name, place)


def _unknown(name: str, kind: str) -> str:
    meant = get_close_matches(name[:MAX_NAME_SHOWN], sorted(READ[kind]), n=1)
    hint = f"did you mean {meant[0]}?" if meant else "leave it out"
    return f"is no field of {kind or 'an element'}: {hint}"
