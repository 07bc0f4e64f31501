"""Which networks unsigned webhooks may come from: in CIDR notation, or any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_network
from typing import Any

from api.errors import BadRequest
from api.fields import texts

ANY = "any"  # stands alone; nothing stands for it by default
MAX_NETWORKS = 50
LONGEST_NETWORK = 49  # characters: an IPv6 address with an IPv4 one at its end, and /128
FORM = "a network such as 203.0.113.0/24 or 2001:db8::/32"


def networks_of(body: Mapping[str, Any]) -> list[str]:
    """Return `body["networks"]` as it is stored: each once. Raises BadRequest naming the entry."""
    given = texts(body, "networks", longest=LONGEST_NETWORK, most=MAX_NETWORKS)
    if not given:
        raise BadRequest(
            'networks is missing: it must be a list of networks such as ["203.0.113.0/24"], or '
            f'["{ANY}"] where everybody may send who has the address'
        )
    if any(entry.lower() == ANY for entry in given):
        if len(given) > 1:
            raise BadRequest(f"networks must be networks, or {ANY} alone")
        return [ANY]
    found = [_network(entry, f"networks[{place}]") for place, entry in enumerate(given)]
    return [*dict.fromkeys(found)]


def covers(networks: Sequence[str], address: IPv4Address | IPv6Address | None) -> bool:
    """Return whether a client with that address may send. None is an unknown address."""
    if ANY in networks:
        return True
    return address is not None and any(address in ip_network(network) for network in networks)


def _network(entry: str, at: str) -> str:
    try:
        found = ip_network(entry)
    except ValueError as error:
        raise BadRequest(f"{at} must be {FORM}: {error}"[:300]) from error
    if isinstance(found, IPv6Network) and found.network_address.ipv4_mapped is not None:
        raise BadRequest(f"{at} must be written as an IPv4 network, such as 203.0.113.0/24")
    if found.prefixlen == 0:
        raise BadRequest(f'{at} is every address: give ["{ANY}"] where that is meant')
    return str(found)
