"""Reads the setting PUBLIC_URL: where people, providers and the worker reach the web server."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured


def read(text: str, *, https_only: bool) -> str:
    """Return the origin that `text` names, without a slash at its end.

    All addresses of the platform begin at the root of a host, so a path is refused. Raises
    ImproperlyConfigured with a sentence that says what is wrong and what is right.
    """
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _wrong(text, str(error)) from error
    if parts.scheme not in {"http", "https"} or not host:
        raise _wrong(text, "it is not an http or https address")
    if parts.username is not None or parts.password is not None:
        raise _wrong("…", "it holds a user name or a password")
    if parts.path.rstrip("/") or parts.query or parts.fragment:
        raise _wrong(
            text,
            "it goes on after the host name. Periodic needs a host name of its own and cannot be "
            "served below a path of another site",
        )
    if https_only and parts.scheme != "https":
        raise _wrong(
            text,
            "it begins with http, and this server redirects http to https. For a network without "
            "TLS set SECURE_SSL_REDIRECT=false",
        )
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}" + ("" if port is None else f":{port}")


def _wrong(text: str, why: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(
        f"PUBLIC_URL cannot be {text!r}: {why}. It is scheme, host name and, where it is not the "
        "usual one, port: https://periodic.example.com"
    )
