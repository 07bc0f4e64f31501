"""The keys that a provider signs its tokens with (RFC 7517), fetched when they are needed.

Rule 1: a token cannot make us ask the provider more than once a minute, whatever it says.
Rule 2: a key is believed for as long as the provider says, a day at most.

By hand, since jwt.PyJWKClient asks again for every token while its request fails, keeps keys for
one fixed time, and asks past the address guard.
"""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from transport import sync, waiting
from transport.errors import TransportError
from transport.limits import Limits
from transport.types import Account, Request, Response, Steps

LIMITS = Limits(connect=3.0, total=5.0, body=262_144, attempts=1)
ASK_AGAIN = 60.0  # seconds
SHORTEST_AGE, USUAL_AGE, LONGEST_AGE = 300.0, 3_600.0, 86_400.0  # seconds that keys are kept
MOST_KEYS = 50
KEY_SIZES = range(2048, 8193)  # bits

log = structlog.get_logger(__name__)


class KeysUnknownError(Exception):
    """The provider's keys are not known just now: it could not be asked."""


@dataclass(slots=True)
class PublicKeys:
    """Those that are found at one address. Times are on the monotonic clock."""

    url: str
    _keys: dict[str, RSAPublicKey] = field(default_factory=dict)
    _until: float = 0.0
    _asked_at: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, key_id: str) -> RSAPublicKey | None:
        """The key of this id; None when the provider has none. Raises KeysUnknownError."""
        if self._lock.locked():  # somebody asks just now
            waiting.begin()
        with self._lock:
            now = time.monotonic()
            if now >= self._until:
                self._keys = {}
            if key_id not in self._keys and self._may_ask(now):
                self._asked_at = now
                self._ask(now)
            if not self._keys:
                raise KeysUnknownError(f"no public keys are known from {self.url}")
            return self._keys.get(key_id)

    def _may_ask(self, now: float) -> bool:
        return self._asked_at is None or now - self._asked_at >= ASK_AGAIN

    def _ask(self, now: float) -> None:
        try:
            response = sync.run(_get(self.url), Account(self.url), limits=LIMITS)
            keys = _read(response.object())
        except TransportError as error:
            log.warning("public_keys.not_fetched", url=self.url, reason=str(error))
            return
        if keys:
            self._keys, self._until = keys, now + _age(response.headers.get("cache-control", ""))


def _get(url: str) -> Steps[Response]:
    response: Response = yield Request("GET", url)
    return response.raise_for_status()


def _read(found: dict[str, Any]) -> dict[str, RSAPublicKey]:
    """The usable keys of a JWK set; others are passed over, as RFC 7517 section 5 says."""
    listed = found.get("keys")
    keys: dict[str, RSAPublicKey] = {}
    for one in (listed if isinstance(listed, list) else [])[:MOST_KEYS]:
        if not isinstance(one, dict) or one.get("kty") != "RSA":
            continue
        if one.get("use", "sig") != "sig" or one.get("alg", "RS256") != "RS256":
            continue
        try:
            key = jwt.PyJWK(one, algorithm="RS256").key
        except (jwt.PyJWTError, ValueError, TypeError):
            continue
        key_id = one.get("kid")
        if isinstance(key_id, str) and isinstance(key, RSAPublicKey) and key.key_size in KEY_SIZES:
            keys[key_id] = key
    return keys


def _age(cache_control: str) -> float:
    """Seconds, from `max-age` of RFC 9111 section 5.2.2.1."""
    found = re.search(r"(?:^|[,\s])max-age=([0-9]{1,9})", cache_control.lower())
    return min(max(float(found[1]), SHORTEST_AGE), LONGEST_AGE) if found else USUAL_AGE


_known: dict[str, PublicKeys] = {}  # by address, which only the operator and elements name


def public_keys(url: str) -> PublicKeys:
    return _known.setdefault(url, PublicKeys(url))
