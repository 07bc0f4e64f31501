"""What production refuses to start with, each in a sentence that says what is right.

Somebody who can guess SECRET_KEY signs password resets of their own, and who has the encryption
key reads every secret in the database. So a value that is merely there is not enough.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

PUBLISHED = ("development-only", "django-insecure-")  # how keys begin that stand in source code
PUBLISHED_ENCRYPTION_KEY = "ZGV2ZWxvcG1lbnQtb25seS1uZXZlci1pbi1wcm9kISE="
MIN_SECRET_KEY = 50  # characters, as Django's own check of deployments has it (security.W009)
MIN_DISTINCT = 12  # of a key's characters or bytes; 32 random bytes have 24 and more
ENCRYPTION_KEY_BYTES = 32
HOW_TO_SIGN = "python -c 'import secrets; print(secrets.token_urlsafe(50))'"
HOW_TO_ENCRYPT = "python -c 'import base64, os; print(base64.b64encode(os.urandom(32)).decode())'"
# Whatever lies outside of these is reached from the whole internet, or reaches everybody.
PRIVATE_NETWORKS = [
    ip_network(network)
    for network in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",  # RFC 1918
        "100.64.0.0/10",  # RFC 6598
        "127.0.0.0/8", "169.254.0.0/16", "::1/128", "fe80::/10",
        "fc00::/7",  # RFC 4193
        "64:ff9b::/96", "64:ff9b:1::/48",  # RFC 6052, RFC 8215: ways, whose ends are judged
    )
]  # fmt: skip


def faults(
    *,
    secret_key: str,
    encryption_keys: Sequence[str],
    debug: bool,
    allowed_hosts: Sequence[str],
    private_networks: Iterable[str],
    sandboxes: Iterable[str],
) -> list[str]:
    """Return a sentence for each setting that production must not have; none for one not set."""
    found = [_secret_key(secret_key)]
    found += [_encryption_key(key, place) for place, key in enumerate(encryption_keys, 1)]
    if debug:
        found.append(
            "DEBUG is true and shows settings and source code to anyone who meets an error: "
            "remove it, or set DEBUG=false."
        )
    if any(host in {"*", "."} for host in allowed_hosts):
        found.append(
            "ALLOWED_HOSTS holds *, so that links lead to any host that a request names: write "
            "the server's own host names, such as periodic.example.com."
        )
    if any(sandboxes):
        found.append(
            "SANDBOXES offers accounts that exist at no provider: remove it, or set "
            "PERIODIC_ENV=development."
        )
    found += [_network(network.strip()) for network in private_networks if network.strip()]
    return [fault for fault in found if fault]


def _secret_key(key: str) -> str:
    if not key:
        return ""
    if key.startswith(PUBLISHED):
        why = "is the development value, which is published with the source code"
    elif len(key) < MIN_SECRET_KEY or len(set(key)) < MIN_DISTINCT:
        why = f"can be guessed: it needs {MIN_SECRET_KEY} random characters or more"
    else:
        return ""
    return f"SECRET_KEY {why}. Make one with: {HOW_TO_SIGN}"


def _encryption_key(key: str, place: int) -> str:
    try:
        raw = base64.b64decode(key, validate=True)
    except binascii.Error:
        raw = b""
    if key == PUBLISHED_ENCRYPTION_KEY:
        why = "is the development key, which is published with the source code"
    elif len(raw) != ENCRYPTION_KEY_BYTES:
        why = f"is not {ENCRYPTION_KEY_BYTES} bytes in base64"
    elif len(set(raw)) < MIN_DISTINCT:
        why = "can be guessed: its bytes are not random"
    else:
        return ""
    return f"PERIODIC_ENCRYPTION_KEYS: key {place} {why}. Make one with: {HOW_TO_ENCRYPT}"


def _network(text: str) -> str:
    try:
        network = ip_network(text)
    except ValueError:
        network = None
    if network is not None and any(_within(network, private) for private in PRIVATE_NETWORKS):
        return ""
    why = "is not a network" if network is None else "holds addresses that are not private"
    return (
        f"ALLOWED_PRIVATE_NETWORKS: {text} {why}: name only the private networks that customers "
        "may reach, such as 10.1.0.0/16."
    )


def _within(inner: IPv4Network | IPv6Network, outer: IPv4Network | IPv6Network) -> bool:
    if isinstance(inner, IPv4Network) and isinstance(outer, IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(inner, IPv6Network) and isinstance(outer, IPv6Network):
        return inner.subnet_of(outer)
    return False
