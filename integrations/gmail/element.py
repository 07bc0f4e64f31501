"""Gmail, as the catalogue knows it."""

from __future__ import annotations

import json

from elements.types import ConfigurationField, Element, OAuth2, Setting
from integrations.gmail.messages import DEFAULT_FORMAT, FORMAT_KEY, FORMATS
from integrations.gmail.resources import RESOURCES

BASE_URL = Setting("GMAIL_API_BASE_URL", "https://gmail.googleapis.com")
AUTHORIZATION_URL = Setting(
    "GOOGLE_AUTHORIZATION_URL", "https://accounts.google.com/o/oauth2/v2/auth"
)
TOKEN_URL = Setting("GOOGLE_TOKEN_URL", "https://oauth2.googleapis.com/token")
REVOKE_URL = Setting("GOOGLE_REVOKE_URL", "https://oauth2.googleapis.com/revoke")
SCOPES = ("https://mail.google.com/", "https://www.googleapis.com/auth/gmail.settings.basic")
POLLER = {"changed-messages": {"url": "/hubs/general/changed-messages", "idField": "id"}}

OAUTH_FIELDS = (
    ConfigurationField(
        "oauth.api.key",
        "API key",
        description="The client id of your Google project",
        required=True,
    ),
    ConfigurationField(
        "oauth.api.secret",
        "API secret",
        type="PASSWORD",
        description="The client secret of your Google project",
        required=True,
    ),
    ConfigurationField(
        "oauth.callback.url",
        "Callback URL",
        description="A redirect URI of your Google project",
        required=True,
    ),
    ConfigurationField(
        "oauth.scope", "Scope", description="Space-separated scopes", default=" ".join(SCOPES)
    ),
    ConfigurationField(
        "oauth.authorization.url", "Authorization URL", hidden=True, setting=AUTHORIZATION_URL
    ),
    ConfigurationField("oauth.token.url", "Token URL", hidden=True, setting=TOKEN_URL),
    ConfigurationField(
        "oauth.token.refresh_url", "Token refresh URL", hidden=True, setting=TOKEN_URL
    ),
    ConfigurationField(
        "oauth.token.revoke_url", "Token revocation URL", hidden=True, setting=REVOKE_URL
    ),
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
        description="Seconds that an access token lives unless Google says otherwise",
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

API_FIELDS = (
    ConfigurationField("base.url", "Base URL", hidden=True, setting=BASE_URL),
    ConfigurationField(
        "pagination.max", "Largest page", type="TEXTFIELD_32", default="500", hidden=True
    ),
    ConfigurationField(
        "pagination.type", "Paging", type="TEXTFIELD_32", default="cursor", hidden=True
    ),
    ConfigurationField(
        "filter.response.nulls",
        "Leave out fields that are null",
        type="BOOLEAN",
        default="true",
    ),
    ConfigurationField(
        FORMAT_KEY,
        "Format of changed messages",
        type="COMBO",
        description="How much of a changed message an event holds: minimal has labels and no "
        "headers, metadata adds the headers, full the body, raw is the mail as sent",
        default=DEFAULT_FORMAT,
        choices=FORMATS,
    ),
)

EVENT_FIELDS = (
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
        "event.poller.configuration",
        "What is polled",
        type="CODE_EDITOR",
        description="JSON: the polled resources, each with its url and idField",
        default=json.dumps(POLLER),
        display_order=104,
    ),
    ConfigurationField(
        "event.vendor.type",
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
        choices=("webhook",),
        display_order=106,
    ),
)

ELEMENT = Element(
    id=6409,
    key="gmail",
    name="Gmail",
    hub="general",
    description="Mail of a Gmail or Google Workspace account, with every change of it as an event.",
    base_url=BASE_URL,
    authentication=OAuth2(
        authorization_url=AUTHORIZATION_URL,
        token_url=TOKEN_URL,
        revoke_url=REVOKE_URL,
        scopes=SCOPES,
        # Both are needed to be given a refresh token on every consent, not only on the first.
        authorization_parameters=(("access_type", "offline"), ("prompt", "consent")),
    ),
    resources=RESOURCES,
    configuration=(*OAUTH_FIELDS, *API_FIELDS, *EVENT_FIELDS),
    default_poller=POLLER,
    prefixes=("/users/me",),  # as Gmail's own paths begin
)
