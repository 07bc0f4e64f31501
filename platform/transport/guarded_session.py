"""The address guard under requests.

microsoft-antissrf has a requests adapter too, and we take its table of networks. Its adapter
resolves before every request, also when a connection is open; sends a Host header without the
port; and tries only the first address of a name. Here the judge sits where urllib3 opens the
socket, so a kept connection costs nothing, Host and SNI stay as they are, and the address judged
is the one connected to.
"""

from __future__ import annotations

import socket
import threading
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NameResolutionError, NewConnectionError

from transport import proxy, trust
from transport.errors import ProviderUnreachable
from transport.waiting import time_left

if TYPE_CHECKING:
    from transport.guard import AddressGuard

LONGEST_WAIT_FOR_HEADERS = 30.0  # seconds
POOL_SIZE = 20  # connections kept a host


class _JudgedConnection(HTTPConnection):
    """Connects only to addresses that its guard has judged."""

    guard: AddressGuard

    def _new_conn(self) -> socket.socket:
        name = self._dns_host
        try:
            addresses = self.guard.addresses(name, self.port)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        failure: Exception | None = None
        try:
            for address in addresses:
                self._dns_host = address
                try:
                    return self._connected(address)
                except (NewConnectionError, ProviderUnreachable) as error:
                    failure = error
        finally:
            self._dns_host = name  # the name is what TLS verifies
        assert failure is not None  # noqa: S101 — addresses is never empty
        raise failure

    def _connected(self, address: str) -> socket.socket:
        through = self.guard.proxy
        if through is None or not through.serves(address):
            return super()._new_conn()
        within = time_left(proxy.CONNECT_TIMEOUT)
        return proxy.connect(through, address, self.port, within)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as in urllib3 itself
        """As urllib3's, and cuts a server that feeds its headers byte by byte for ever.

        A socket's own timeout starts anew with every byte.
        """
        late = threading.Event()
        within = time_left(LONGEST_WAIT_FOR_HEADERS)
        watchdog = threading.Timer(within, _cut, (self.sock, late))
        watchdog.daemon = True
        watchdog.start()
        try:
            answer = super().getresponse()
        finally:
            watchdog.cancel()
        if late.is_set():  # http.client takes headers that end too soon for whole ones
            raise TimeoutError("the headers took too long")
        return answer


class _JudgedTLSConnection(_JudgedConnection, HTTPSConnection):
    pass


def _cut(connected: socket.socket | None, late: threading.Event) -> None:
    late.set()
    try:
        if connected is not None:
            # Not SSLSocket.shutdown, which takes the TLS state from under the reading thread.
            socket.socket.shutdown(connected, socket.SHUT_RDWR)
    except OSError:
        return  # it was over already


class GuardedAdapter(HTTPAdapter):
    """A requests adapter whose connections are judged by `guard`."""

    def __init__(self, guard: AddressGuard) -> None:
        self._guard = guard
        super().__init__(pool_maxsize=POOL_SIZE)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        plain = type("PlainConnection", (_JudgedConnection,), {"guard": self._guard})
        self.poolmanager.connection_pool_kw["ssl_context"] = trust.context()
        tls = type("TLSConnection", (_JudgedTLSConnection,), {"guard": self._guard})
        self.poolmanager.pool_classes_by_scheme = {
            "http": type("PlainPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
            "https": type("TLSPool", (HTTPSConnectionPool,), {"ConnectionCls": tls}),
        }

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leave verification to `trust.context`, where requests would add its own list."""
        if verify is True and not cert:
            conn.cert_reqs = "CERT_REQUIRED"
        else:
            super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]


def protect(session: requests.Session, guard: AddressGuard) -> None:
    """Put every request of `session` under `guard`: no redirect, no cookie.

    Nothing of the environment is read: neither HTTP_PROXY and the like nor netrc.
    """
    session.trust_env = False
    session.max_redirects = 0
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.adapters.clear()
    adapter = GuardedAdapter(guard)
    session.mount("https://", adapter)
    session.mount("http://", adapter)


class GuardedSession(requests.Session):
    """A session under a guard that gives a redirect back as the answer it is."""

    def __init__(self, guard: AddressGuard) -> None:
        super().__init__()
        protect(self, guard)

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: no redirect is followed, whatever a request asks for."""
