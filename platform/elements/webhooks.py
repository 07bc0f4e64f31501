"""The types an element says in how its provider tells of changes by itself: webhooks, notices,
and the watches that ask for them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from elements.calls import ChangeType, Received, Told, WatchCall, Watched
from transport.types import Steps

if TYPE_CHECKING:
    from elements.types import Setting  # which has these types as parts of an Element


class Proof(StrEnum):
    """How a webhook shows that the vendor sent it."""

    HMAC_SHA256 = "hmac-sha256"  # RFC 2104
    HMAC_SHA1 = "hmac-sha1"
    TOKEN = "token"  # noqa: S105 - the header holds the secret itself
    NONE = "none"  # it does not: only an address of the instance's own takes it


class Encoding(StrEnum):
    HEX = "hex"
    BASE64 = "base64"


@dataclass(frozen=True, slots=True)
class Signature:
    """Where a webhook's proof stands: in `header`, after `prefix`.

    `signed` is what an HMAC is made of: the body as it came, once, with what else there is around
    it, `{header:Name}` among it, as in "v0:{header:X-Timestamp}:{body}". `secret_key` is the key
    of the instance's configuration that holds the secret. Where the proof is none, nothing of this
    says anything.
    """

    header: str
    proof: Proof = Proof.HMAC_SHA256
    encoding: Encoding = Encoding.HEX  # nothing for a token
    prefix: str = ""
    signed: str = "{body}"
    secret_key: str = "event.vendor.webhook.secret"  # noqa: S105 - the name of a key


UNSIGNED = Signature(header="", proof=Proof.NONE, secret_key="")


@dataclass(frozen=True, slots=True)
class Webhook:
    """How the vendor tells of changes by itself, and where in what it sends they stand.

    A place is a path in the body with dots for nesting, `header:Name`, or `value:text` for a text
    that is always the same. All but `records` and `delivery_id` are looked for in each record and
    then, except for `object_id`, in the whole body.

    `records` leads to the list of records, or to the one; empty: the body is it. `delivery_id` is
    the same whenever the vendor sends the same again, and only then. What is signed alike with a
    moment in it (of `date`, or of a header in `signature.signed`) is the same, too; what has
    neither is so within `repeat_window` seconds.
    `event_types` and `object_types` translate the vendor's words; an event type of None is nothing
    to tell of, as a ping is.
    `form_field` names the field that holds the body as JSON where the vendor sends a form.
    `read` takes the place of all these but `delivery_id` and `form_field` where they can't say it;
    it raises UnreadableWebhookError for what it doesn't understand, and reads no headers but those
    in `read_headers`.
    """

    signature: Signature
    object_type: str = ""
    object_id: str = "id"
    records: str = ""
    event_type: str = ""
    date: str = ""
    delivery_id: str = ""
    repeat_window: int = 0  # seconds
    form_field: str = ""
    event_types: Mapping[str, ChangeType | None] = field(default_factory=dict)
    object_types: Mapping[str, str] = field(default_factory=dict)
    read: Callable[[Received], Sequence[Told]] | None = None
    read_headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IdToken:
    """A token that the provider signs for its own sender, by RS256 (OpenID Connect Core 1.0, 2).

    `keys` is the address of its public keys (RFC 7517). `audience` and `emails` are the names of
    the operator's settings: whom the token must be for, and who may send (with commas between
    them). Without both nobody may.
    """

    keys: Setting
    issuers: tuple[str, ...]
    audience: str
    emails: str


@dataclass(frozen=True, slots=True)
class Notices:
    """What the provider sends of many accounts to one address, /events/{key}: that there is news.

    A notice has no news in it: `resources` of its account are polled at once. `account` reads from
    the body what it calls the account; empty where it names none.
    """

    token: IdToken
    account: Callable[[Any], str]
    resources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Watch:
    """How the provider is asked to tell of an account's changes by itself, and no longer to.

    It is started while events are on, the account is connected and `wanted` says so of the
    configuration; anew `renew_after` each start, and when the configuration was changed. Where the
    element has a `webhook`, this is for instances whose event.vendor.type is webhook, and what the
    provider sends is checked with the watch's own secret. Otherwise it only hastens polls: of what
    the `notices` are of.

    `start` and `stop` may be run again after any step of theirs, for whoever ran them may have been
    killed before the answer was stored. A start finds what an earlier one has made, by the
    callback URL or by the state, and moves it where the configuration says something else now. A
    stop finds it too, and is content when there is nothing.
    """

    start: Callable[[WatchCall], Steps[Watched]]
    stop: Callable[[WatchCall], Steps[None]]
    wanted: Callable[[Mapping[str, str]], bool]
    renew_after: timedelta | None = None  # None: it lasts until it is stopped
    notices: Notices | None = None
    of_account: bool = False
    operator: Mapping[str, str] = field(default_factory=dict)
