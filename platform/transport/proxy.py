"""The operator's outgoing proxy: every connection to a provider or receiver goes through it.

Rule 1: the proxy is asked for an IP address that the address guard has judged, never for a name
(CONNECT, RFC 9110 section 9.3.6). A proxy that resolved the name itself could be led elsewhere.
TLS and the Host header still have the name, and the proxy sees neither.
Rule 2: plain http goes through CONNECT, too: a proxy that is sent a whole URL resolves its host.
Rule 3: the proxy itself is not judged. The operator names it, and it may be on a private network.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import re
import socket
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import unquote, urlsplit

from transport.errors import ProviderUnreachable, ProxyFailed

IPNetwork: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_HEAD = 16_384  # bytes of the proxy's answer to CONNECT
CONNECT_TIMEOUT = 5.0  # seconds to reach the proxy and be connected on
FORM = "http://host:port or http://user:password@host:port, with % escapes in user and password"
_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})(?: |\r\n)")
END = b"\r\n\r\n"
# What a proxy answers when the destination, and not the proxy, is at fault.
DESTINATION_FAILED = frozenset({502, 503, 504})
CREDENTIALS_REFUSED = 407


@dataclass(frozen=True, slots=True)
class OutgoingProxy:
    """Where the proxy is, and which networks are connected to directly."""

    host: str
    port: int
    authorization: str = field(default="", repr=False)  # of Proxy-Authorization
    bypass: tuple[IPNetwork, ...] = ()

    @classmethod
    def read(cls, url: str, bypass: Iterable[str] = ()) -> OutgoingProxy:
        """Read a proxy's URL and the CIDR texts of `bypass`.

        Raises ValueError, which says what would be right and never repeats the URL.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise ValueError(f"it cannot be read; write {FORM}") from None
        if parts.scheme != "http":
            raise ValueError(f"only proxies that are spoken to by http are known; write {FORM}")
        if not parts.hostname or not port or parts.path not in ("", "/") or parts.query:
            raise ValueError(f"it must have a host, a port and nothing behind them; write {FORM}")
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        if ":" in user:
            raise ValueError("the user name must not have a colon in it (RFC 7617)")
        authorization = ""
        if user or password:
            credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
            authorization = f"Basic {credentials}"
        networks = tuple(ipaddress.ip_network(network.strip()) for network in bypass)
        return cls(parts.hostname, port, authorization, networks)

    def serves(self, address: str) -> bool:
        """Return whether a connection to this IP address goes through the proxy."""
        ip = ipaddress.ip_address(address)
        if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
            ip = ip.ipv4_mapped
        return not any(ip in network for network in self.bypass)

    def request(self, address: str, port: int) -> bytes:
        """Return the CONNECT request for an IP address."""
        authority = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        head = f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n"
        if self.authorization:
            head += f"Proxy-Authorization: {self.authorization}\r\n"
        return f"{head}\r\n".encode("ascii")


def connect(
    proxy: OutgoingProxy, address: str, port: int, timeout: float = CONNECT_TIMEOUT
) -> socket.socket:
    """Return a socket that the proxy has connected to a judged IP address; `timeout` in seconds.

    Raises ProxyFailed, or ProviderUnreachable where the destination is at fault.
    """
    deadline = time.monotonic() + timeout
    try:
        connected = socket.create_connection((proxy.host, proxy.port), timeout)
    except OSError as error:
        raise _unreachable(error) from error
    try:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.sendall(proxy.request(address, port))
        head = b""
        while not _is_whole(head):
            connected.settimeout(max(0.001, deadline - time.monotonic()))
            head += _more(connected.recv(MAX_HEAD))
    except OSError as error:
        connected.close()
        raise _unreachable(error) from error
    except BaseException:
        connected.close()
        raise
    return connected


async def aconnect(proxy: OutgoingProxy, address: str, port: int) -> socket.socket:
    """As `connect`, on the event loop and without a time-out: the caller has one."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(proxy.host, proxy.port, type=socket.SOCK_STREAM)
        connected = await _aopen(found)
    except OSError as error:
        raise _unreachable(error) from error
    try:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await loop.sock_sendall(connected, proxy.request(address, port))
        head = b""
        while not _is_whole(head):
            head += _more(await loop.sock_recv(connected, MAX_HEAD))
    except OSError as error:
        connected.close()
        raise _unreachable(error) from error
    except BaseException:
        connected.close()
        raise
    return connected


async def _aopen(found: Sequence[tuple[int, int, int, str, Any]]) -> socket.socket:
    """Return a socket connected to the first address that answers. Raises the last OSError."""
    failure = OSError("the name has no address")
    for family, kind, protocol, _, where in found:
        opened = socket.socket(family, kind, protocol)
        opened.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(opened, where)
        except OSError as error:
            opened.close()
            failure = error
        except BaseException:
            opened.close()
            raise
        else:
            return opened
    raise failure


def _is_whole(head: bytes) -> bool:
    """Return whether the answer has ended, and with success. Raises as `connect` where not."""
    if END not in head:
        if len(head) > MAX_HEAD:
            raise ProxyFailed("the outgoing proxy's answer is too long")
        return False
    status = _STATUS.match(head)
    if status is None:
        raise ProxyFailed("the outgoing proxy's answer is not HTTP")
    code = int(status[1])
    if code == CREDENTIALS_REFUSED:
        raise ProxyFailed("the outgoing proxy does not accept its credentials (407)")
    if code in DESTINATION_FAILED:
        raise ProviderUnreachable(f"the outgoing proxy could not connect to the host ({code})")
    if not 200 <= code < 300:
        raise ProxyFailed(f"the outgoing proxy refused the connection ({code})")
    if not head.endswith(END):  # nobody but the proxy can have spoken before we have
        raise ProxyFailed("the outgoing proxy's answer is not HTTP")
    return True


def _more(received: bytes) -> bytes:
    if not received:
        raise ProxyFailed("the outgoing proxy cut the connection")
    return received


def _unreachable(error: OSError) -> ProxyFailed:
    """Return what went wrong, without the proxy's address: customers read it."""
    if isinstance(error, TimeoutError):
        return ProxyFailed("the outgoing proxy did not answer in time")
    return ProxyFailed("the outgoing proxy cannot be reached")
