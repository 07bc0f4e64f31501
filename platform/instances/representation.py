"""How an instance looks from outside."""

from __future__ import annotations

from typing import Any

from api.timestamp import timestamp
from elements.presentation import configuration_id, element_body, element_in_short
from elements.types import Element
from encryption.fields import opens
from instances import configuration as keys
from instances import scopes
from instances.models import ElementInstance
from instances.status import NO_NOTE, Notes, notes_of, problem_of, reasons_of, status_of

NO_LISTS: dict[str, list[Any]] = {"parameters": [], "resources": [], "hooks": [], "objects": []}


def instance_json(
    instance: ElementInstance, *, hydrate: bool = True, notes: Notes | None = None
) -> dict[str, Any]:
    """Return the instance as the API answers it, secrets masked.

    Without `hydrate` it has no configuration, and of its element what tells which one it is.
    Reads `user` and `credential` of the row. `notes` are status.notes_of many at once.
    """
    element = keys.element_of(instance)
    configuration = keys.masked(instance)
    user = instance.user
    answer: dict[str, Any] = {
        "id": instance.pk,
        "name": instance.name,
        "createdDate": timestamp(instance.created_at),
        "updatedDate": timestamp(instance.updated_at),
        "token": instance.token if opens(instance, "token") else keys.MASK,
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
    notes = notes_of([instance]) if notes is None else notes
    answer["status"] = status_of(instance, notes).value
    answer["statusReasons"] = [
        {"code": one.code, "message": one.sentence} for one in reasons_of(instance, notes)
    ]
    if watch := notes.get(instance.pk, NO_NOTE).watch:
        answer["watchStatus"] = watch
    problem = problem_of(instance, notes)
    if problem is not None:
        answer["problem"] = problem.sentence
        if problem.code:
            answer["reasonCode"] = problem.code
    credential = getattr(instance, "credential", None)
    if credential is not None:
        left_out = scopes.missing(
            element, {**keys.defaults(element), **instance.configuration}, credential.scope
        )
        if left_out.scopes:
            answer["missingScopes"] = list(left_out.scopes)
        if credential.ends_at is not None:
            answer["authorizationEndsDate"] = timestamp(credential.ends_at)
    if hydrate:
        # Without its lists: they are long, the same for every instance, and asked for by nobody.
        answer["element"] = {**element_body(element, with_configuration=False), **NO_LISTS}
        answer["configuration"] = configuration
    else:
        answer["element"] = element_in_short(element)
    return answer


def objects_json(element: Element) -> list[dict[str, str]]:
    """What `retrieveObjectsAfterInstantiation` adds to the answer."""
    return [
        {"name": resource.name, "vendorName": resource.name, "type": "vendor"}
        for resource in element.resources
        if resource.operations
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
