"""Keeping a sandbox to this machine, whatever a foreign page makes somebody's browser send."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def only_loopback(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what a foreign web page sends here through somebody's browser."""
    origin = request.headers.get("Origin")
    if _host(f"//{request.host}") not in LOOPBACK_HOSTS:
        return web.Response(status=421, text="The sandbox answers to loopback names only.\n")
    if origin is not None and urlsplit(origin).netloc != request.host:
        return web.Response(status=403, text="Requests from other sites are refused.\n")
    response = await handler(request)
    if not response.prepared:
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("X-Frame-Options", "DENY")
        response.headers.setdefault("Referrer-Policy", "same-origin")
        response.headers.setdefault(
            "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"
        )
    return response


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def is_loopback_url(url: str) -> bool:
    """An http(s) URL on this machine, without user name and fragment."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https")
        and parts.hostname in LOOPBACK_HOSTS
        and "@" not in parts.netloc
        and "#" not in url
    )
