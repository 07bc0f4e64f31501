"""What an explanation must not say: secrets, wherever a provider or a receiver repeats them.

Rule 1: a URL is shown without the user in it and without its query.
Rule 2: texts that others wrote (errors, answers of receivers) are searched for the secrets of the
instance that they concern, as they are, percent-encoded and in base64.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from encryption.keys import UnsealError
from events.models import Channel, Subscription
from events.signing_key import retired_of
from instances.configuration import MASK
from instances.models import ElementInstance

SHORTEST = 4  # characters; what is shorter occurs in any text


@dataclass(frozen=True, slots=True)
class Masking:
    """Masks the secrets that it knows, longest first, so that none is left in part.

    `blind`: some cannot be opened, so no text of others is shown at all.
    """

    secrets: tuple[str, ...] = ()
    blind: bool = False

    @classmethod
    def of(
        cls, instance: ElementInstance | None, subscriptions: Iterable[Subscription] = ()
    ) -> Masking:
        found: set[str] = set()
        try:
            if instance is not None:
                found.update(_of_instance(instance))
            for subscription in subscriptions:
                found.update(_of_subscription(subscription))
        except UnsealError:
            return cls(blind=True)
        written = {form for secret in found for form in _forms(secret)}
        return cls(tuple(sorted((one for one in written if len(one) >= SHORTEST), key=_length)))

    def text(self, text: str) -> str:
        if self.blind:
            return MASK if text else ""
        for secret in self.secrets:
            text = text.replace(secret, MASK)
        return text


def masked_url(url: str) -> str:
    """A callback's URL, fit to be shown. The addresses of an e-mail are no secret."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return MASK
    if parts.scheme == "mailto":
        return url
    _, at, host = parts.netloc.rpartition("@")
    netloc = f"{MASK}@{host}" if at else host
    return urlunsplit(
        (
            parts.scheme,
            netloc,
            parts.path,
            MASK if parts.query else "",
            MASK if parts.fragment else "",
        )
    )


def _of_instance(instance: ElementInstance) -> Iterator[str]:
    secrets: dict[str, str] = json.loads(instance.secrets)
    yield instance.token
    yield from secrets.values()
    credential = getattr(instance, "credential", None)
    if credential is not None:
        yield credential.access_token
        yield credential.refresh_token


def _of_subscription(subscription: Subscription) -> Iterator[str]:
    yield subscription.signature_key
    yield from (one.key for one in retired_of(subscription))
    for _, value in subscription.sent_along:
        yield value
        yield value.partition(" ")[2]  # what follows Basic or Bearer
    if subscription.channel == Channel.EMAIL:
        return
    try:
        parts = urlsplit(subscription.url)
    except ValueError:
        return
    yield parts.query
    yield parts.password or ""
    for pair in parts.query.split("&"):
        yield unquote(pair.partition("=")[2])


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield quote(secret, safe="")
    yield b64encode(secret.encode("utf-8", "replace")).decode()


def _length(text: str) -> int:
    return -len(text)
