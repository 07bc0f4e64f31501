"""Where our requests may go: only to addresses that anybody on the internet could reach.

Customers name the URLs that we call, so without a guard they could make us call our own machines.
One judge serves both HTTP libraries. It judges the address that a connection is about to be made
to, at the moment of connecting: what a name resolved to at some earlier time proves nothing.

Rule 1: of a name's addresses those that are refused are left out; where all are, the name has none,
as one that does not exist: an error that told them apart would tell the names of our own network.
Rule 2: the allow-list opens networks of addresses, never spellings or schemes.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import aiohttp
import idna
import requests
from AntiSSRF import IPAddressRanges
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from transport.errors import AddressRefused
from transport.guarded_connector import GuardedConnector
from transport.guarded_session import GuardedSession, protect
from transport.proxy import OutgoingProxy
from transport.resolver import SYSTEM, Lookup, Resolver

IPAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

LONGEST_URL = 8192  # characters
# Python's own is_global misses some of these: 6to4 relays, Azure's wire server, AS112.
REFUSED_NETWORKS: tuple[IPNetwork, ...] = tuple(
    ipaddress.ip_network(network) for network in IPAddressRanges.recommended_latest
)
# All of IPv6 that is handed out for hosts of the internet. What lies outside carries another
# address within it (IPv4-mapped and -compatible, NAT64) or isn't for public hosts.
GLOBAL_IPV6 = ipaddress.IPv6Network("2000::/3")
# What translators (NAT64) reach an IPv4 address by, which stands in the last four bytes: RFC 6052
# section 2.1, RFC 8215. Allowed, it opens the way, not what lies at its end.
TRANSLATED_NETWORKS = (
    ipaddress.IPv6Network("64:ff9b::/96"),
    ipaddress.IPv6Network("64:ff9b:1::/48"),
)
LOCALHOST = ipaddress.IPv4Address("127.0.0.1")


@dataclass(frozen=True, slots=True)
class Target:
    """The parts of an http(s) URL that decide where it leads. `host` is ASCII, no brackets."""

    scheme: str
    host: str
    port: int


# Said of a name that leads to a private address and of one that leads nowhere alike: see rule 1.
NO_PUBLIC_ADDRESS = (
    "the host name has no address, or one that is not public (loopback, private or reserved). "
    "An operator can open a network with ALLOWED_PRIVATE_NETWORKS."
)


class AddressGuard:
    """Refuses every address that is not public, except those inside `networks`.

    `networks` are CIDR texts such as "10.0.0.0/8"; ValueError names one that cannot be read.
    What it lets through is connected to by `proxy`, where there is one. `resolve` is replaced in
    tests.
    """

    def __init__(
        self,
        networks: Iterable[str] = (),
        *,
        proxy: OutgoingProxy | None = None,
        resolve: Lookup | None = None,
    ) -> None:
        self.networks = tuple(ipaddress.ip_network(network.strip()) for network in networks)
        self.proxy = proxy
        self._resolver = Resolver(resolve, remembered_for=0) if resolve else SYSTEM

    def refuses(self, address: str | IPAddress) -> bool:
        """Whether no connection may be made to this IP address."""
        ip = ipaddress.ip_address(address) if isinstance(address, str) else address
        if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
            ip = ip.ipv4_mapped  # a connection to it is a connection to the IPv4 address
        if any(ip in network for network in self.networks):
            return _is_translated(ip) and self.refuses(ipaddress.IPv4Address(ip.packed[-4:]))
        if isinstance(ip, ipaddress.IPv6Address) and ip not in GLOBAL_IPV6:
            return True
        return not ip.is_global or any(ip in network for network in REFUSED_NETWORKS)

    def judge(self, address: str | IPAddress, host: str) -> None:
        """Raises AddressRefused when `address`, which `host` stands for, is refused."""
        if self.refuses(address):
            if not _is_address(host):
                raise AddressRefused(NO_PUBLIC_ADDRESS)
            raise AddressRefused(
                f"{host} leads to an address that is not public (loopback, private or reserved). "
                "An operator can open a network with ALLOWED_PRIVATE_NETWORKS."
            )

    def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of a name or IP address that are not refused. Blocks meanwhile.

        Raises AddressRefused for an IP address that is, OSError for a name that has none left.
        """
        host = host.strip("[]")
        if _is_address(host):
            self.judge(host, host)
            return [host]
        try:
            return self._public(self._resolver.addresses(host, port))
        except UnicodeError as error:
            raise _not_a_name() from error

    async def aaddresses(self, host: str, port: int) -> list[str]:
        """As `addresses` for a name, without blocking the event loop."""
        try:
            return self._public(await self._resolver.aaddresses(host, port))
        except UnicodeError as error:
            raise _not_a_name() from error

    def _public(self, found: list[str]) -> list[str]:
        public = [address for address in found if not self.refuses(address)]
        if not public:
            raise socket.gaierror(socket.EAI_NONAME, "the name has no public address")
        return public

    def check_url(self, url: str) -> None:
        """Judge a URL by its text alone.

        Passing is no promise: what its name leads to is judged at every connection. Raises
        AddressRefused, with a message that can follow a field's name.
        """
        target = read_url(url)
        literal = _literal(target.host)
        if literal is not None:
            self.judge(literal, target.host)
        elif _names_this_machine(target.host):
            self.judge(LOCALHOST, target.host)

    def session(self) -> requests.Session:
        """A requests session that is guarded, follows no redirect, and keeps no cookie."""
        return GuardedSession(self)

    def protect(self, session: requests.Session) -> None:
        """Guards a session that somebody else made, such as an OAuth2Session.

        A redirect raises requests.TooManyRedirects there.
        """
        protect(session, self)

    def connector(self, **options: Any) -> aiohttp.TCPConnector:
        """A guarded connector for an aiohttp session; made while the event loop runs.

        `options` are those of aiohttp.TCPConnector, but for the resolver and the socket factory;
        `ssl` is `trust.context` by default.
        aiohttp follows redirects unless each request says allow_redirects=False.
        """
        return GuardedConnector(self, **options)


