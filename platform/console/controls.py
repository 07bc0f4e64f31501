"""What the form for an instance asks: its controls, and where in the body each stands.

Rule 1: a control is a place in the body of POST /instances, and `path` is both that place and the
name of the form's field. So the way between form and body is the same for all of them; it is
written twice, in console/forms.py and in static/console/body.js, and what the two must know of a
control is an attribute of its field.
Rule 2: a control shows `default` where the body says nothing, and the body says nothing where a
control shows it, unless it is to be said `always`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from elements.application import application_of
from elements.definition.written import default_of
from elements.record_dates import TIMEZONE
from elements.types import ConfigurationField, Element
from instances import callback
from instances import configuration as keys

IN_CONFIGURATION = "configuration."


class Kind(StrEnum):
    TEXT = "text"
    SECRET = "secret"  # noqa: S105 - the name of a kind
    LINES = "lines"
    NUMBER = "number"  # whole
    FLAG = "flag"
    CHOICE = "choice"
    TAGS = "tags"  # one a line


@dataclass(frozen=True, slots=True)
class Control:
    """One field of the form. `longest` is in characters."""

    path: str
    label: str
    kind: Kind = Kind.TEXT
    help: str = ""
    default: str = ""
    required: bool = False
    always: bool = False
    choices: tuple[str, ...] = ()
    longest: int = 1_000
    fixed: bool = False  # shown, and not to be changed

    @property
    def key(self) -> str:
        """As the API's messages name it."""
        return self.path.removeprefix(IN_CONFIGURATION)


@dataclass(frozen=True, slots=True)
class Controls:
    """The controls of an element, in the groups that the page has. None: it has no such thing."""

    name: Control
    tags: Control
    account: tuple[Control, ...]
    optional: tuple[Control, ...]
    events: Control
    vendor_type: Control | None
    webhook_secret: Control | None
    callback: Control
    signature_key: Control
    interval: Control
    further: tuple[Control, ...]  # about events

    def __iter__(self) -> Iterator[Control]:
        yield from (self.name, self.tags, *self.account, *self.optional, self.events)
        for one in (self.vendor_type, self.webhook_secret):
            if one is not None:
                yield one
        yield from (self.callback, self.signature_key, self.interval, *self.further)


NAME = Control("name", "Name", required=True, longest=200, help="How it appears in lists.")
TAGS = Control(
    "tags", "Tags", Kind.TAGS, longest=20_000, help="To find it by; one a line. May be left empty."
)
EVENTS = Control(
    IN_CONFIGURATION + keys.EVENTS_ENABLED,
    "Events Enabled",
    Kind.FLAG,
    default="false",
    always=True,
    help="Changes at the provider are noticed and told as events.",
)
CALLBACK = Control(
    IN_CONFIGURATION + keys.EVENTS_CALLBACK_URL,
    "Callback URL",
    longest=keys.LONGEST_URL,
    help="Where events are sent. Without one they are recorded only.",
)
SIGNATURE_KEY = Control(
    IN_CONFIGURATION + keys.SIGNATURE_KEY,
    "Signature key",
    Kind.SECRET,
    longest=500,
    help="Signs each event, so that your receiver can verify it.",
)
INTERVAL = Control(
    IN_CONFIGURATION + keys.REFRESH_INTERVAL,
    "Event poller refresh interval (mins)",
    Kind.NUMBER,
    default=str(keys.DEFAULT_INTERVAL),
    always=True,
)
FURTHER = (
    Control(
        IN_CONFIGURATION + keys.ORDERED,
        "Send the events of each object in their order",
        Kind.FLAG,
        default="false",
        help="One that cannot be delivered then holds back the later ones of the same object.",
    ),
    Control(
        IN_CONFIGURATION + callback.HEADERS,
        "Headers sent along",
        Kind.LINES,
        longest=callback.LONGEST_HEADERS,
        help="With each event, one a line, such as X-Api-Key: abc",
    ),
    Control(
        IN_CONFIGURATION + callback.USERNAME,
        "User name at the callback URL",
        help="For receivers that ask for HTTP Basic authentication.",
    ),
    Control(IN_CONFIGURATION + callback.PASSWORD, "Password at the callback URL", Kind.SECRET),
    Control(
        IN_CONFIGURATION + TIMEZONE,
        "Time zone of the provider's dates",
        help="For dates that do not name one, such as America/Denver. UTC without it.",
    ),
)
# Asked of by controls of their own, or not at all.
APART = {
    keys.EVENTS_ENABLED,
    keys.EVENTS_CALLBACK_URL,
    keys.SIGNATURE_KEY,
    keys.REFRESH_INTERVAL,
    keys.POLLER_CONFIGURATION,
    keys.VENDOR_TYPE,
    keys.CALLBACK_URL,
}
# What an element leaves open among these is nobody's question about the account.
USUAL = ("oauth.", "filter.", "pagination.")


