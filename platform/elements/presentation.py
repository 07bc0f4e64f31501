"""An element as the API shows it."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from elements.catalogue import address
from elements.types import (
    ApiKey,
    Basic,
    ChangeType,
    ConfigurationField,
    Element,
    OAuth2,
    Operation,
    Resource,
)


def element_body(element: Element, *, with_configuration: bool = True) -> dict[str, Any]:
    """The element object of `GET /elements`; within an instance it has no configuration."""
    body: dict[str, Any] = {
        "id": element.id,
        "name": element.name,
        "key": element.key,
        "description": element.description,
        "active": element.active,
        "deleted": False,
        "typeOauth": isinstance(element.authentication, OAuth2),
        "trialAccount": False,
        "hub": element.hub,
        "authentication": {"type": authentication_type(element)},
        "protocolType": "http",
        "transformationsEnabled": False,
        "bulkDownloadEnabled": False,
        "bulkUploadEnabled": False,
        "cloneable": False,
        "extendable": False,
        "extended": False,
        "beta": False,
        "private": element.private,
        "parameters": [],
        "resources": [
            _operation_body(element, operation)
            for resource in element.resources
            for operation in resource.operations
        ],
        "hooks": [],
        "objects": [],
    }
    if with_configuration:
        body["configuration"] = configuration_body(element)
    return body


def configuration_body(element: Element) -> list[dict[str, Any]]:
    return [_field_body(field, place) for place, field in enumerate(element.configuration, start=1)]


def configuration_id(key: str) -> int:
    """A number for a configuration key: positive, 48 bits, the same in every installation."""
    return int(sha256(key.encode()).hexdigest()[:12], 16)


def metadata_body(element: Element, *, expand: bool = False) -> dict[str, Any]:
    polled = [resource for resource in element.resources if resource.changes is not None]
    kinds = [kind.value.lower() for kind in ChangeType]
    events: dict[str, Any] = {"supported": bool(polled), "methods": ["polling"] if polled else []}
    if polled:
        events["polling"] = {resource.name: {"eventTypes": kinds} for resource in polled}
    body: dict[str, Any] = {
        "id": element.id,
        "key": element.key,
        "name": element.name,
        "description": element.description,
        "events": events,
    }
    if expand:
        body |= {
            "active": element.active,
            "beta": False,
            "transformations": False,
            "elementType": "api",
            "normalizedPaging": True,
            "cloneable": False,
            "authenticationType": authentication_type(element),
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
            "bulk": {"upload": False, "download": False},
            "api": {"type": "rest", "contentType": "application/json"},
            "resources": [_resource_metadata(resource, kinds) for resource in element.resources],
        }
    return body


def _field_body(field: ConfigurationField, place: int) -> dict[str, Any]:
    default = address(field.setting) if field.setting is not None else field.default
    body: dict[str, Any] = {
        "id": configuration_id(field.key),
        "name": field.name,
        "key": field.key,
        "description": field.description,
        "resellerConfig": False,
        "companyConfig": False,
        "active": True,
        "internal": False,
        "groupControl": False,
        "displayOrder": place if field.display_order is None else field.display_order,
        "type": field.type,
        "hideFromConsole": field.hidden,
        "required": field.required,
    }
    if default is not None:
        body["defaultValue"] = default
    if field.choices:
        body["choices"] = list(field.choices)
    return body


def authentication_type(element: Element) -> str:
    match element.authentication:
        case OAuth2():
            return "oauth2"
        case Basic():
            return "basic"
        case ApiKey():
            return "apiKey"


def _operation_body(element: Element, operation: Operation) -> dict[str, Any]:
    return {
        "id": configuration_id(f"{element.key}{operation.method}{operation.path}"),
        "path": f"/hubs/{element.hub}{operation.path}",
        "vendorPath": operation.vendor_path,
        "method": operation.method,
        "vendorMethod": operation.vendor_method or operation.method,
        "type": "api",
        "description": operation.description,
        "rootKey": operation.root_key,
        "parameters": [
            {
                "name": parameter.name,
                "vendorName": parameter.vendor_name or parameter.name,
                "type": parameter.place.value,
                "vendorType": (parameter.vendor_place or parameter.place).value,
                "dataType": parameter.data_type,
                "required": parameter.required,
                "description": parameter.description,
            }
            for parameter in operation.parameters
        ],
    }


# The words for what a resource can do, by the method of its operations.
VERBS = {"POST": "CREATE", "PUT": "UPDATE", "PATCH": "UPDATE", "DELETE": "DELETE"}


def _verbs(resource: Resource) -> list[str]:
    verbs = ["SEARCH"] if resource.listing else []
    verbs += ["RETRIEVE"] if resource.reading or resource.single else []
    own = (resource.root, f"{resource.root}/{{id}}")
    others = {VERBS.get(one.method, "") for one in resource.operations if one.path in own}
    return [*verbs, *sorted(others - {""})]


def _resource_metadata(resource: Resource, kinds: list[str]) -> dict[str, Any]:
    polled = resource.changes is not None
    return {
        "canonicalName": resource.name,
        "operations": _verbs(resource),
        "events": {
            "supported": polled,
            "methods": ["polling"] if polled else [],
            "eventTypes": kinds if polled else [],
        },
        "bulk": {
            "upload": {"supported": False, "native": False},
            "download": {"supported": False, "native": False},
        },
        "customField": {"get": False, "create": False, "update": False, "delete": False},
    }
