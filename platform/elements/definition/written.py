"""Writes an element as the JSON that it can be read from again."""

from __future__ import annotations

from typing import Any

from elements import built_in
from elements.definition.change_cursor import change_cursor_json
from elements.definition.guide import guide_json
from elements.definition.quota import quota_json
from elements.definition.resources import PAGE_SIZE, PLACES_OF_PAGE
from elements.definition.webhook import is_declared, webhook_json
from elements.types import (
    LINK,
    ApiKey,
    ConfigurationField,
    Element,
    Field,
    OAuth2,
    Operation,
    Paging,
    PagingKind,
    Parameter,
    Place,
    Resource,
)


def to_json(element: Element, *, own_only: bool = False) -> dict[str, Any]:
    """The definition of an element, secrets included.

    A built-in one is written as one that extends it. `own_only` leaves out what is inherited.
    """
    base = base_of(element)
    body: dict[str, Any] = {
        "name": element.name,
        "key": element.key,
        "description": element.description,
        "image": element.image,
        "hub": element.hub,
        "authentication": authentication_json(element),
        "configuration": [
            field_json(field)
            for field in element.configuration
            if not (own_only and base is not None and field in base.configuration)
        ],
        "resources": [
            operation_json(element, resource, operation)
            for resource in element.resources
            for operation in resource.operations
            if not (own_only and is_inherited(base, resource, operation))
        ],
        "objects": [
            object_json(resource, base)
            for resource in element.resources
            if not (own_only and _inherits(base, resource))
        ],
    }
    if is_declared(element.webhook) and not (own_only and inherits_webhook(element)):
        body["webhook"] = webhook_json(element.webhook)
    if element.guide is not None and not (own_only and base and base.guide == element.guide):
        body["guide"] = guide_json(element.guide)
    if element.quota is not None and not (base is not None and base.quota == element.quota):
        body["quota"] = quota_json(element.quota)
    if element.limit_codes and not (base is not None and base.limit_codes == element.limit_codes):
        body["limitCodes"] = sorted(element.limit_codes)
    if base is not None:
        body["extends"] = base.key
    return body


def inherits_webhook(element: Element) -> bool:
    base = base_of(element)
    return base is not None and base.webhook == element.webhook


def base_of(element: Element) -> Element | None:
    """The built-in element that this one extends, or is."""
    return built_in.elements().get(element.extends) if element.private else element


def is_inherited(base: Element | None, resource: Resource, operation: Operation) -> bool:
    """Whether `base` has the very operation."""
    held = base.resource(resource.name) if base is not None else None
    return held is not None and operation in held.operations


def _inherits(base: Element | None, resource: Resource) -> bool:
    return base is not None and base.resource(resource.name) is not None


def authentication_type(element: Element) -> str:
    return {"OAuth2": "oauth2", "Basic": "basic", "ApiKey": "apiKey"}[
        type(element.authentication).__name__
    ]


def authentication_json(element: Element) -> dict[str, Any]:
    body: dict[str, Any] = {"type": authentication_type(element)}
    match element.authentication:
        case ApiKey(header, prefix):
            body |= {"header": header, "prefix": prefix}
        case OAuth2() as oauth:
            body |= {"pkce": oauth.pkce, "parameters": dict(oauth.authorization_parameters)}
        case _:
            pass
    return body


def default_of(field: ConfigurationField) -> str | None:
    """The default as it stands now, wherever the operator has moved an address to."""
    return built_in.address(field.setting) if field.setting is not None else field.default


def field_json(field: ConfigurationField) -> dict[str, Any]:
    body: dict[str, Any] = {
        "key": field.key,
        "name": field.name,
        "description": field.description,
        "type": field.type,
        "required": field.required,
        "hideFromConsole": field.hidden,
    }
    default = default_of(field)
    if default is not None:
        body["defaultValue"] = default
    if field.display_order is not None:
        body["displayOrder"] = field.display_order
    if field.choices:
        body["choices"] = list(field.choices)
    return body


def operation_json(element: Element, resource: Resource, operation: Operation) -> dict[str, Any]:
    inherited = is_inherited(base_of(element), resource, operation)
    body: dict[str, Any] = {
        "path": f"/hubs/{element.hub}{operation.path}",
        "vendorPath": operation.vendor_path,
        "method": operation.method,
        "vendorMethod": operation.vendor_method or operation.method,
        "type": "api",
        "kind": "inherited" if inherited else "own",
        "description": operation.description,
        "listing": operation.listing,
        "rootKey": operation.root_key,
        "idField": resource.id_field,
        "paginationType": operation.paging.kind.value if operation.paging else "none",
        "parameters": [parameter_json(one) for one in operation.parameters],
    }
    if element.quota is not None:
        body["units"] = operation.units
    if operation.listing:
        body["emptyWhenAbsent"] = operation.empty_when_absent
        body["emptyStatuses"] = list(operation.empty_statuses)
    if operation.change_cursor is not None:
        body["changeCursor"] = change_cursor_json(operation.change_cursor)
    if operation.paging is not None:
        body |= _paging_json(operation.paging)
        body["parameters"] += _paging_parameters(operation.paging)
    return body


def _paging_json(paging: Paging) -> dict[str, Any]:
    body: dict[str, Any] = {"maxPageSize": paging.largest}
    if paging.kind == PagingKind.CURSOR or paging.next_token_key == LINK:
        body["nextPageKey"] = paging.next_token_key
    if paging.kind == PagingKind.PAGE:
        body["firstPage"] = paging.first_page
    return body


def _paging_parameters(paging: Paging) -> list[dict[str, Any]]:
    names = {
        PAGE_SIZE: paging.size_parameter,
        PLACES_OF_PAGE[paging.kind][0]: paging.token_parameter,
    }
    return [
        parameter_json(Parameter(name, vendor_name, data_type=_type_of(name)))
        for name, vendor_name in names.items()
        if vendor_name
    ]


def _type_of(name: str) -> str:
    return "string" if name == "nextPage" else "integer"


def parameter_json(parameter: Parameter) -> dict[str, Any]:
    usual = (
        Place.QUERY if parameter.place in (Place.CONFIGURATION, Place.VALUE) else parameter.place
    )
    return {
        "name": parameter.name,
        "vendorName": parameter.vendor_name or parameter.name,
        "type": parameter.place.value,
        "vendorType": (parameter.vendor_place or usual).value,
        "dataType": parameter.data_type,
        "required": parameter.required,
        "description": parameter.description,
    }


def object_json(resource: Resource, base: Element | None) -> dict[str, Any]:
    return {
        "name": resource.name,
        "path": resource.root,
        "kind": "inherited" if _inherits(base, resource) else "own",
        "description": resource.description,
        "idField": resource.id_field,
        "aliases": list(resource.aliases),
        "listsIdsOnly": resource.lists_ids_only,
        "titleFields": list(resource.title_fields),
        "fields": [field_of_record_json(one) for one in resource.fields],
    }


def field_of_record_json(field: Field) -> dict[str, Any]:
    return {
        "name": field.name,
        "type": field.type,
        "description": field.description,
        "readOnly": field.read_only,
        "required": field.required,
    }
