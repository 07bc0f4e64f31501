"""The shapes of what /elements reads and answers; elements/presentation.py makes the answers."""

from __future__ import annotations

from api.schema import (
    AN_OBJECT,
    ANYTHING,
    FLAG,
    FLAG_OR_TEXT,
    NUMBER,
    NUMBER_OR_TEXT,
    TEXT,
    Schema,
    by_key,
    described,
    in_path,
    listed,
    nullable,
    one_of,
    query,
    shape,
)
from elements.examples import DEFAULT_OAUTH_URL_EXAMPLE as DEFAULT_OAUTH_URL_EXAMPLE
from elements.examples import DEFINITION_EXAMPLE as DEFINITION_EXAMPLE
from elements.examples import ELEMENT_EXAMPLE as ELEMENT_EXAMPLE
from elements.examples import ELEMENT_OF_INSTANCE_EXAMPLE as ELEMENT_OF_INSTANCE_EXAMPLE
from elements.examples import EXPORTED_EXAMPLE as EXPORTED_EXAMPLE
from elements.examples import FIELD_EXAMPLE as FIELD_EXAMPLE
from elements.examples import METADATA_EXAMPLE as METADATA_EXAMPLE
from elements.examples import OAUTH_URL_EXAMPLE as OAUTH_URL_EXAMPLE
from elements.examples import SWAGGER_EXAMPLE as SWAGGER_EXAMPLE
from elements.webhook_schema import WEBHOOK

AUTHENTICATION = shape(
    "Authentication",
    {
        "type": one_of("oauth2", "basic", "apiKey"),
        "header?": TEXT,
        "prefix?": TEXT,
        "pkce?": FLAG,
        "parameters?": by_key(TEXT),
    },
    "`header` and `prefix` go with apiKey, `pkce` and `parameters` with oauth2.",
)
_UNITS = shape("ElementUnits", {"minute?": NUMBER, "day?": NUMBER}, "What is absent is no limit.")
QUOTA = shape(
    "ElementQuota",
    {
        "account": _UNITS,
        "project": described(_UNITS, "of all accounts of one application at the provider"),
        "dayZone": described(TEXT, "the zone whose midnight the provider's day begins at"),
    },
)
GUIDE = shape("ElementGuide", {"steps": listed(TEXT), "url": TEXT})
PARAMETER = shape(
    "ElementParameter",
    {
        "name": TEXT,
        "vendorName": TEXT,
        "type": TEXT,
        "vendorType": TEXT,
        "dataType": TEXT,
        "required": FLAG,
        "description": TEXT,
    },
)
_RESOURCE: dict[str, Schema] = {
    "id": NUMBER,
    "path": TEXT,
    "vendorPath": TEXT,
    "method": TEXT,
    "vendorMethod": TEXT,
    "type": TEXT,
    "description": TEXT,
    "kind": one_of("own", "inherited"),
    "listing": FLAG,
    "rootKey": TEXT,
    "emptyWhenAbsent?": FLAG,
    "emptyStatuses?": listed(NUMBER),
    "idField": TEXT,
    "paginationType": one_of("cursor", "page", "offset", "none"),
    "maxPageSize?": NUMBER,
    "nextPageKey?": TEXT,
    "firstPage?": NUMBER,
    "changeCursor?": described(AN_OBJECT, "how the provider tells what changed since its cursor"),
    "units?": described(NUMBER, "of the provider's quota that a request costs"),
    "parameters": listed(PARAMETER),
    "hooks": listed(AN_OBJECT),
}
RESOURCE = shape("ElementResource", _RESOURCE)
OBJECT = shape(
    "ElementObject",
    {
        "name": TEXT,
        "path": TEXT,
        "kind": one_of("own", "inherited"),
        "description": TEXT,
        "idField": TEXT,
        "aliases": listed(TEXT),
        "listsIdsOnly": FLAG,
        "titleFields": described(listed(TEXT), "what the title of an event is made of"),
        "fields": listed(
            shape(
                "FieldOfRecord",
                {
                    "name": TEXT,
                    "type": TEXT,
                    "description": TEXT,
                    "readOnly": FLAG,
                    "required": FLAG,
                },
            )
        ),
    },
)
FIELD = shape(
    "ConfigurationField",
    {
        "id": NUMBER,
        "name": TEXT,
        "key": TEXT,
        "description": TEXT,
        "defaultValue?": TEXT,
        "choices?": listed(ANYTHING),
        "resellerConfig": FLAG,
        "companyConfig": FLAG,
        "active": FLAG,
        "internal": FLAG,
        "groupControl": FLAG,
        "displayOrder": NUMBER,
        "type": TEXT,
        "hideFromConsole": FLAG,
        "required": FLAG,
    },
)
_ELEMENT: dict[str, Schema] = {
    "id": NUMBER,
    "name": TEXT,
    "key": TEXT,
    "description": TEXT,
    "image": TEXT,
    "active": FLAG,
    "deleted": FLAG,
    "typeOauth": FLAG,
    "trialAccount": FLAG,
    "hub": TEXT,
    "authentication": AUTHENTICATION,
    "protocolType": TEXT,
    "transformationsEnabled": FLAG,
    "bulkDownloadEnabled": FLAG,
    "bulkUploadEnabled": FLAG,
    "cloneable": FLAG,
    "extendable": FLAG,
    "extended": FLAG,
    "beta": FLAG,
    "private": FLAG,
    "extends?": TEXT,
    "webhook?": WEBHOOK,
    "guide?": GUIDE,
    "quota?": QUOTA,
    "limitCodes?": listed(TEXT),
    "parameters": listed(AN_OBJECT),
    "resources": listed(RESOURCE),
    "hooks": listed(AN_OBJECT),
    "objects": listed(OBJECT),
}
ELEMENT = shape("Element", {**_ELEMENT, "configuration": listed(FIELD)})
ELEMENT_IN_LIST = shape(
    "ElementInList",
    {
        **{
            f"{name}?" if name in {"parameters", "resources", "hooks", "objects"} else name: one
            for name, one in _ELEMENT.items()
        },
        "configuration?": listed(FIELD),
    },
    "An abridged element has none of its lists.",
)
_ALWAYS = ("id", "key", "name", "hub")
ELEMENT_OF_INSTANCE = shape(
    "ElementOfInstance",
    {name if name in _ALWAYS else f"{name.rstrip('?')}?": one for name, one in _ELEMENT.items()},
    "With hydrate=false: `id`, `key`, `name` and `hub`.",
)
ELEMENT_CONFIGURATION = shape("ElementConfiguration", {"configuration": listed(FIELD)})