def controls_of(element: Element, callback_url: str) -> Controls:
    """`callback_url` is where the provider sends people back to, where it sends them anywhere."""
    secret_key = element.webhook.signature.secret_key if element.webhook is not None else ""
    asked = [
        one
        for one in element.configuration
        if one.key not in APART and one.key != secret_key and not one.hidden
    ]
    own = [one for one in asked if not one.key.startswith("event.")]
    open_ones = [one for one in own if _is_open(one)]
    account = [_control(element, one) for one in open_ones]
    if any(one.key == keys.CALLBACK_URL for one in element.configuration):
        account.append(_redirect_uri(callback_url))
    declared = [_control(element, one) for one in asked if one.key.startswith("event.")]
    known = {one.path for one in declared}
    return Controls(
        name=replace(NAME, default=""),
        tags=TAGS,
        account=tuple(account),
        optional=tuple(_control(element, one) for one in own if one not in open_ones),
        events=EVENTS,
        vendor_type=_vendor_type(element),
        webhook_secret=_webhook_secret(element, secret_key),
        callback=CALLBACK,
        signature_key=SIGNATURE_KEY,
        interval=INTERVAL,
        further=(*declared, *(one for one in FURTHER if one.path not in known)),
    )


def _is_open(field: ConfigurationField) -> bool:
    """Whether it is asked for openly: it is needed, or nobody knows it but the person."""
    if field.required:
        return True
    return default_of(field) is None and not field.key.startswith(USUAL)


def _control(element: Element, field: ConfigurationField) -> Control:
    own_application = application_of(element) is not None and field.key in (
        keys.API_KEY,
        keys.API_SECRET,
    )
    said = field.description
    if own_application:
        said = f"{said}. Left empty, this installation's own application is used."
    return Control(
        IN_CONFIGURATION + field.key,
        field.name,
        _kind(field),
        help=said,
        default=default_of(field) or "",
        required=field.required and not own_application,
        choices=field.choices,
        longest=keys.LONGEST_VALUE,
    )


def _kind(field: ConfigurationField) -> Kind:
    if field.secret:
        return Kind.SECRET
    if field.choices:
        return Kind.CHOICE
    if field.type == "BOOLEAN":
        return Kind.FLAG
    return Kind.LINES if field.type in ("TEXTAREA", "CODE_EDITOR") else Kind.TEXT


def _redirect_uri(callback_url: str) -> Control:
    return Control(
        IN_CONFIGURATION + keys.CALLBACK_URL,
        "Callback URL for the provider",
        default=callback_url,
        always=True,
        fixed=True,
        longest=keys.LONGEST_URL,
        help="The provider sends you back to it: register it there, letter for letter.",
    )


def _vendor_type(element: Element) -> Control | None:
    """Where there is anything to choose."""
    if element.webhook is None:
        return None
    polled = any(one.can_be_polled for one in element.resources)
    return Control(
        IN_CONFIGURATION + keys.VENDOR_TYPE,
        "Event type",
        Kind.CHOICE,
        default=keys.defaults(element).get(keys.VENDOR_TYPE, "polling") if polled else "webhook",
        always=True,
        choices=("polling", "webhook") if polled else ("webhook",),
    )


def _webhook_secret(element: Element, key: str) -> Control | None:
    if not key:
        return None
    field = next((one for one in element.configuration if one.key == key), None)
    by_itself = element.watch is not None
    return Control(
        IN_CONFIGURATION + key,
        field.name if field is not None else "Webhook secret",
        Kind.SECRET,
        help="Only for a webhook that you register by hand. Left empty, one is registered by "
        "itself, where the account above says of what."
        if by_itself
        else "What the provider signs its webhooks with.",
    )
