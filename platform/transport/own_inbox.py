"""The one place of the platform's own that deliveries may go to: an inbox below PUBLIC_URL.

On a machine of one's own, and behind many proxies, PUBLIC_URL leads to an address that is not
public, which the address guard refuses, and rightly for any other URL there.

Rule 1: an inbox's URL is PUBLIC_URL + /inbox/ + a key, character for character. Nothing is decoded
or made alike first, so that nothing else can be made to look like it.
Rule 2: its connections are of a pool of their own. One of them is never used for another path of
the same host, and the pool asks Rule 1 again of each request.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import aiohttp
from django.conf import settings

from transport.errors import AddressRefused
from transport.exact_url import exact_url
from transport.guard import AddressGuard
from transport.guarded_connector import GuardedConnector

if TYPE_CHECKING:
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

KEY = r"[A-Za-z0-9_-]{43}"  # 32 random bytes in Base64
_KEY = re.compile(KEY)
ANYWHERE = ("0.0.0.0/0", "::/0")  # the operator says where PUBLIC_URL leads


def url_of(key: str) -> str:
    """The URL of the inbox with this key."""
    return f"{settings.PUBLIC_URL}/inbox/{key}"


def is_inbox(url: str) -> bool:
    """Whether this is the URL of an inbox, be there one with that key or not."""
    key = url.rpartition("/")[2]
    return _KEY.fullmatch(key) is not None and url == url_of(key)


class InboxConnector(GuardedConnector):
    """Connects wherever PUBLIC_URL leads, for requests to an inbox alone."""

    def __init__(self, **options: Any) -> None:
        super().__init__(AddressGuard(ANYWHERE), **options)

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - as aiohttp has it
    ) -> Connection:
        key = req.url.raw_path.rpartition("/")[2]
        if not _KEY.fullmatch(key) or req.url != exact_url(url_of(key)):
            raise AddressRefused("only an inbox may be reached this way")
        return await super().connect(req, traces, timeout)
