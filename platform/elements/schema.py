"""The shapes of what /elements reads and answers; elements/presentation.py makes the answers."""

from __future__ import annotations

from typing import Any

from api.schema import (
    AN_OBJECT,
    ANYTHING,
    FLAG,
    NUMBER,
    TEXT,
    Schema,
    by_key,
    listed,
    one_of,
    query,
    shape,
)

AUTHENTICATION = shape("Authentication", {"type": TEXT})
PARAMETER = shape(
    "ElementParameter",
    {
        "name": TEXT,
        "vendorName": TEXT,
        "type": TEXT,
        "dataType": TEXT,
        "required": FLAG,
        "description": TEXT,
    },
)
RESOURCE = shape(
    "ElementResource",
    {
        "id": NUMBER,
        "path": TEXT,
        "vendorPath": TEXT,
        "method": TEXT,
        "vendorMethod": TEXT,
        "type": TEXT,
        "description": TEXT,
        "rootKey": TEXT,
        "parameters": listed(PARAMETER),
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
    "parameters": listed(AN_OBJECT),
    "resources": listed(RESOURCE),
    "hooks": listed(AN_OBJECT),
    "objects": listed(AN_OBJECT),
}
ELEMENT = shape("Element", {**_ELEMENT, "configuration": listed(FIELD)})
ELEMENT_OF_INSTANCE = shape("ElementOfInstance", _ELEMENT)
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
        "active?": FLAG,
        "beta?": FLAG,
        "transformations?": FLAG,
        "elementType?": TEXT,
        "normalizedPaging?": FLAG,
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
OAUTH_URL = shape("OAuthUrl", {"element": TEXT, "oauthUrl": TEXT})
OAUTH_URL_WANTED = shape(
    "OAuthUrlWanted",
    {"apiKey": TEXT, "callbackUrl": TEXT, "apiSecret?": TEXT, "state?": TEXT, "scope?": TEXT},
)

EXPAND = query("expand", "true answers everything there is", FLAG, example=True)
API_KEY = query("apiKey", "the client id of your application at the provider", example="client-id")
CALLBACK_URL = query(
    "callbackUrl",
    "the redirect URI of your application",
    example="https://app.example.com/oauth/callback",
)
STATE = query("state", "comes back with the code; the element's key unless given")
SCOPE = query("scope", "scopes separated by blanks; the element's own unless given")

FIELD_EXAMPLE: dict[str, Any] = {
    "id": 277937902571542,
    "name": "API key",
    "key": "oauth.api.key",
    "description": "The client id of your Google project",
    "resellerConfig": False,
    "companyConfig": False,
    "active": True,
    "internal": False,
    "groupControl": False,
    "displayOrder": 1,
    "type": "TEXTFIELD_1000",
    "hideFromConsole": False,
    "required": True,
}
ELEMENT_OF_INSTANCE_EXAMPLE: dict[str, Any] = {
    "id": 6409,
    "name": "Gmail",
    "key": "gmail",
    "description": "Mail of a Gmail or Google Workspace account.",
    "active": True,
    "deleted": False,
    "typeOauth": True,
    "trialAccount": False,
    "hub": "general",
    "authentication": {"type": "oauth2"},
    "protocolType": "http",
    "transformationsEnabled": False,
    "bulkDownloadEnabled": False,
    "bulkUploadEnabled": False,
    "cloneable": False,
    "extendable": False,
    "extended": False,
    "beta": False,
    "private": False,
    "parameters": [],
    "resources": [
        {
            "id": 162259727818472,
            "path": "/hubs/general/profile",
            "vendorPath": "/gmail/v1/users/me/profile",
            "method": "GET",
            "vendorMethod": "GET",
            "type": "api",
            "description": "The mailbox's address, its counts and its current history id.",
            "rootKey": "",
            "parameters": [],
        }
    ],
    "hooks": [],
    "objects": [],
}
ELEMENT_EXAMPLE = {**ELEMENT_OF_INSTANCE_EXAMPLE, "configuration": [FIELD_EXAMPLE]}
METADATA_EXAMPLE: dict[str, Any] = {
    "id": 6409,
    "key": "gmail",
    "name": "Gmail",
    "description": "Mail of a Gmail or Google Workspace account.",
    "events": {
        "supported": True,
        "methods": ["polling"],
        "polling": {"changed-messages": {"eventTypes": ["created", "updated", "deleted"]}},
    },
}
OAUTH_URL_EXAMPLE = {
    "element": "gmail",
    "oauthUrl": (
        "https://accounts.google.com/o/oauth2/v2/auth?access_type=offline&prompt=consent"
        "&scope=https%3A%2F%2Fmail.google.com%2F&response_type=code"
        "&redirect_uri=https%3A%2F%2Fapp.example.com%2Foauth%2Fcallback"
        "&state=gmail&client_id=client-id"
    ),
}
