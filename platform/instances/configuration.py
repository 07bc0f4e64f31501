"""What an instance is configured with: reading, checking, keeping secrets apart, masking.

A configuration is flat: key to text. Keys that nobody knows are kept. Secret keys live sealed in
`ElementInstance.secrets`, the others in clear in `ElementInstance.configuration`; OAuth 2 tokens
are neither: they belong to the credential and are shown, masked, among the rest.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accounts.secret import digest
from api.errors import SEALED, BadRequest, Unopened
from elements import catalogue, poller, poller_urls
from elements.application import application_of
from elements.record_dates import TIMEZONE, zone_of
from elements.types import ApiKey, Basic, Element
from elements.webhooks import Proof
from encryption.fields import opens
from instances import callback, watched_objects, whsec
from instances.models import ElementInstance
from transport.errors import AddressRefused
from transport.guard import default_guard
from transport.own_inbox import is_inbox

MASK = "********"
API_KEY = "oauth.api.key"
API_SECRET = "oauth.api.secret"  # noqa: S105 - the name of a key
CALLBACK_URL = "oauth.callback.url"
SCOPE = "oauth.scope"
USER_TOKEN = "oauth.user.token"  # noqa: S105 - the name of a key
REFRESH_TOKEN = "oauth.user.refresh_token"  # noqa: S105 - the name of a key
REFRESH_TIME = "oauth.user.refresh_time"
TOKEN_LIFETIME = "oauth.user.refresh_interval"  # noqa: S105 - the name of a key
OWNER_EMAIL = "notification.owner.email"
EVENTS_ENABLED = "event.notification.enabled"
EVENTS_CALLBACK_URL = "event.notification.callback.url"
NOTIFICATION_TYPE = "event.notification.type"
ORDERED = "event.notification.ordered"
SIGNATURE_KEY = "event.notification.signature.key"
SIGNATURE_OVERLAP = "event.notification.signature.overlap"
VENDOR_TYPE = "event.vendor.type"
SUBSCRIPTION_ID = "event.notification.subscription.id"
INSTANCE_FINDER = "event.notification.instance.finder"
REFRESH_INTERVAL = "event.poller.refresh_interval"
POLLER_CONFIGURATION = "event.poller.configuration"
POLLER_URLS = poller_urls.PATH

DEFAULT_INTERVAL = 15  # minutes
DEFAULT_TOKEN_LIFETIME = 3600  # seconds
LONGEST_INTERVAL = 999_999_999  # minutes; clients park a poller with it
DEFAULT_OVERLAP = 86_400  # seconds that a replaced signature key goes on signing beside the new one
LONGEST_OVERLAP = 30 * 86_400  # seconds
MOST_KEYS = 500
LONGEST_KEY = 200  # characters
LONGEST_VALUE = 65_536  # characters
MOST_CHARACTERS = 262_144  # of all keys and values together
LONGEST_URL = 2_000  # characters

# What an account authenticates with, where it is not OAuth 2.
USERNAME = "username"
PASSWORD = "password"  # noqa: S105 - the name of a key
KEY = "api.key"
BASE_URL = "base.url"
AUTHENTICATION_KEYS: Mapping[type, tuple[str, ...]] = {
    Basic: (BASE_URL, USERNAME, PASSWORD),
    ApiKey: (BASE_URL, KEY),
}
# Of the credential, never stored in a configuration.
CREDENTIAL_KEYS = frozenset({USER_TOKEN, REFRESH_TOKEN, REFRESH_TIME})
SECRET_KEYS = frozenset({API_KEY, API_SECRET, "api.key", *callback.SECRETS})
GIVE_AGAIN = (
    "Give all of them again with PATCH /instances/{id}, or on the page that changes the instance"
)
# Keys that no element declares are judged by how they end.
SECRET_ENDINGS = (
    "password",
    "secret",
    "token",
    ".api.key",
    ".signature.key",
    ".private.key",
)


@dataclass(frozen=True, slots=True)
class Derived:
    """The columns of ElementInstance that follow from its configuration."""

    events_enabled: bool
    vendor_type: str
    refresh_interval: int  # minutes
    callback_url: str


# --- Reading a request -------------------------------------------------------------------------


def given(values: Mapping[str, Any]) -> dict[str, str | None]:
    """The configuration of a request as text; None asks for a key's removal.

    Raises BadRequest naming the key.
    """
    if len(values) > MOST_KEYS:
        raise BadRequest(f"configuration: more than {MOST_KEYS} keys")
    result = {_key(key): _text(key, value) for key, value in values.items()}
    whsec.check(result.get(SIGNATURE_KEY) or "", f"configuration.{SIGNATURE_KEY}")
    return result


def _key(key: str) -> str:
    if not key.strip() or len(key) > LONGEST_KEY:
        raise BadRequest(f"configuration: a key must have 1 to {LONGEST_KEY} characters")
    return key


def _text(key: str, value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise BadRequest(f"configuration.{key}: must be a finite number")
        text = str(int(value)) if value.is_integer() else repr(value)
    elif isinstance(value, str):
        text = value
    else:
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    if len(text) > LONGEST_VALUE:
        raise BadRequest(f"configuration.{key}: longer than {LONGEST_VALUE} characters")
    return text


def merged(
    element: Element,
    stored: Mapping[str, str],
    changes: Mapping[str, str | None],
    *,
    replace: bool = False,
) -> dict[str, str]:
    """The configuration after `changes`: laid over what is stored, or in its place.

    A secret that comes back masked stays as it is stored. An empty event.poller.configuration asks
    for the element's own, and who says what is polled wants polling unless event.vendor.type says
    otherwise. event.poller.urls is translated. Raises BadRequest where all of it together is too
    large, and ConfigurationError for what cannot be translated.
    """
    result = {} if replace else dict(stored)
    for key, value in changes.items():
        if key in CREDENTIAL_KEYS:
            continue
        if value == MASK and is_secret(element, key):
            if key in stored:
                result[key] = stored[key]
        elif value is None or (key == POLLER_CONFIGURATION and not value.strip()):
            result.pop(key, None)
        else:
            result[key] = value
    if (urls := _urls_that_count(changes, stored, result)) is not None:
        result[POLLER_CONFIGURATION] = json.dumps(
            poller_urls.translated(urls, element), ensure_ascii=False
        )
    if POLLER_CONFIGURATION in result:
        result.setdefault(VENDOR_TYPE, "polling")
    size, before = _size(result), _size(stored)
    if size > MOST_CHARACTERS and size > before:
        raise BadRequest(
            f"configuration: its keys and values have {size} characters together; "
            f"{MOST_CHARACTERS} are allowed"
        )
    return result


def _urls_that_count(
    changes: Mapping[str, str | None], stored: Mapping[str, str], result: Mapping[str, str]
) -> str | None:
    """Return the event.poller.urls that say what is polled.

    None where none are given, or event.poller.configuration is given and says it: clients write
    whole configurations back, in which that is the translation of the urls there were before.
    """
    urls = changes.get(POLLER_URLS) or ""
    if not urls.strip():
        return None
    if POLLER_CONFIGURATION not in result:
        return urls
    is_new = urls != stored.get(POLLER_URLS)
    given = changes.get(POLLER_CONFIGURATION)
    return urls if is_new and given in (None, stored.get(POLLER_CONFIGURATION)) else None


def _size(values: Mapping[str, str]) -> int:
    return sum(len(key) + len(value) for key, value in values.items())


# --- Checking ----------------------------------------------------------------------------------


def missing_keys(
    element: Element, configuration: Mapping[str, str], *, without_callback: bool = False
) -> list[str]:
    """The paths of the required keys that have no value.

    `without_callback`: the OAuth callback URL is not needed, as where tokens were brought along.
    """
    values = completed(element, configuration)
    return [
        f"configuration.{field.key}"
        for field in element.configuration
        if field.required
        and not values.get(field.key, "").strip()
        and not (without_callback and field.key == CALLBACK_URL)
    ]


def authenticates(
    element: Element, instance: ElementInstance, configuration: Mapping[str, str]
) -> bool:
    """Whether `configuration` has what the account authenticates with, other than before."""
    names = AUTHENTICATION_KEYS.get(type(element.authentication), ())
    before = readable(instance)
    return any(before.get(name) != configuration.get(name) for name in names)


def require(missing: list[str]) -> None:
    """Raises BadRequest naming every one of the `missing` paths, if there are any."""
    if missing:
        raise BadRequest(f"Missing: {', '.join(missing)}")


def derive(element: Element, configuration: Mapping[str, str]) -> Derived:
    """Checks the event keys and gives the columns that follow from them.

    `resolve` also looks the callback's host up and refuses it when its address is private.
    Raises BadRequest or elements.errors.ConfigurationError, each naming the path.
    """
    values = completed(element, configuration)
    enabled = _flag(EVENTS_ENABLED, values.get(EVENTS_ENABLED, ""))
    vendor_type = _vendor_type(element, values.get(VENDOR_TYPE, ""))
    poller_configuration = values.get(POLLER_CONFIGURATION, "").strip()
    if poller_configuration:
        polled = poller.parse(poller_configuration, element)
        if vendor_type == "polling":
            watched_objects.require_polled(values, polled)
    zone_of(values.get(TIMEZONE, ""), TIMEZONE)
    if enabled and vendor_type == "webhook":
        _require_webhook_secret(element, values)
    _check_choices(element, values)
    callback.headers_of(values)
    overlap(values)
    is_ordered(values)
    return Derived(
        events_enabled=enabled,
        vendor_type=vendor_type,
        refresh_interval=_interval(values.get(REFRESH_INTERVAL, "")),
        callback_url=callback_url(values.get(EVENTS_CALLBACK_URL, "")),
    )


def _check_choices(element: Element, values: Mapping[str, str]) -> None:
    for field in element.configuration:
        value = values.get(field.key, "").strip()
        if field.key != VENDOR_TYPE and field.choices and value and value not in field.choices:
            raise BadRequest(f"{field.key}: must be one of {', '.join(field.choices)}")
        if field.pattern and value and re.fullmatch(field.pattern, value) is None:
            raise BadRequest(f"{field.key}: must be {field.right}")


def _flag(key: str, value: str) -> bool:
    word = value.strip().lower()
    if word not in {"true", "false", ""}:
        raise BadRequest(f"{key}: must be true or false")
    return word == "true"


def _vendor_type(element: Element, value: str) -> str:
    word = value.strip().lower() or "polling"
    if word not in {"polling", "webhook", "webhooks"}:
        raise BadRequest(f"{VENDOR_TYPE}: must be polling or webhook")
    if word == "polling":
        return word
    if element.webhook is None:
        raise BadRequest(
            f"{VENDOR_TYPE}: must be polling: {element.name} has no webhook, which would say how "
            "what its provider sends is believed"
        )
    return "webhook"


def _require_webhook_secret(element: Element, values: Mapping[str, str]) -> None:
    """Without it nothing that the provider sends could be believed. A watch has one of its own.

    Raises BadRequest, and ConfigurationError where what is to be watched cannot be read.
    """
    if element.webhook is None or (element.watch is not None and element.watch.wanted(values)):
        return
    if element.webhook.signature.proof is Proof.NONE:
        return  # an address of the instance's own takes its place: events.unsigned
    key = element.webhook.signature.secret_key
    if not values.get(key, "").strip():
        raise BadRequest(f"{key} is missing: the provider's webhooks are checked with it")


def _interval(value: str) -> int:
    text = value.strip() or str(DEFAULT_INTERVAL)
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) == 0:
        raise BadRequest(
            f"{REFRESH_INTERVAL}: must be a whole number of minutes from 1 to {LONGEST_INTERVAL}"
        )
    return int(text)


def overlap(values: Mapping[str, str]) -> int:
    """How many seconds a replaced signature key goes on signing. Raises BadRequest."""
    text = values.get(SIGNATURE_OVERLAP, "").strip() or str(DEFAULT_OVERLAP)
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) > LONGEST_OVERLAP:
        raise BadRequest(
            f"{SIGNATURE_OVERLAP}: must be a whole number of seconds from 0 to {LONGEST_OVERLAP}"
        )
    return int(text)


def token_lifetime(configuration: Mapping[str, str]) -> int:
    """Seconds until an access token is to be renewed; 0: not before the provider rejects it.

    What is no such number, as some clients store, counts as the default.
    """
    text = configuration.get(TOKEN_LIFETIME, "").strip()
    if not re.fullmatch(r"[0-9]{1,9}", text):
        return DEFAULT_TOKEN_LIFETIME
    return int(text)


def is_ordered(values: Mapping[str, str]) -> bool:
    """Whether the events of each object are sent in their order. Raises BadRequest."""
    return _flag(ORDERED, values.get(ORDERED, ""))


def are_fetched(values: Mapping[str, str]) -> bool:
    """Whether events are queued for a receiver that fetches them, and sent nowhere."""
    return values.get(NOTIFICATION_TYPE, "").strip() == "queue"


def callback_url(value: str, *, path: str = EVENTS_CALLBACK_URL) -> str:
    """Return a URL that notifications may be sent to, or none. Raises BadRequest naming the path.

    It is judged by its text. What its name leads to, each delivery judges, and tells nobody more
    than that it is no public address.
    """
    url = value.strip()
    if not url:
        return ""
    if len(url) > LONGEST_URL:
        raise BadRequest(f"{path}: longer than {LONGEST_URL} characters")
    if is_inbox(url):
        return url
    try:
        default_guard().check_url(url)
    except AddressRefused as error:
        raise BadRequest(f"{path}: {error}") from error
    return url


# --- Keeping and showing -----------------------------------------------------------------------


def is_secret(element: Element, key: str) -> bool:
    """Whether the value of `key` is never shown again."""
    if key in SECRET_KEYS or key in CREDENTIAL_KEYS - {REFRESH_TIME}:
        return True
    for field in element.configuration:
        if field.key == key:
            return field.secret
    return key.lower().endswith(SECRET_ENDINGS)


def defaults(element: Element) -> dict[str, str]:
    return {
        field.key: field.default for field in element.configuration if field.default is not None
    }


def completed(element: Element, configuration: Mapping[str, str]) -> dict[str, str]:
    """With the element's defaults and, where it names no application, the platform's own."""
    values = {**defaults(element), **configuration}
    application = application_of(element)
    if application is not None and not values.get(API_KEY, "").strip():
        values[API_KEY] = application.client_id
        values[API_SECRET] = application.client_secret
        values[CALLBACK_URL] = values.get(CALLBACK_URL, "").strip() or application.callback_url
    return values


def are_open(instance: ElementInstance) -> bool:
    """Return whether the instance's stored secrets can be opened."""
    return opens(instance, "secrets")


