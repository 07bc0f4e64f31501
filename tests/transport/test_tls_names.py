"""A guarded connection goes to a judged address, and still asks for and verifies the name."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from transport.guard import AddressGuard

NAME = "callback.example"


@dataclass
class TLSServer:
    """Answers one request a connection, for `NAME` only; notes the names it was asked for."""

    port: int
    certificate: Path
    names: list[str | None] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)


def write_certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TLSServer]:
    certificate = write_certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        tls = TLSServer(listener.getsockname()[1], certificate)
        context.set_servername_callback(lambda sock, name, context: tls.names.append(name))

        def serve() -> None:
            while True:
                try:
                    plain, _ = listener.accept()
                except OSError:
                    return
                try:
                    with context.wrap_socket(plain, server_side=True) as connection:
                        asked = connection.recv(65536).decode()
                        tls.hosts += [
                            line.partition(": ")[2]
                            for line in asked.split("\r\n")
                            if line.lower().startswith("host:")
                        ]
                        connection.sendall(
                            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
                        )
                except OSError:
                    continue  # a client that did not like our certificate

        thread = threading.Thread(target=serve)
        thread.start()
        yield tls
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


@pytest.fixture
def guard() -> AddressGuard:
    return AddressGuard(["127.0.0.0/8"], resolve=lambda host, port: ["127.0.0.1"])


def get_with_requests(guard: AddressGuard, url: str, certificate: Path) -> str:
    with guard.session() as session:
        return session.get(url, timeout=5, verify=str(certificate)).text


def get_with_aiohttp(guard: AddressGuard, url: str, certificate: Path) -> str:
    async def main() -> str:
        trusted = ssl.create_default_context(cafile=certificate)
        connector = guard.connector(ssl=trusted)
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.get(url) as answer,
        ):
            return await answer.text()

    return asyncio.run(main())


Get = Callable[[AddressGuard, str, Path], str]
EITHER_LIBRARY = pytest.mark.parametrize("get", [get_with_requests, get_with_aiohttp])


@EITHER_LIBRARY
def test_the_name_is_asked_for_and_verified(
    get: Get, server: TLSServer, guard: AddressGuard
) -> None:
    text = get(guard, f"https://{NAME}:{server.port}/", server.certificate)

    assert text == "ok"
    assert server.names == [NAME]
    assert server.hosts == [f"{NAME}:{server.port}"]


@EITHER_LIBRARY
def test_a_certificate_for_another_name_is_not_accepted(
    get: Get, server: TLSServer, guard: AddressGuard
) -> None:
    with pytest.raises((requests.exceptions.SSLError, aiohttp.ClientSSLError)):
        get(guard, f"https://other.example:{server.port}/", server.certificate)
    assert server.hosts == []
