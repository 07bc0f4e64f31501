"""An element of declarations alone, for the tests: an API key, and every way of paging."""

from __future__ import annotations

from elements.types import (
    ApiKey,
    ConfigurationField,
    Element,
    Field,
    Operation,
    Paging,
    PagingKind,
    Parameter,
    Place,
    Resource,
    Setting,
)

BY_NUMBER = Paging("per_page", "page", kind=PagingKind.PAGE, largest=50)
BY_OFFSET = Paging("limit", "offset", kind=PagingKind.OFFSET, largest=50)
BY_TOKEN = Paging("limit", "cursor", "meta.next", largest=50)
BODY = (Parameter("body", place=Place.BODY, required=True, data_type="object"),)


def listing(path: str, paging: Paging | None, root_key: str = "data.items") -> Operation:
    return Operation("GET", path, f"/v1{path}", listing=True, root_key=root_key, paging=paging)


ELEMENT = Element(
    id=900_002,
    key="crm",
    name="CRM",
    hub="crm",
    description="A provider for tests",
    base_url=Setting("CRM_API_BASE_URL", "http://127.0.0.1:1"),
    authentication=ApiKey("X-Api-Key", "Key "),
    resources=(
        Resource(
            "accounts",
            (
                listing("/accounts", BY_NUMBER),
                Operation("GET", "/accounts/{id}", "/v1/accounts/{id}", root_key="data"),
                Operation("POST", "/accounts", "/v1/accounts", parameters=BODY),
                Operation(
                    "PATCH",
                    "/accounts/{id}",
                    "/v1/accounts/{id}",
                    vendor_method="PUT",
                    parameters=(
                        Parameter("name", "attributes.title", place=Place.BODY_FIELD),
                        Parameter("stars", place=Place.BODY_FIELD, data_type="integer"),
                        Parameter("notify", place=Place.HEADER, vendor_name="X-Notify"),
                        Parameter("2.0", "version", place=Place.VALUE),
                        Parameter("site.address", "site", place=Place.CONFIGURATION),
                    ),
                ),
                Operation("DELETE", "/accounts/{id}", "/v1/accounts/{id}"),
                Operation(
                    "GET",
                    "/accounts/{id}/notes/{noteId}",
                    "/v1/accounts/{id}/notes/{noteId}",
                ),
            ),
            fields=(
                Field("id", read_only=True),
                Field("name", description="What it is called", required=True),
            ),
        ),
        Resource("by-offset", (listing("/by-offset", BY_OFFSET),)),
        Resource("by-token", (listing("/by-token", BY_TOKEN),)),
        Resource("whole", (listing("/whole", None),)),
        Resource("bare", (listing("/bare", None, root_key=""),)),
        Resource(
            "site",
            (Operation("GET", "/site", "/v1/sites/${site.address}/info"),),
            path="/site",
            aliases=("sites/own",),
        ),
    ),
    configuration=(
        ConfigurationField("api.key", "API key", type="PASSWORD", required=True),
        ConfigurationField("site.address", "Site"),
        ConfigurationField("filter.response.nulls", "Nulls", default="true"),
    ),
)
