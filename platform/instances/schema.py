"""The shapes of what /instances reads and answers; instances.representation makes the answers."""

from __future__ import annotations

from typing import Any

from api.schema import (
    ANYTHING,
    FLAG,
    FLAG_OR_TEXT,
    NUMBER,
    SCALAR,
    TEXT,
    TIME,
    Schema,
    by_key,
    described,
    header,
    in_path,
    listed,
    nullable,
    one_of,
    query,
    shape,
)
from elements.schema import ELEMENT_OF_INSTANCE, ELEMENT_OF_INSTANCE_EXAMPLE
from instances.status import Status

USER = shape(
    "InstanceUser", {"id": NUMBER, "emailAddress": TEXT, "firstName": TEXT, "lastName": TEXT}
)
PROVIDER_DATA = shape("ProviderData", {"code?": described(TEXT, "of the redirect; good once")})
OBJECT = shape("ObjectName", {"name": TEXT, "vendorName": TEXT, "type": TEXT})
INSTANCE = shape(
    "Instance",
    {
        "id": NUMBER,
        "name": TEXT,
        "createdDate": TIME,
        "updatedDate": TIME,
        "token": described(TEXT, "the secret of the Element pair"),
        "elementId": NUMBER,
        "tags": listed(TEXT),
        "provisionInteractions": listed(ANYTHING),
        "valid": described(FLAG, "false when the account's owner has to give consent again"),
        "disabled": FLAG,
        "maxCacheSize": NUMBER,
        "cacheTimeToLive": NUMBER,
        "eventsEnabled": FLAG,
        "eventsNotificationCallbackUrl": described(TEXT, 'the text "false" when there is none'),
        "traceLoggingEnabled": FLAG,
        "cachingEnabled": FLAG,
        "externalAuthentication": TEXT,
        "user": USER,
        "status": described(
            one_of(*(one.value for one in Status)), "the worst of account, polling and delivery"
        ),
        "statusReasons": described(
            listed(shape("StatusReason", {"code": TEXT, "message": TEXT})),
            "all that is wrong, the worst first",
        ),
        "problem?": described(TEXT, "what is wrong with the account; absent when nothing is"),
        "reasonCode?": described(TEXT, "the code of the gravest problem, such as revoked"),
        "missingScopes?": described(listed(TEXT), "asked for, and not granted"),
        "authorizationEndsDate?": described(TIME, "when the provider ends the grant by itself"),
        "watchStatus?": described(
            one_of("starting", "on", "silent", "failed", "stopping", "off"),
            "of what the provider was asked to tell of by itself, while events are on; silent: it "
            "does not tell, and polls find the changes at their interval",
        ),
        "element": ELEMENT_OF_INSTANCE,
        "configuration?": described(by_key(nullable(TEXT)), "secrets are masked: ********"),
        "providerData?": PROVIDER_DATA,
        "objects?": listed(OBJECT),
    },
    "`configuration` is absent with hydrate=false; the last two come with creation.",
)
_WANTED: dict[str, Schema] = {
    "name?": TEXT,
    "element?": described(
        shape("ElementWanted", {"key?": TEXT, "id?": NUMBER}), "one of the two, unless in the path"
    ),
    "providerData?": PROVIDER_DATA,
    "configuration?": by_key(SCALAR),
    "tags?": listed(TEXT),
    "externalAuthentication?": one_of("initial", "none"),
}
INSTANCE_WANTED = shape(
    "InstanceWanted", {**_WANTED, "name": TEXT, "retrieveObjectsAfterInstantiation?": FLAG_OR_TEXT}
)
INSTANCE_CHANGE = shape(
    "InstanceChange",
    {
        **_WANTED,
        "allowOtherAccount?": described(
            FLAG_OR_TEXT,
            "connects another account than before, too, which is a 409 otherwise; polling begins "
            "anew then",
        ),
    },
    "What is absent stays as it is.",
)
ROW = shape(
    "ConfigurationRow",
    {"id": NUMBER, "key": TEXT, "name": TEXT, "propertyValue": nullable(TEXT)},
)
ROW_CHANGE = shape("ConfigurationRowChange", {"propertyValue?": SCALAR, "key?": TEXT})

RECONNECT_LINK = shape("ReconnectLink", {"url": TEXT, "expiresDate": TIME})
RECONNECT_LINK_EXAMPLE = {
    "url": "https://periodic.example.com/reconnect/TOKEN",
    "expiresDate": "2026-01-12T09:30:00Z",
}

in_path("operation_id", "the operationId of a hub call", TEXT, example="getLabels")

TAGS = query("tags[]", "only instances with this tag; may be given several times")
SEARCH = query("searchText", "only instances with this in their name or their element's key")
HYDRATE = query(
    "hydrate",
    "false leaves `configuration` out, and all of `element` but `id`, `key`, `name` and `hub`",
    FLAG,
    example=False,
)
IDEMPOTENCY_KEY = header(
    "Idempotency-Key",
    "sent again with the same body within 24 hours, it answers what the first request did",
    example="8e03978e-40d5-43e8-bc93-6894a57f9324",
)

INSTANCE_EXAMPLE: dict[str, Any] = {
    "id": 1,
    "name": "My mailbox",
    "createdDate": "2026-01-05T09:30:00Z",
    "updatedDate": "2026-01-05T09:30:00Z",
    "token": "ELEMENT_TOKEN",
    "elementId": 6409,
    "tags": ["mailboxes"],
    "provisionInteractions": [],
    "valid": True,
    "disabled": False,
    "maxCacheSize": 0,
    "cacheTimeToLive": 0,
    "eventsEnabled": True,
    "eventsNotificationCallbackUrl": "https://app.example.com/events",
    "traceLoggingEnabled": False,
    "cachingEnabled": False,
    "externalAuthentication": "none",
    "status": "connected",
    "statusReasons": [],
    "user": {"id": 1, "emailAddress": "user@example.com", "firstName": "", "lastName": ""},
    "element": ELEMENT_OF_INSTANCE_EXAMPLE,
    "configuration": {
        "oauth.api.key": "********",
        "oauth.api.secret": "********",
        "oauth.callback.url": "https://app.example.com/oauth/callback",
        "event.notification.enabled": "true",
        "event.notification.callback.url": "https://app.example.com/events",
    },
}
INSTANCE_WANTED_EXAMPLE: dict[str, Any] = {
    "name": "My mailbox",
    "element": {"key": "gmail"},
    "providerData": {"code": "CODE"},
    "configuration": {
        "oauth.api.key": "client-id",
        "oauth.api.secret": "client-secret",
        "oauth.callback.url": "https://app.example.com/oauth/callback",
        "event.notification.enabled": True,
        "event.notification.callback.url": "https://app.example.com/events",
    },
    "tags": ["mailboxes"],
}
INSTANCE_CHANGE_EXAMPLE: dict[str, Any] = {
    "configuration": {"event.poller.refresh_interval": "5"},
    "tags": ["mailboxes", "first"],
}
ROW_EXAMPLE = {
    "id": 176180133541411,
    "key": "event.poller.refresh_interval",
    "name": "Event poller refresh interval (minutes)",
    "propertyValue": "15",
}
