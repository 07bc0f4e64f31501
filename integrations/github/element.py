"""GitHub, as the catalogue knows it."""

from __future__ import annotations

from dataclasses import replace

from elements import standard
from elements.types import ConfigurationField, Element, Guide, OAuth2, Setting
from elements.webhooks import Signature, Watch, Webhook
from integrations.github import objects, repository_hook, scopes, webhook
from integrations.github.api import REPOSITORY
from integrations.github.resources import RESOURCES

BASE_URL = Setting("GITHUB_API_BASE_URL", "https://api.github.com")
AUTHORIZATION_URL = Setting("GITHUB_AUTHORIZATION_URL", "https://github.com/login/oauth/authorize")
TOKEN_URL = Setting("GITHUB_TOKEN_URL", "https://github.com/login/oauth/access_token")
# It takes in the repository's webhooks; for public repositories "public_repo admin:repo_hook" will
# do. https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps
SCOPES = ("repo",)
HUB = "collaboration"
ID_FIELDS = {
    objects.ISSUES: "number",
    objects.COMMENTS: "id",
    objects.PULL_REQUESTS: "number",
    objects.PUSHES: "id",
}
POLLER = {
    name: {"url": f"/hubs/{HUB}/{name}", "idField": id_field}
    for name, id_field in ID_FIELDS.items()
}
# https://docs.github.com/en/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors
ERRORS = {
    "bad_verification_code": "invalid_grant",
    "bad_refresh_token": "invalid_grant",
    "incorrect_client_credentials": "invalid_client",
}

FIELDS = (
    *(
        replace(one, default=" ".join(SCOPES)) if one.key == standard.SCOPE else one
        for one in standard.APPLICATION
    ),
    ConfigurationField(
        REPOSITORY,
        "Repository",
        type="TEXTFIELD_1000",
        description="owner/name of the repository that issues, pushes and the like are of",
        pattern=r"[A-Za-z0-9_-]{1,100}/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}",
        right="the owner and the name of a repository, such as octocat/hello-world",
    ),
    ConfigurationField(
        standard.AUTHORIZATION_URL, "Authorization URL", hidden=True, setting=AUTHORIZATION_URL
    ),
    ConfigurationField(standard.TOKEN_URL, "Token URL", hidden=True, setting=TOKEN_URL),
    ConfigurationField(standard.REFRESH_URL, "Token refresh URL", hidden=True, setting=TOKEN_URL),
    ConfigurationField(standard.BASE_URL, "Base URL", hidden=True, setting=BASE_URL),
    ConfigurationField(
        "pagination.max", "Largest page", type="TEXTFIELD_32", default="100", hidden=True
    ),
    ConfigurationField(
        "pagination.type", "Paging", type="TEXTFIELD_32", default="page", hidden=True
    ),
)

# Theirs never end by themselves.
TOKEN_LIFETIME = "oauth.user.refresh_interval"  # noqa: S105 - the name of a key

# https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/creating-an-oauth-app
GUIDE = Guide(
    (
        "At GitHub open Settings, Developer settings, OAuth Apps, and make a new one.",
        "Paste as its Authorization callback URL: {callbackUrl}",
        "Copy its client id into API key, generate a client secret, and copy that into API secret.",
    ),
    "https://github.com/settings/developers",
)

ELEMENT = Element(
    id=6410,
    key="github",
    name="GitHub",
    hub=HUB,
    description="Issues, comments, pull requests and pushes of a repository, told as they happen.",
    base_url=BASE_URL,
    authentication=OAuth2(
        authorization_url=AUTHORIZATION_URL,
        token_url=TOKEN_URL,
        revoke_url=None,  # GitHub ends grants otherwise than RFC 7009
        scopes=SCOPES,
        errors=ERRORS,
        scope_names=scopes.NAMES,
    ),
    resources=RESOURCES,
    configuration=(
        *FIELDS,
        *(
            replace(one, default=None) if one.key == TOKEN_LIFETIME else one
            for one in standard.TOKENS
        ),
        *standard.COMMON,
        *standard.webhook_events(POLLER),
    ),
    default_poller=POLLER,
    # https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    webhook=Webhook(
        Signature("X-Hub-Signature-256", prefix="sha256="),
        delivery_id="header:X-GitHub-Delivery",
        form_field="payload",  # of hooks that people make, unless they choose application/json
        read=webhook.read,
        read_headers=(webhook.EVENT_HEADER,),
    ),
    watch=Watch(repository_hook.start, repository_hook.stop, repository_hook.wanted),
    guide=GUIDE,
)
