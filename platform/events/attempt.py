"""One HTTP try of a notification: what is sent, and how the receiver's answer is read."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

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
    guarded_anew: aiohttp.ClientSession  # each request opens a connection
    inbox_anew: aiohttp.ClientSession

    def to(self, url: str, *, anew: bool = False) -> aiohttp.ClientSession:
        if is_inbox(url):
            return self.inbox_anew if anew else self.inbox
        return self.guarded_anew if anew else self.guarded


@asynccontextmanager
async def open_sessions(guard: AddressGuard | None = None) -> AsyncGenerator[Sessions, None]:
    guard = guard or default_guard()
    async with (
        _session(guard.connector(limit=0, keepalive_timeout=KEEPALIVE)) as guarded,
        _session(InboxConnector(limit=0, keepalive_timeout=KEEPALIVE)) as inbox,
        _session(guard.connector(limit=0, force_close=True)) as guarded_anew,
        _session(InboxConnector(limit=0, force_close=True)) as inbox_anew,
    ):
        yield Sessions(guarded, inbox, guarded_anew, inbox_anew)


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    read_leniently(connector)
    kept_connections = aiohttp.TraceConfig()
    kept_connections.on_connection_reuseconn.append(_note_kept)
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=HEADERS,
        auto_decompress=False,
        trust_env=False,
        trace_configs=[kept_connections],
    )


async def _note_kept(_session: Any, context: SimpleNamespace, _parameters: Any) -> None:
    context.trace_request_ctx.kept = True


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
    began = time.monotonic()
    connection = SimpleNamespace(kept=False)
    every = {**headers, **own}
    try:
        try:
            return await _once(sessions.to(url), url, body, every, own, within, connection)
        except _CUT as error:
            # A server may close a connection that it kept at the moment when it is written to
            # (RFC 9112 section 9.3.1). It knows the notification by its id if it has read it.
            if not connection.kept or isinstance(error, aiohttp.ClientConnectorError):
                raise
            left = max(within - (time.monotonic() - began), 0.001)
            anew = sessions.to(url, anew=True)
            return await _once(anew, url, body, every, own, left, connection)
    except TransportError as error:  # the address guard's, or of the outgoing proxy
        if isinstance(error, ProviderUnreachable) and not isinstance(error, ProxyFailed):
            return Answer(None, str(error))
        return Answer(None, f"not sent: {error}", sent=False)
    except TimeoutError:
        return Answer(None, f"no answer within {within:g} seconds")
    except (aiohttp.ClientError, ValueError, OSError) as error:
        return Answer(None, _why(error))


# What is raised where a connection ends before its answer.
_CUT = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)


async def _once(
    session: aiohttp.ClientSession,
    url: str,
    body: bytes,
    headers: dict[str, str],
    own: dict[str, str],
    within: float,
    connection: SimpleNamespace,
) -> Answer:
    """Send one request. Notes in `connection` whether it went over one that was kept."""
    async with session.post(
        _url(url),
        data=body,
        headers=headers,
        allow_redirects=False,
        timeout=_timeout(within),
        trace_request_ctx=connection,
    ) as response:
        return Answer(
            response.status,
            error="" if 200 <= response.status < 300 else f"answered {response.status}",
            retry_after=retry_after_seconds(response.headers),
            excerpt=await _excerpt(response, own),
        )


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
