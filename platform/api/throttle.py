"""Who may make how many requests a minute: settings THROTTLE_*, of which 0 is no limit.

Callers are counted by user and by organization; requests without secrets, and those with wrong
ones, by the address that they come from.
"""

from __future__ import annotations

import math
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, cast

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from api.allowance import Allowance
from api.errors import TooManyRequests

if TYPE_CHECKING:
    from rest_framework.views import APIView

allowance = Allowance()
WORDS = {
    "user": "user",
    "organization": "organization",
    "address": "address without secrets",
    "refusals": "address with wrong secrets",
    "sign-ins": "address that signs in",
    "inbox": "inbox",
    "unsigned": "address for unsigned webhooks",
}


class CallerThrottle(BaseThrottle):
    """Counts a request that has passed authentication and permissions. Raises TooManyRequests.

    A view that must not be limited by address, as it is called by providers, names no throttle
    classes.
    """

    def allow_request(self, request: Request, view: APIView) -> bool:
        from api.authentication import Caller

        caller = request.auth
        if not isinstance(caller, Caller):
            take(f"address {address_of(request)}", settings.THROTTLE_ADDRESS)
            return True
        take(f"user {caller.user.pk}", settings.THROTTLE_USER)
        take(f"organization {caller.organization.pk}", settings.THROTTLE_ORGANIZATION)
        return True


def count_refusal(request: Request) -> None:
    """Counts a request with a wrong secret, for its address. Raises TooManyRequests."""
    take(f"refusals {address_of(request)}", settings.THROTTLE_REFUSALS)


def take(subject: str, limit: int) -> None:
    """Counts a request of the subject. Raises TooManyRequests, with whole seconds to wait."""
    if wait := allowance.wait(subject, limit):
        whom = WORDS[subject.split()[0]]
        seconds = math.ceil(wait)
        raise TooManyRequests(
            f"too many requests: {limit} a minute are let through for one {whom}; "
            f"try again in {seconds} seconds",
            wait=seconds,
        )


def address_of(request: Request | HttpRequest) -> str:
    """The client's address; of IPv6 the network of 64 bits, which one host may have to itself."""
    address = client_of(request)
    if address is None:
        return "unknown"
    if isinstance(address, IPv6Address):
        return str(ip_network((int(address) >> 64 << 64, 64)))
    return str(address)


def client_of(request: Request | HttpRequest) -> IPv4Address | IPv6Address | None:
    """Return the client's exact address, an IPv4-mapped one as IPv4; None for no address.

    X-Forwarded-For is believed as far as the setting PROXIES counts proxies in front. Some of them
    write the client's port behind its address.
    """
    written = BaseThrottle().get_ident(cast("Request", request)) or ""
    try:
        address = ip_address(_without_port(written))
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _without_port(written: str) -> str:
    """Of 192.0.2.1:4711, and of [2001:db8::1]:4711 (RFC 3986 section 3.2.2), with or without it."""
    if written.startswith("["):
        return written[1:].partition("]")[0]
    host, _, port = written.partition(":")
    return host if "." in host and port.isdecimal() else written