def default_guard() -> AddressGuard:
    """Return the guard that the settings ask for, with the operator's proxy.

    Raises ImproperlyConfigured, naming the setting that cannot be read.
    """
    return _guard_of(
        tuple(settings.ALLOWED_PRIVATE_NETWORKS),
        settings.OUTGOING_PROXY,
        tuple(settings.OUTGOING_PROXY_BYPASS),
    )


@lru_cache(maxsize=8)
def _guard_of(networks: tuple[str, ...], proxy: str, bypass: tuple[str, ...]) -> AddressGuard:
    networks = _read("ALLOWED_PRIVATE_NETWORKS", networks)
    bypass = _read("OUTGOING_PROXY_BYPASS", bypass)
    if not proxy:
        return AddressGuard(networks)
    try:
        return AddressGuard(networks, proxy=OutgoingProxy.read(proxy, bypass))
    except ValueError as error:
        raise ImproperlyConfigured(f"OUTGOING_PROXY: {error}") from None


def _read(setting: str, networks: Iterable[str]) -> tuple[str, ...]:
    """Return the networks of a setting that are not blank, once all of them could be read."""
    texts = tuple(network.strip() for network in networks if network.strip())
    for text in texts:
        try:
            ipaddress.ip_network(text)
        except ValueError as error:
            raise ImproperlyConfigured(
                f"{setting}: {error}; write networks as 10.0.0.0/8, with commas between"
            ) from error
    return texts


# Whitespace, control characters and the backslash are read differently by different parsers.
_UNREADABLE = re.compile(r"[\x00-\x20\x7f-\xa0\\]|\s")
_HOST_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?", re.IGNORECASE)
# A last label that is a number makes the whole host an IPv4 address, in whatever spelling
# (https://url.spec.whatwg.org/#ends-in-a-number-checker).
_ENDS_IN_A_NUMBER = re.compile(r"(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)\.?$", re.IGNORECASE)


def read_url(url: str) -> Target:
    """Where an http(s) URL leads. Raises AddressRefused when that is not plain to see."""
    if len(url) > LONGEST_URL:
        raise AddressRefused(f"the URL is longer than {LONGEST_URL} characters")
    if _UNREADABLE.search(url):
        raise AddressRefused("the URL has blanks, control characters or backslashes in it")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").lower()
    except ValueError as error:
        raise AddressRefused(f"the URL cannot be read: {error}") from error
    if parts.scheme not in ("http", "https"):
        raise AddressRefused("the URL must begin with http:// or https://")
    if "@" in parts.netloc:
        raise AddressRefused("the URL must not have a user name or password in it")
    if port == 0:
        raise AddressRefused("the URL's port must be a number from 1 to 65535")
    return Target(parts.scheme, _ascii(host), port or (443 if parts.scheme == "https" else 80))


def _ascii(host: str) -> str:
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode("ascii")
        except idna.IDNAError as error:
            raise AddressRefused("the URL's host is not a host name") from error
    if ":" not in host and (len(host) > 253 or not _HOST_NAME.fullmatch(host)):
        raise AddressRefused("the URL must have a host name or an IP address in it")
    return host


def _literal(host: str) -> IPAddress | None:
    """The IP address that a URL's host is; None for a name."""
    if ":" not in host and not _ENDS_IN_A_NUMBER.search(host):
        return None
    try:
        return ipaddress.ip_address(host)
    except ValueError as error:
        raise AddressRefused(
            "an IP address in a URL must be written as 192.0.2.1 or [2001:db8::1]"
        ) from error


def _names_this_machine(host: str) -> bool:
    """RFC 6761 section 6.3: these names mean loopback, whatever a name server says."""
    name = host.rstrip(".")
    return name == "localhost" or name.endswith(".localhost")


def _is_translated(address: IPAddress) -> bool:
    return any(address in network for network in TRANSLATED_NETWORKS)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _not_a_name() -> socket.gaierror:
    """A label that no name server could hold, as Python's codec for names finds it."""
    return socket.gaierror(socket.EAI_NONAME, "not a host name")
