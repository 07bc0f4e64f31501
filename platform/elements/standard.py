"""The configuration that every element has, so that none need write it out.

Definitions in JSON get all of it; an element in Python takes from here what it doesn't say better.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from elements.types import ApiKey, Authentication, Basic, ConfigurationField, OAuth2

BASE_URL = "base.url"
AUTHORIZATION_URL = "oauth.authorization.url"
TOKEN_URL = "oauth.token.url"  # noqa: S105 - the name of a key
REFRESH_URL = "oauth.token.refresh_url"
REVOKE_URL = "oauth.token.revoke_url"
SCOPE = "oauth.scope"
VENDOR_TYPES = ("polling", "webhook")
POLLER = "event.poller.configuration"
VENDOR_TYPE = "event.vendor.type"

# All there is to configure about events. No other key may begin so.
EVENT_KEYS = frozenset(
    {
        "event.notification.enabled",
        "event.notification.type",
        "event.notification.callback.url",
        "event.notification.callback.headers",
        "event.notification.signature.key",
        "event.notification.signature.overlap",
        "event.notification.ordered",
        "event.notification.basic.username",
        "event.notification.basic.password",
        "event.notification.subscription.id",
        "event.notification.instance.finder",
        VENDOR_TYPE,
        "event.vendor.webhook.secret",
        "event.vendor.push.topic",
        "event.poller.refresh_interval",
        POLLER,
        "event.poller.timezone",
        "event.poller.urls",
        "event.objects",
        "event.metadata",
        "event.helper.key",
    }
)

APPLICATION = (
    ConfigurationField(
        "oauth.api.key",
        "API key",
        description="The client id of your application at the provider",
        required=True,
    ),
    ConfigurationField(
        "oauth.api.secret",
        "API secret",
        type="PASSWORD",
        description="The client secret of your application at the provider",
        required=True,
    ),
    ConfigurationField(
        "oauth.callback.url",
        "Callback URL",
        description="A redirect URI of your application",
        required=True,
    ),
    ConfigurationField(SCOPE, "Scope", description="Space-separated scopes"),
)
# What is known of an instance's tokens, and how they are asked for.
TOKENS = (
    ConfigurationField(
        "oauth.basic.header",
        "Client credentials in a header",
        type="BOOLEAN",
        description="Whether the client authenticates by HTTP Basic at the token URL",
        default="false",
        hidden=True,
    ),
    ConfigurationField("oauth.user.token", "Access token", type="PASSWORD", hidden=True),
    ConfigurationField("oauth.user.refresh_token", "Refresh token", type="PASSWORD", hidden=True),
    ConfigurationField(
        "oauth.user.refresh_interval",
        "Token refresh interval",
        type="TEXTFIELD_32",
        description="Seconds that an access token lives unless the provider says otherwise",
        default="3600",
        hidden=True,
    ),
    ConfigurationField(
        "oauth.user.refresh_time",
        "Token refresh time",
        type="TEXTFIELD_32",
        description="When the access token was last refreshed, in milliseconds since 1970",
        hidden=True,
    ),
)
BASIC = (
    ConfigurationField("username", "User name", description="At the provider", required=True),
    ConfigurationField(
        "password", "Password", type="PASSWORD", description="At the provider", required=True
    ),
)
API_KEY = (
    ConfigurationField(
        "api.key", "API key", type="PASSWORD", description="As the provider gave it", required=True
    ),
)
COMMON = (
    ConfigurationField(
        "filter.response.nulls",
        "Leave out fields that are null",
        type="BOOLEAN",
        default="true",
    ),
)
EVENTS = (
    ConfigurationField(
        "event.notification.enabled",
        "Events",
        type="BOOLEAN",
        description="Whether changes are looked for and notified",
        default="false",
        display_order=100,
    ),
    ConfigurationField(
        "event.notification.callback.url",
        "Event callback URL",
        description="Where notifications are sent",
        display_order=101,
    ),
    ConfigurationField(
        "event.notification.signature.key",
        "Event signature key",
        type="PASSWORD",
        description="Signs notifications; without it they are not signed",
        display_order=102,
    ),
    ConfigurationField(
        "event.poller.refresh_interval",
        "Poll interval",
        type="TEXTFIELD_32",
        description="Minutes between two polls, from 1",
        default="15",
        display_order=103,
    ),
    ConfigurationField(
        POLLER,
        "What is polled",
        type="CODE_EDITOR",
        description="JSON: the polled resources, each with its url and idField",
        display_order=104,
    ),
    ConfigurationField(
        VENDOR_TYPE,
        "How changes are noticed",
        type="TEXTFIELD_32",
        default="polling",
        hidden=True,
        choices=("polling",),
        display_order=105,
    ),
    ConfigurationField(
        "event.notification.type",
        "How notifications are sent",
        type="TEXTFIELD_32",
        default="webhook",
        hidden=True,
        choices=("webhook", "queue"),
        display_order=106,
    ),
)


def events(default_poller: Mapping[str, Mapping[str, Any]]) -> tuple[ConfigurationField, ...]:
    """EVENTS of an element that polls by that, unless an instance says otherwise."""
    text = json.dumps(default_poller)
    return tuple(replace(one, default=text) if one.key == POLLER else one for one in EVENTS)


# What it has where the provider tells of changes by itself.
WEBHOOK_SECRET = ConfigurationField(
    "event.vendor.webhook.secret",
    "Webhook secret",
    type="PASSWORD",
    description="What the provider proves its webhooks with",
)
WEBHOOK = (
    ConfigurationField(
        "event.notification.subscription.id",
        "Subscription at the provider",
        description="What the provider's webhooks call this account or their subscription",
        hidden=True,
    ),
    ConfigurationField(
        "event.notification.instance.finder",
        "Where webhooks name the subscription",
        description="Paths in the body with dots, separated by |",
        hidden=True,
    ),
)


def webhook_events(
    default_poller: Mapping[str, Mapping[str, Any]], secret_key: str = WEBHOOK_SECRET.key
) -> tuple[ConfigurationField, ...]:
    """As `events`, of an element whose provider may tell by itself, too."""
    own = tuple(
        replace(one, choices=VENDOR_TYPES) if one.key == VENDOR_TYPE else one
        for one in events(default_poller)
    )
    return (*own, replace(WEBHOOK_SECRET, key=secret_key), *WEBHOOK)


# What an element has in any case, by how it authenticates.
STANDARD: Mapping[type[Authentication], tuple[ConfigurationField, ...]] = {
    OAuth2: (*APPLICATION, *TOKENS, *COMMON, *EVENTS),
    Basic: (*BASIC, *COMMON, *EVENTS),
    ApiKey: (*API_KEY, *COMMON, *EVENTS),
}
