"""Gmail, as the catalogue knows it."""

from __future__ import annotations

from elements import standard
from elements.types import ConfigurationField, Element, Guide, OAuth2, Setting
from integrations.gmail import push, scopes
from integrations.gmail.messages import DEFAULT_FORMAT, FORMAT_KEY, FORMATS
from integrations.gmail.resources import RESOURCES
from integrations.gmail.units import QUOTA

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
)

API_FIELDS = (
    ConfigurationField("base.url", "Base URL", hidden=True, setting=BASE_URL),
    ConfigurationField(
        "pagination.max", "Largest page", type="TEXTFIELD_32", default="500", hidden=True
    ),
    ConfigurationField(
        "pagination.type", "Paging", type="TEXTFIELD_32", default="cursor", hidden=True
    ),
    *standard.COMMON,
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

# https://developers.google.com/workspace/guides/create-credentials
GUIDE = Guide(
    (
        "In the Google Cloud console choose or make a project, and enable the Gmail API in it.",
        "Set up the consent screen. While it is in testing, name each mailbox as a test user.",
        "Permissions that are given in testing end after seven days: publish it in the end.",
        "Create an OAuth client of the type Web application.",
        "Paste under Authorized redirect URIs: {callbackUrl}",
        "Copy its client id into API key, and its client secret into API secret.",
    ),
    "https://console.cloud.google.com/apis/credentials",
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
        login_hint="login_hint",
        scope_names=scopes.NAMES,
    ),
    resources=RESOURCES,
    configuration=(
        *OAUTH_FIELDS,
        *standard.TOKENS,
        *API_FIELDS,
        *standard.events(POLLER),
        push.FIELD,
    ),
    default_poller=POLLER,
    prefixes=("/users/me",),  # as Gmail's own paths begin
    quota=QUOTA,
    watch=push.WATCH,
    guide=GUIDE,
)