def stored(instance: ElementInstance) -> dict[str, str]:
    """What was configured, in clear, without the element's defaults. Raises Unopened."""
    if not are_open(instance):
        raise Unopened(f"The secrets of instance {instance.pk}: {SEALED}. {GIVE_AGAIN}")
    return {**instance.configuration, **json.loads(instance.secrets)}


def readable(instance: ElementInstance) -> dict[str, str]:
    """As `stored`; where the secrets cannot be opened, without them."""
    return stored(instance) if are_open(instance) else dict(instance.configuration)


def keep(instance: ElementInstance, element: Element, configuration: Mapping[str, str]) -> None:
    """Puts the configuration into the instance's columns. Doesn't save.

    A secret stays one when the element does not call it so any more. Secrets that cannot be opened
    stay as they are stored: see lost_secrets.
    """
    if not are_open(instance):
        instance.configuration = dict(configuration)
        return
    before: dict[str, str] = json.loads(instance.secrets)
    secrets = {
        key: value
        for key, value in configuration.items()
        if is_secret(element, key) or before.get(key) == value
    }
    instance.configuration = {
        key: value for key, value in configuration.items() if key not in secrets
    }
    instance.secrets = json.dumps(secrets)
    own = configuration.get(API_KEY, "").strip(), configuration.get(API_SECRET, "").strip()
    instance.application = digest("\0".join(own)) if own[0] else ""


