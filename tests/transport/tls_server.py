"""A TLS server on 127.0.0.1, with a certificate that no public authority has signed."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

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


@contextmanager
def serving(folder: Path) -> Iterator[TLSServer]:
    certificate = write_certificate(folder)
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
