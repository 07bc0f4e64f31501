"""An element as the API shows it."""

from __future__ import annotations

import json
import threading
from hashlib import sha256
from typing import Any

from cachetools import LRUCache

from elements.definition import secrets, written
from elements.definition.guide import guide_json
from elements.definition.quota import quota_json
from elements.definition.webhook import is_declared, webhook_json
from elements.types import ConfigurationField, Element, OAuth2, Resource


def element_body(element: Element, *, with_configuration: bool = True) -> dict[str, Any]:
    """The element object of `GET /elements`; within an instance it has no configuration.

    It is a definition (elements.definition) with more about it: what is read can be written back.
    Secrets are masked.
    """
    body = dict(_constant_body(element))
    if with_configuration:
        body["configuration"] = configuration_body(element)
    return body


def abridged_body(element: Element) -> dict[str, Any]:
    """As `element_body`, without its lists."""
    left_out = ("parameters", "resources", "hooks", "objects")
    return {name: value for name, value in _constant_body(element).items() if name not in left_out}


def element_in_short(element: Element) -> dict[str, Any]:
    """Return what tells which element it is."""
    return {"id": element.id, "key": element.key, "name": element.name, "hub": element.hub}


def exported_body(element: Element, exported: dict[str, Any]) -> dict[str, Any]:
    """Return what `export` answers: a definition with the ids by which its parts are known here.

    Reading it again passes over them (definition.known_fields).
    """
    return {
        "id": element.id,
        **exported,
        "private": element.private,
        "parameters": [],
        "resources": [
            {"id": resource_id(element, one["method"], one["path"]), **one, "hooks": []}
            for one in exported["resources"]
        ],
        "hooks": [],
    }


def resource_id(element: Element, method: str, path: str) -> int:
    """Return the number of the operation at `/hubs/{hub}/…`."""
    own = path.removeprefix(f"/hubs/{element.hub}")
    return configuration_id(f"{element.key}{method}{own}")


MOST_BODIES = 20_000_000  # characters of their JSON, all together
# By element id.
_bodies: LRUCache[int, tuple[Element, dict[str, Any]]] = LRUCache(
    MOST_BODIES, getsizeof=lambda kept: min(len(json.dumps(kept[1])), MOST_BODIES)
)
_keeping = threading.Lock()


def _constant_body(element: Element) -> dict[str, Any]:
    """What follows from the element alone; kept, for a list of instances shows it many times."""
    with _keeping:
        kept = _bodies.get(element.id)
    if kept is not None and kept[0] is element:
        return kept[1]
    body = _body(element)
    with _keeping:
        _bodies[element.id] = element, body
    return body


def _in_bulk(element: Element) -> bool:
    """Whether there is anything that a bulk job can read."""
    return any(resource.in_bulk for resource in element.resources)


def _body(element: Element) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": element.id,
        "name": element.name,
        "key": element.key,
        "description": element.description,
        "image": element.image,
        "active": element.active,
        "deleted": False,
        "typeOauth": isinstance(element.authentication, OAuth2),
        "trialAccount": False,
        "hub": element.hub,
        "authentication": written.authentication_json(element),
        "protocolType": "http",
        "transformationsEnabled": False,
        "bulkDownloadEnabled": _in_bulk(element),
        "bulkUploadEnabled": False,
        "cloneable": True,
        "extendable": not element.private,
        "extended": bool(element.extends),
        "beta": False,
        "private": element.private,
        "parameters": [],
        "resources": [
            {
                "id": configuration_id(f"{element.key}{operation.method}{operation.path}"),
                **written.operation_json(element, resource, operation),
                "hooks": [],
            }
            for resource in element.resources
            for operation in resource.operations
        ],
        "hooks": [],
        "objects": [
            written.object_json(resource, written.base_of(element))
            for resource in element.resources
        ],
    }
    if is_declared(element.webhook):
        body["webhook"] = webhook_json(element.webhook)
    if element.guide is not None:
        body["guide"] = guide_json(element.guide)
    if element.quota is not None:
        body["quota"] = quota_json(element.quota)
    if element.limit_codes:
        body["limitCodes"] = sorted(element.limit_codes)
    if element.extends:
        body["extends"] = element.extends
    return body


def configuration_body(element: Element) -> list[dict[str, Any]]:
    return [field_body(field, place) for place, field in enumerate(element.configuration, start=1)]


def configuration_id(key: str) -> int:
    """A number for a configuration key: positive, 48 bits, the same in every installation."""
    return int(sha256(key.encode()).hexdigest()[:12], 16)


def metadata_body(element: Element, *, expand: bool = False) -> dict[str, Any]:
    polled = [resource for resource in element.resources if resource.can_be_polled]
    methods = ["polling"] if polled else []
    methods += ["webhook"] if element.webhook is not None else []
    events: dict[str, Any] = {"supported": bool(methods), "methods": methods}
    if polled:
        events["polling"] = {resource.name: {"eventTypes": _kinds(resource)} for resource in polled}
    body: dict[str, Any] = {
        "id": element.id,
        "key": element.key,
        "name": element.name,
        "description": element.description,
        "events": events,
    }
    if expand:
        body |= {
            "image": element.image,
            "displayOrder": 0,  # the list's own order
            "active": element.active,
            "beta": False,
            "transformations": False,
            "elementType": "api",
            "normalizedPaging": True,
            "swaggerValidated": True,
            "cloneable": True,
            "authenticationType": written.authentication_type(element),
            "hub": element.hub,
            "discovery": dict.fromkeys(
                (
                    "customFields",
                    "customObjects",
                    "endpointCustomFields",
                    "endpointCustomObjects",
                ),
                False,
            ),
            "bulk": {"upload": False, "download": _in_bulk(element)},
            "api": {"type": "rest", "contentType": "application/json"},
            "resources": [_resource_metadata(resource) for resource in element.resources],
        }
    return body


def field_body(field: ConfigurationField, place: int) -> dict[str, Any]:
    """One entry of the configuration; `place` is where it stands, from 1. Secrets are masked."""
    body = {
        "id": configuration_id(field.key),
        "resellerConfig": False,
        "companyConfig": False,
        "active": True,
        "internal": False,
        "groupControl": False,
        "displayOrder": place,
        **written.field_json(field),
    }
    if secrets.is_secret(body) and body.get("defaultValue"):
        body["defaultValue"] = secrets.MASK
    return body


# The words for what a resource can do, by the method of its operations.
VERBS = {"POST": "CREATE", "PUT": "UPDATE", "PATCH": "UPDATE", "DELETE": "DELETE"}


def _verbs(resource: Resource) -> list[str]:
    verbs = ["SEARCH"] if resource.listing else []
    verbs += ["RETRIEVE"] if resource.reading or resource.single else []
    own = (resource.root, f"{resource.root}/{{id}}")
    others = {VERBS.get(one.method, "") for one in resource.operations if one.path in own}
    return [*verbs, *sorted(others - {""})]


def _kinds(resource: Resource) -> list[str]:
    return [kind.value.lower() for kind in resource.told]


def _resource_metadata(resource: Resource) -> dict[str, Any]:
    polled = resource.can_be_polled
    return {
        "canonicalName": resource.name,
        "operations": _verbs(resource),
        "events": {
            "supported": polled,
            "methods": ["polling"] if polled else [],
            "eventTypes": _kinds(resource),
        },
        "bulk": {
            "upload": {"supported": False, "native": False},
            "download": {"supported": resource.in_bulk, "native": False},
        },
        "customField": {"get": False, "create": False, "update": False, "delete": False},
    }