_SUPPORT = shape("BulkSupport", {"supported": FLAG, "native": FLAG})
_POLLED = shape("PolledResource", {"eventTypes": listed(TEXT)})
_RESOURCE_METADATA = shape(
    "ResourceMetadata",
    {
        "canonicalName": TEXT,
        "operations": listed(TEXT),
        "events": shape(
            "ResourceEvents",
            {
                "supported": FLAG,
                "methods": listed(one_of("polling", "webhook")),
                "eventTypes": listed(TEXT),
            },
        ),
        "bulk": shape("ResourceBulk", {"upload": _SUPPORT, "download": _SUPPORT}),
        "customField": by_key(FLAG),
    },
)
METADATA = shape(
    "ElementMetadata",
    {
        "id": NUMBER,
        "key": TEXT,
        "name": TEXT,
        "description": TEXT,
        "events": shape(
            "ElementEvents",
            {
                "supported": FLAG,
                "methods": listed(one_of("polling", "webhook")),
                "polling?": by_key(_POLLED),
            },
        ),
        "image?": TEXT,
        "displayOrder?": NUMBER,
        "active?": FLAG,
        "beta?": FLAG,
        "transformations?": FLAG,
        "elementType?": TEXT,
        "normalizedPaging?": FLAG,
        "swaggerValidated?": FLAG,
        "cloneable?": FLAG,
        "authenticationType?": TEXT,
        "hub?": TEXT,
        "discovery?": by_key(FLAG),
        "bulk?": by_key(FLAG),
        "api?": by_key(TEXT),
        "resources?": listed(_RESOURCE_METADATA),
    },
    "What stands after `events` is answered with expand=true.",
)
# --- Definitions: an element as it is written ----------------------------------------------------