def effective(instance: ElementInstance) -> dict[str, str]:
    """Every key in clear, with the element's defaults. For our own use: it holds secrets.

    Raises Unopened.
    """
    element = element_of(instance)
    return completed(element, stored(instance))


def without_secrets(instance: ElementInstance) -> dict[str, str]:
    """As `effective`; where the stored secrets cannot be opened, without them."""
    return completed(element_of(instance), readable(instance))


def masked(instance: ElementInstance) -> dict[str, str]:
    """As `effective`, fit for an answer: secrets masked, the credential's keys added."""
    element = element_of(instance)
    values = {
        key: MASK if value and is_secret(element, key) else value
        for key, value in defaults(element).items()
    }
    values.update(instance.configuration)
    if are_open(instance):
        values.update(dict.fromkeys(json.loads(instance.secrets), MASK))
    credential = getattr(instance, "credential", None)
    if credential is not None:
        values[USER_TOKEN] = MASK
        if credential.has_refresh_token:
            values[REFRESH_TOKEN] = MASK
        if credential.refreshed_at is not None:
            values[REFRESH_TIME] = str(int(credential.refreshed_at.timestamp() * 1000))
    return dict(sorted(values.items()))


def element_of(instance: ElementInstance) -> Element:
    return catalogue.find(instance.element_key, instance.organization_id)
