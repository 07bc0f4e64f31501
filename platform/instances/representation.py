"""How an instance looks from outside."""

from __future__ import annotations

from typing import Any

from api.timestamp import timestamp
from elements.presentation import configuration_id, element_body
from elements.types import Element
from instances import configuration as keys
from instances.models import ElementInstance

NO_LISTS: dict[str, list[Any]] = {"parameters": [], "resources": [], "hooks": [], "objects": []}


def instance_json(instance: ElementInstance, *, hydrate: bool = True) -> dict[str, Any]:
    """The instance as the API answers it, secrets masked; lighter without `hydrate`.

    Reads `user` and `credential` of the row.
    """
    element = keys.element_of(instance)
    configuration = keys.masked(instance)
    user = instance.user
    answer: dict[str, Any] = {
        "id": instance.pk,
        "name": instance.name,
        "createdDate": timestamp(instance.created_at),
        "updatedDate": timestamp(instance.updated_at),
        "token": instance.token,
        "elementId": element.id,
        "tags": instance.tags,
        "provisionInteractions": [],
        "valid": instance.valid,
        "disabled": not instance.enabled,
        "maxCacheSize": 0,
        "cacheTimeToLive": 0,
        "eventsEnabled": instance.events_enabled,
        # The word that clients know for "not set".
        "eventsNotificationCallbackUrl": configuration.get(keys.EVENTS_CALLBACK_URL) or "false",
        "traceLoggingEnabled": False,
        "cachingEnabled": False,
        "externalAuthentication": instance.external_authentication,
        "user": {
            "id": user.pk,
            "emailAddress": user.email,
            "firstName": user.first_name,
            "lastName": user.last_name,
        },
    }
    if instance.problem:
        answer["problem"] = instance.problem
    if hydrate:
        # Without its lists: they are long, the same for every instance, and asked for by nobody.
        answer["element"] = {**element_body(element, with_configuration=False), **NO_LISTS}
        answer["configuration"] = configuration
    return answer


def objects_json(element: Element) -> list[dict[str, str]]:
    """What `retrieveObjectsAfterInstantiation` adds to the answer."""
    return [
        {"name": resource.name, "vendorName": resource.name, "type": "vendor"}
        for resource in element.resources
    ]


def rows_json(instance: ElementInstance) -> list[dict[str, Any]]:
    """One row for each key that is set or that the element declares, ordered by key."""
    element = keys.element_of(instance)
    declared = {field.key: field for field in element.configuration}
    values: dict[str, str | None] = {**dict.fromkeys(declared), **keys.masked(instance)}
    return [
        {
            "id": configuration_id(key),
            "key": key,
            "name": declared[key].name if key in declared else key,
            "propertyValue": value,
        }
        for key, value in sorted(values.items())
    ]
