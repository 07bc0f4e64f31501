"""One HTTP try of a notification: what is sent, and how the receiver's answer is read."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import aiohttp

from encryption.fields import context_of
from encryption.keys import UnsealError, unseal
from events import signature, signing_key
from events.claim import Claimed
from events.outcome import Answer
from events.signature import RetiredKey
from instances.configuration import MASK
from transport.errors import (
    ProviderUnreachable,
    ProxyFailed,
    TransportError,
    retry_after_seconds,
)
from transport.exact_url import exact_url
from transport.guard import NO_PUBLIC_ADDRESS, AddressGuard, default_guard
from transport.lenient_answer import read_leniently
from transport.own_inbox import InboxConnector, is_inbox
from transport.shares import current_owner, on_behalf_of

TIMEOUT = 15.0  # seconds, from name resolution to the last byte of the answer
EXCERPT = 1_000  # characters of the answer that are kept
SHORTEST_SECRET = 4  # characters; what is shorter is found in any answer
MOST_READ = 65_536  # bytes of an answer that are read so that its connection can be used again
# Shorter than receivers' servers keep an idle connection (gunicorn: 2 s), so that none is written
# to at the moment when the other side closes it.
KEEPALIVE = 1.5  # seconds
HEADERS = {
    "Content-Type": "application/json;charset=UTF-8",
    "User-Agent": "Periodic/0.1",
    "Accept": "*/*",
    "Accept-Encoding": "identity",
}


@dataclass(frozen=True, slots=True)
class Sessions:
    """What `post` sends with. They keep no cookies: they call many customers."""

    guarded: aiohttp.ClientSession
    inbox: aiohttp.ClientSession  # for inboxes of the platform's own, and nothing else

    def to(self, url: str) -> aiohttp.ClientSession:
        return self.inbox if is_inbox(url) else self.guarded


@asynccontextmanager
async def open_sessions(guard: AddressGuard | None = None) -> AsyncGenerator[Sessions, None]:
    guarded = (guard or default_guard()).connector(limit=0, keepalive_timeout=KEEPALIVE)
    own = InboxConnector(limit=0, keepalive_timeout=KEEPALIVE)
    async with _session(guarded) as to_customers, _session(own) as to_inboxes:
        yield Sessions(to_customers, to_inboxes)


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    read_leniently(connector)
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=HEADERS,
        auto_decompress=False,
        trust_env=False,
    )


async def post(
    sessions: Sessions, delivery: Claimed, sent_at: datetime, within: float = TIMEOUT
) -> Answer:
    """Sends the notification once, `within` so many seconds.

    Whatever goes wrong is an Answer without a status.
    """
    body = delivery.body.encode()
    try:
        key = key_of(delivery.subscription_id, delivery.signature_key)
        retired = retired_of(delivery.subscription_id, delivery.retired_keys)
        headers = signature.headers(key, delivery.webhook_id, body, sent_at, retired)
        own = headers_of(delivery.subscription_id, delivery.headers)
    except UnsealError:
        return Answer(
            None, "not sent: a secret of the subscription cannot be decrypted", sent=False
        )
    with on_behalf_of(delivery.organization_id or current_owner()):
        return await send(sessions, delivery.url, body, headers, own, within)


async def send(
    sessions: Sessions,
    url: str,
    body: bytes,
    headers: dict[str, str],
    own: dict[str, str],
    within: float = TIMEOUT,
) -> Answer:
    """As `post`, of what is signed already; `own` are the customer's headers, and secret."""
    try:
        async with sessions.to(url).post(
            _url(url),
            data=body,
            headers={**headers, **own},
            allow_redirects=False,
            timeout=_timeout(within),
        ) as response:
            return Answer(
                response.status,
                error="" if 200 <= response.status < 300 else f"answered {response.status}",
                retry_after=retry_after_seconds(response.headers),
                excerpt=await _excerpt(response, own),
            )
    except TransportError as error:  # the address guard's, or of the outgoing proxy
        if isinstance(error, ProviderUnreachable) and not isinstance(error, ProxyFailed):
            return Answer(None, str(error))
        return Answer(None, f"not sent: {error}", sent=False)
    except TimeoutError:
        return Answer(None, f"no answer within {within:g} seconds")
    except (aiohttp.ClientError, ValueError, OSError) as error:
        return Answer(None, _why(error))


# The same for every delivery of a subscription, and costly beside the rest of an attempt.
_url = lru_cache(maxsize=1_000)(exact_url)
_timeout = lru_cache(maxsize=10)(aiohttp.ClientTimeout)


@lru_cache(maxsize=1_000)
def key_of(subscription_id: int, sealed: str) -> str:
    """The signature key in clear; empty when there is none. Raises UnsealError."""
    return unseal(sealed, context_of("events_subscription", subscription_id, "signature_key"))


def retired_of(subscription_id: int, sealed: str | None) -> tuple[RetiredKey, ...]:
    """The keys that sign beside it, some perhaps at their end. Raises UnsealError."""
    return _retired_of(subscription_id, sealed) if sealed else ()


@lru_cache(maxsize=1_000)
def _retired_of(subscription_id: int, sealed: str) -> tuple[RetiredKey, ...]:
    context = context_of("events_subscription", subscription_id, "retired_keys")
    return tuple(signing_key.read(unseal(sealed, context)))


def headers_of(subscription_id: int, sealed: str | None) -> dict[str, str]:
    """What the customer wants sent along. Raises UnsealError."""
    return _headers_of(subscription_id, sealed) if sealed else {}


@lru_cache(maxsize=1_000)
def _headers_of(subscription_id: int, sealed: str) -> dict[str, str]:
    context = context_of("events_subscription", subscription_id, "headers")
    return dict(json.loads(unseal(sealed, context)))


def _without(sent: dict[str, str], text: str) -> str:
    """Some receivers answer what they were sent: what is secret of it must not be shown."""
    for value in sent.values():
        for part in (value, value.rpartition(" ")[2]):  # Bearer …, Basic …
            if len(part) >= SHORTEST_SECRET:
                text = text.replace(part, MASK)
    return text


async def _excerpt(response: aiohttp.ClientResponse, sent: dict[str, str]) -> str:
    """The beginning of the answer. The status is known: a cut or late body changes nothing."""
    parts: list[bytes] = []
    size = 0
    try:
        while size < MOST_READ and (part := await response.content.readany()):
            parts.append(part)
            size += len(part)
    except (aiohttp.ClientError, TimeoutError, OSError):
        pass
    text = b"".join(parts)[: EXCERPT * 4].decode("utf-8", "replace")
    if sent:
        text = _without(sent, text)
    return text[:EXCERPT].replace("\0", "\N{REPLACEMENT CHARACTER}")


def _why(error: Exception) -> str:
    """What went wrong, without the URL: it may hold a secret of the customer's."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"not sent: {NO_PUBLIC_ADDRESS}"
    if isinstance(error, aiohttp.ClientSSLError):
        return "the TLS certificate or connection is not valid"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "the connection was refused or could not be made"
    if isinstance(error, aiohttp.InvalidURL):
        return "the URL cannot be read"
    if isinstance(error, aiohttp.ClientResponseError):
        return "the answer is not HTTP"
    if isinstance(error, aiohttp.ClientError | OSError):
        return "the connection was cut"
    return "the notification could not be sent"
