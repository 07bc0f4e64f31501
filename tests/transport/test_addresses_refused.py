"""Which addresses the guard refuses, and what the allow-list opens."""

from __future__ import annotations

import socket

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from transport.guard import AddressGuard, default_guard

REFUSED = [
    "0.0.0.0",  # noqa: S104 — nothing is bound
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",  # IPv4-compatible, of which Python says that it is global
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%lo",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert AddressGuard().refuses(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "172.32.0.1", "100.128.0.1", "::ffff:8.8.8.8", "2606:4700::1111"]
)
def test_a_public_address_is_not_refused(address: str) -> None:
    assert not AddressGuard().refuses(address)


def test_the_allow_list_opens_its_networks_and_nothing_else() -> None:
    guard = AddressGuard(["10.1.0.0/16", "fd00::/8"])

    assert not guard.refuses("10.1.2.3")
    assert not guard.refuses("::ffff:10.1.2.3")
    assert not guard.refuses("fd00::1")
    assert guard.refuses("10.2.0.1")
    assert guard.refuses("127.0.0.1")
    assert guard.refuses("64:ff9b::a01:203")  # 10.1.2.3 behind a translator


@pytest.mark.parametrize("prefix", ["64:ff9b::", "64:ff9b:1:2:3:4:"])
def test_translated_addresses_are_judged_by_what_they_lead_to(prefix: str) -> None:
    guard = AddressGuard(["64:ff9b::/96", "64:ff9b:1::/48"])

    assert not guard.refuses(f"{prefix}8.8.8.8")
    for private in ("10.1.2.3", "127.0.0.1", "169.254.169.254", "0.0.0.0"):  # noqa: S104
        assert guard.refuses(f"{prefix}{private}")
    assert not AddressGuard(["64:ff9b::/32", "10.0.0.0/8"]).refuses(f"{prefix}10.1.2.3")


def test_of_a_names_addresses_those_that_are_refused_are_left_out() -> None:
    found = ["10.0.0.1", "2606:4700::1111", "64:ff9b::808:808", "1.1.1.1", "fe80::1"]
    guard = AddressGuard(resolve=lambda *_: found)

    assert guard.addresses("split.example", 443) == ["2606:4700::1111", "1.1.1.1"]


@pytest.mark.parametrize("found", [["10.0.0.1"], ["::1", "127.0.0.1"], ["64:ff9b::808:808"]])
def test_a_name_of_which_all_are_refused_has_no_address(found: list[str]) -> None:
    with pytest.raises(socket.gaierror, match="no public address"):
        AddressGuard(resolve=lambda *_: found).addresses("private.example", 443)


def test_the_allow_list_is_a_setting() -> None:
    with override_settings(ALLOWED_PRIVATE_NETWORKS=["10.0.0.0/8"]):
        assert not default_guard().refuses("10.0.0.1")
    with override_settings(ALLOWED_PRIVATE_NETWORKS=[]):
        assert default_guard().refuses("10.0.0.1")


def test_a_network_that_cannot_be_read_is_named() -> None:
    with (
        override_settings(ALLOWED_PRIVATE_NETWORKS=["10.0.0.0/40"]),
        pytest.raises(ImproperlyConfigured, match=r"ALLOWED_PRIVATE_NETWORKS.*10\.0\.0\.0/40"),
    ):
        default_guard()
