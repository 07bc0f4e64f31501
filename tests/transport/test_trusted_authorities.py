"""One rule says whose certificates are believed, for both HTTP libraries."""

from __future__ import annotations

import asyncio
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from events import attempt
from events.outcome import Answer
from instances import grant
from tests.transport.conftest import TEST_LIMITS, Drive
from tests.transport.connectors import Tokens, one
from tests.transport.tls_server import NAME, TLSServer
from transport import trust
from transport.errors import ProviderUnreachable
from transport.guard import AddressGuard
from transport.types import Account, Request


def get(drive: Drive, server: TLSServer) -> int:
    drive.limits = replace(TEST_LIMITS, attempts=1)
    drive.guard = _guard()
    url = f"https://{NAME}:{server.port}/"
    status: int = drive(one(Request("GET", url)), Account(url, Tokens(["token"]))).status
    return status


def _guard() -> AddressGuard:
    return AddressGuard(["127.0.0.0/8"], resolve=lambda host, port: ["127.0.0.1"])


def hashed(certificate: Path, folder: Path) -> Path:
    """A directory as OpenSSL reads one."""
    command = ["openssl", "x509", "-noout", "-subject_hash", "-in", str(certificate)]
    name = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    folder.mkdir()
    (folder / f"{name}.0").write_bytes(certificate.read_bytes())
    return folder


def test_a_private_authority_is_not_believed_unasked(drive: Drive, server: TLSServer) -> None:
    with pytest.raises(ProviderUnreachable, match="TLS certificate"):
        get(drive, server)
    assert server.hosts == []


def test_a_file_names_whom_to_believe(drive: Drive, server: TLSServer) -> None:
    with override_settings(SSL_CERT_FILE=str(server.certificate)):
        assert get(drive, server) == 200


def test_so_does_a_directory(drive: Drive, server: TLSServer, tmp_path: Path) -> None:
    folder = hashed(server.certificate, tmp_path / "certificates")
    with override_settings(SSL_CERT_DIR=f"{folder}:{folder}"):
        assert get(drive, server) == 200


def test_deliveries_and_token_endpoints_follow_it(
    server: TLSServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"https://{NAME}:{server.port}/"

    async def deliver() -> Answer:
        async with attempt.open_sessions(_guard()) as sessions:
            return await attempt.send(sessions, url, b"{}", {}, {}, 5.0)

    monkeypatch.setattr(grant, "default_guard", _guard)
    with override_settings(SSL_CERT_FILE=str(server.certificate)):
        assert asyncio.run(deliver()).status == 200
        with grant._session("id") as session:
            assert session.request("GET", url, withhold_token=True).status_code == 200
    assert asyncio.run(deliver()).error == "the TLS certificate or connection is not valid"


def test_what_is_named_is_believed_and_nothing_else(server: TLSServer) -> None:
    with override_settings(SSL_CERT_FILE=str(server.certificate)):
        assert trust.context().cert_store_stats()["x509"] == 1
    with override_settings(SSL_CERT_FILE="", SSL_CERT_DIR=""):
        assert trust.context().cert_store_stats()["x509_ca"] > 50


@pytest.mark.parametrize("setting", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_what_cannot_be_read_is_named(setting: str, tmp_path: Path) -> None:
    with (
        override_settings(**{setting: str(tmp_path)}),
        pytest.raises(ImproperlyConfigured, match=rf"{setting}.*{tmp_path}"),
    ):
        trust.context()
