"""The shapes of what /notifications reads and answers."""

from __future__ import annotations

from typing import Any

from api.schema import (
    FLAG,
    NUMBER,
    TEXT,
    TIME,
    WHERE,
    by_key,
    described,
    in_path,
    listed,
    nullable,
    one_of,
    query,
    shape,
)

in_path("notification_id", "the id of the notification")
in_path("subscription_id", "the id of the subscription")

_SEVERITY = one_of("low", "medium", "high")
_CHANNEL = one_of("webhook", "email", "queue")
_ADDRESSES = {"anyOf": [TEXT, listed(TEXT)]}
NOTIFICATION_WANTED = shape(
    "NotificationWanted",
    {"topic": TEXT, "message": TEXT, "severity?": _SEVERITY, "from?": TEXT},
)
NOTIFICATION = shape(
    "Notification",
    {
        "id": NUMBER,
        "from": TEXT,
        "topic": TEXT,
        "severity": _SEVERITY,
        "message": TEXT,
        "createdDate": TIME,
        "active": FLAG,
        "acknowledged": FLAG,
        "instanceId?": described(NUMBER, "the element instance that it is an event of"),
    },
)
EMAIL_WANTED = shape(
    "EmailWanted",
    {
        "to": described(_ADDRESSES, "users of the organization: a list, or separated by commas"),
        "from?": described(TEXT, "the address that answers go to"),
        "subject?": TEXT,
        "message?": TEXT,
    },
)
_CONFIG = shape(
    "SubscriptionConfig",
    {
        "url?": described(TEXT, "of a webhook: where it is sent"),
        "to?": described(listed(TEXT), "of e-mails: who gets them"),
    },
)
SUBSCRIPTION_WANTED = shape(
    "SubscriptionWanted",
    {
        "channel": _CHANNEL,
        "topics": listed(TEXT),
        "config": shape(
            "SubscriptionConfigWanted",
            {
                "url?": described(TEXT, "of a webhook, required: where to send"),
                "signatureKey?": described(TEXT, "of a webhook: signs what is sent"),
                "headers?": described(
                    {"anyOf": [TEXT, by_key(TEXT)]},
                    "of a webhook: sent along, an object or lines; never answered",
                ),
                "to?": described(_ADDRESSES, "of e-mails, required: users of the organization"),
            },
        ),
    },
)
SUBSCRIPTION = shape(
    "Subscription",
    {
        "id": NUMBER,
        "channel": _CHANNEL,
        "topics": listed(TEXT),
        "config": _CONFIG,
        "active": described(FLAG, "false: what comes is queued, for deactivationReason"),
        "deactivationReason": TEXT,
        "createdDate": TIME,
        "instanceId?": described(NUMBER, "the element instance whose events it gets"),
    },
)
DELIVERY = shape(
    "Delivery",
    {
        "id": NUMBER,
        "notificationId": NUMBER,
        "subscriptionId": NUMBER,
        "status": one_of("created", "retry", "delivered", "queued", "waiting", "failed"),
        "webhookId": TEXT,
        "attempts": described(NUMBER, "how many were made"),
        "createdDate": TIME,
        "updatedDate?": TIME,
        "notification?": NOTIFICATION,
        "subscription?": SUBSCRIPTION,
    },
    "notification and subscription are answered with hydrate=true.",
)
SIGNATURE_KEY_WANTED = shape(
    "SignatureKeyWanted",
    {
        "signatureKey?": described(TEXT, "the new key; without it one is made"),
        "overlapSeconds?": described(
            NUMBER, "how long the old key goes on signing, from 0; a day unless given"
        ),
    },
)
SIGNATURE_KEY = shape(
    "SignatureKey",
    {
        "signatureKey": described(TEXT, "the new key; not answered again"),
        "previousUntil": described(
            nullable(TIME), "when the last of the old keys ends; null when none signs any longer"
        ),
    },
)

TOPICS = query(
    "topics[]", "the topic; may be repeated", TEXT, example="disk-is-full", required=True
)
HYDRATE = query("hydrate", "true adds the notification and the subscription", FLAG, example=True)
WHERE_REQUIRED = {
    **WHERE,
    "required": True,
    "example": "channel='webhook' and status='queued'",
}

NOTIFICATION_WANTED_EXAMPLE = {
    "topic": "disk-is-full",
    "message": "The disk of the importer is full",
    "severity": "high",
    "from": "importer",
}
NOTIFICATION_EXAMPLE: dict[str, Any] = {
    "id": 31,
    **NOTIFICATION_WANTED_EXAMPLE,
    "createdDate": "2026-01-31T12:00:00Z",
    "active": True,
    "acknowledged": False,
}
EMAIL_WANTED_EXAMPLE = {
    "to": "user@example.com",
    "subject": "The importer has stopped",
    "message": "Its disk is full.",
}
SUBSCRIPTION_WANTED_EXAMPLE = {
    "channel": "webhook",
    "topics": ["disk-is-full"],
    "config": {"url": "https://receiver.example.com/notifications"},
}
SUBSCRIPTION_EXAMPLE = {
    "id": 4,
    **SUBSCRIPTION_WANTED_EXAMPLE,
    "active": True,
    "deactivationReason": "",
    "createdDate": "2026-01-31T12:00:00Z",
}
SIGNATURE_KEY_WANTED_EXAMPLE = {"overlapSeconds": 86400}
SIGNATURE_KEY_EXAMPLE = {
    "signatureKey": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=",
    "previousUntil": "2026-02-01T12:00:00Z",
}
DELIVERY_EXAMPLE = {
    "id": 15,
    "notificationId": 31,
    "subscriptionId": 4,
    "status": "delivered",
    "webhookId": "msg_5f0c1e2d3a4b5c6d7e8f9a0b1c2d3e4f",
    "attempts": 1,
    "createdDate": "2026-01-31T12:00:00Z",
    "updatedDate": "2026-01-31T12:00:01Z",
}