_FIELD_WANTED: dict[str, Schema] = {
    "name?": nullable(TEXT),
    "description?": nullable(TEXT),
    "defaultValue?": ANYTHING,
    "type?": nullable(TEXT),
    "required?": nullable(FLAG_OR_TEXT),
    "hideFromConsole?": nullable(FLAG_OR_TEXT),
    "displayOrder?": nullable(NUMBER_OR_TEXT),
    "choices?": nullable(listed(TEXT)),
}
FIELD_WANTED = shape("ConfigurationFieldWanted", {"key": TEXT, **_FIELD_WANTED})
FIELD_CHANGED = shape("ConfigurationFieldChanged", {"key?": nullable(TEXT), **_FIELD_WANTED})
DEFINITION = shape(
    "ElementDefinition",
    {
        "name": TEXT,
        "key?": nullable(TEXT),
        "description?": nullable(TEXT),
        "image?": nullable(TEXT),
        "hub?": nullable(TEXT),
        "active?": nullable(FLAG_OR_TEXT),
        "extends?": nullable(TEXT),
        "authentication?": nullable(AN_OBJECT),
        "configuration?": nullable(listed(FIELD_WANTED)),
        "resources?": nullable(listed(AN_OBJECT)),
        "objects?": nullable(listed(AN_OBJECT)),
        "parameters?": nullable(listed(AN_OBJECT)),
        "webhook?": nullable(AN_OBJECT),
        "guide?": nullable(AN_OBJECT),
        "quota?": nullable(AN_OBJECT),
        "limitCodes?": nullable(listed(TEXT)),
    },
    "What each part may hold is told in docs/elements.md.",
)
EXPORTED_FIELD = shape(
    "ExportedConfigurationField",
    {
        "key": TEXT,
        "name": TEXT,
        "description": TEXT,
        "type": TEXT,
        "required": FLAG,
        "hideFromConsole": FLAG,
        "defaultValue?": TEXT,
        "displayOrder?": NUMBER,
        "choices?": listed(TEXT),
    },
)
EXPORTED = shape(
    "ExportedElement",
    {
        "id": NUMBER,
        "private": FLAG,
        "parameters": listed(AN_OBJECT),
        "hooks": listed(AN_OBJECT),
        "name": TEXT,
        "key": TEXT,
        "description": TEXT,
        "image": TEXT,
        "hub": TEXT,
        "extends?": TEXT,
        "webhook?": WEBHOOK,
        "guide?": GUIDE,
        "quota?": QUOTA,
        "limitCodes?": listed(TEXT),
        "authentication": AUTHENTICATION,
        "configuration": listed(EXPORTED_FIELD),
        "resources": listed(RESOURCE),
        "objects": listed(OBJECT),
    },
)
CLONE_WANTED = shape("CloneWanted", {"name?": nullable(TEXT), "key?": nullable(TEXT)})
SWAGGER = described(AN_OBJECT, "A Swagger 2.0 document")

# --- Consent -------------------------------------------------------------------------------------

OAUTH_URL = shape("OAuthUrl", {"element": TEXT, "oauthUrl": TEXT})
DEFAULT_OAUTH_URL = shape(
    "DefaultOAuthUrl", {"element": TEXT, "oauthUrl": TEXT, "configuration": by_key(TEXT)}
)
OAUTH_URL_WANTED = shape(
    "OAuthUrlWanted",
    {
        "apiKey": TEXT,
        "callbackUrl": TEXT,
        "apiSecret?": nullable(TEXT),
        "state?": ANYTHING,
        "scope?": nullable(TEXT),
        "siteAddress?": nullable(TEXT),
        "subdomain?": nullable(TEXT),
        "authentication.type?": nullable(one_of("oauth2")),
    },
)

in_path(
    "configuration_key",
    "the key of the entry of the configuration",
    TEXT,
    example="event.poller.refresh_interval",
)
EXTENDED_ONLY = query(
    "extendedOnly", "true leaves out what the element has of the one it extends", FLAG, example=True
)
VERSION = query("version", "is not looked at: there is one version", example="-1")
EXPAND = query("expand", "true answers everything there is", FLAG, example=True)
API_KEY = query(
    "apiKey",
    "the client id of your application at the provider",
    example="client-id",
    required=True,
)
CALLBACK_URL = query(
    "callbackUrl",
    "the redirect URI of your application",
    example="https://app.example.com/oauth/callback",
    required=True,
)
OWN_CALLBACK_URL = query(
    "callbackUrl",
    "a redirect URI of the platform's application; the operator's unless given",
    example="https://app.example.com/oauth/callback",
)
CONSENT_PARAMETERS = (
    query("state", "comes back with the code; the element's key unless given"),
    query("scope", "scopes separated by blanks; the element's own unless given"),
    query("apiSecret", "is not used, and never part of the address"),
    query("siteAddress", "the account's host at the provider, where the element asks for it"),
    query("subdomain", "the account's subdomain at the provider, where the element asks for it"),
    query("authentication.type", "oauth2; there is no other", one_of("oauth2")),
)
