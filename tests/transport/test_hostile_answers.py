"""Answers that are late, cut, huge or not what HTTP is: an error in bounded time and memory."""

from __future__ import annotations

import gzip
import socket
import time
import tracemalloc
import zlib
from dataclasses import replace

import pytest

from tests.transport.conftest import TEST_LIMITS, Drive
from tests.transport.connectors import one
from tests.transport.scripted_provider import ScriptedProvider, answer
from transport import guarded_session
from transport.errors import MalformedAnswer, ProviderError, ProviderUnreachable
from transport.types import Account, Request

ONE_ATTEMPT = replace(TEST_LIMITS, attempts=1)
HASTY = replace(ONE_ATTEMPT, total=0.3)
ENDLESS = 120.0  # seconds, as long as nobody is too slow to notice 0.3
SMALL = replace(ONE_ATTEMPT, body=1000)


def test_html_where_json_was_due_is_a_malformed_answer(
    provider: ScriptedProvider, drive: Drive
) -> None:
    provider.answers = [answer(200, b"<html>Sign in</html>", Content_Type="text/html")]

    response = drive(one(Request("GET", "/")), Account(provider.url))

    with pytest.raises(MalformedAnswer):
        response.json()


def test_html_with_an_error_status_is_quoted_in_the_error(
    provider: ScriptedProvider, drive: Drive
) -> None:
    provider.answers = [answer(404, b"<h1>Not\n here</h1>")]

    response = drive(one(Request("GET", "/")), Account(provider.url))

    with pytest.raises(ProviderError, match=r"404.*<h1>Not here</h1>"):
        response.json()


def test_a_provider_that_hangs_is_given_up(provider: ScriptedProvider, drive: Drive) -> None:
    provider.otherwise = provider.hang
    drive.limits = HASTY

    with pytest.raises(ProviderUnreachable, match=r"0\.3 s"):
        drive(one(Request("GET", "/")), Account(provider.url))


def drip(connection: socket.socket, before: bytes, drop: bytes) -> None:
    """Sends a drop every few milliseconds until the other side has had enough, or for ENDLESS."""
    connection.sendall(before)
    gives_up = time.monotonic() + ENDLESS
    while time.monotonic() < gives_up:
        try:
            connection.sendall(drop)
        except OSError:
            return
        time.sleep(0.02)  # the provider's slowness is what is tested


def test_a_body_that_only_drips_is_given_up(provider: ScriptedProvider, drive: Drive) -> None:
    provider.otherwise = lambda connection: drip(
        connection, b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"
    )
    drive.limits = HASTY

    began = time.monotonic()
    with pytest.raises(ProviderUnreachable, match=r"0\.3 s"):
        drive(one(Request("GET", "/")), Account(provider.url))
    assert time.monotonic() - began < ENDLESS / 2


def test_headers_that_only_drip_are_given_up(
    provider: ScriptedProvider, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarded_session, "LONGEST_WAIT_FOR_HEADERS", 0.3)
    provider.otherwise = lambda connection: drip(
        connection, b"HTTP/1.1 200 OK\r\nX-Endless: ", b"x"
    )
    drive.limits = HASTY

    began = time.monotonic()
    with pytest.raises(ProviderUnreachable):
        drive(one(Request("GET", "/")), Account(provider.url))
    assert time.monotonic() - began < ENDLESS / 2


def test_an_answer_that_is_not_http_is_given_up(provider: ScriptedProvider, drive: Drive) -> None:
    provider.otherwise = lambda connection: connection.sendall(b"SSH-2.0-OpenSSH_9.7\r\n\r\n")
    drive.limits = ONE_ATTEMPT

    with pytest.raises(ProviderUnreachable):
        drive(one(Request("GET", "/")), Account(provider.url))


def test_a_provider_that_is_down_is_unreachable(provider: ScriptedProvider, drive: Drive) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and never listening: nobody else takes it
        account = Account(f"http://127.0.0.1:{unused.getsockname()[1]}")

        with pytest.raises(ProviderUnreachable, match="connected"):
            drive(one(Request("GET", "/")), account)
    assert len(drive.pauses) == 2


@pytest.mark.parametrize(
    "huge",
    [
        answer(200, b"x" * 1001),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n%b\r\n0\r\n\r\n"
        % (b"x" * 1024),
        answer(200, gzip.compress(b"x" * 10_000_000), Content_Encoding="gzip"),
    ],
    ids=["announced", "chunked", "compressed"],
)
def test_an_answer_that_is_too_large_is_not_read(
    huge: bytes, provider: ScriptedProvider, drive: Drive
) -> None:
    provider.answers = [huge]
    drive.limits = SMALL

    with pytest.raises(MalformedAnswer, match="larger than 1000 bytes"):
        drive(one(Request("GET", "/")), Account(provider.url))


def test_a_compressed_answer_is_unpacked(provider: ScriptedProvider, drive: Drive) -> None:
    provider.answers = [answer(200, gzip.compress(b'{"a": 1}'), Content_Encoding="gzip")]

    assert drive(one(Request("GET", "/")), Account(provider.url)).json() == {"a": 1}


def test_an_answer_that_cannot_be_unpacked_is_malformed(
    provider: ScriptedProvider, drive: Drive
) -> None:
    provider.answers = [answer(200, b"this is no gzip", Content_Encoding="gzip")]

    with pytest.raises(MalformedAnswer, match="decompressed"):
        drive(one(Request("GET", "/")), Account(provider.url))


def test_an_error_shows_neither_token_nor_query(provider: ScriptedProvider, drive: Drive) -> None:
    provider.otherwise = lambda connection: None
    drive.limits = ONE_ATTEMPT

    with pytest.raises(ProviderUnreachable) as raised:
        drive(
            one(Request("GET", "/", {"key": "secret"}, headers={"X-Key": "secret"})),
            Account(provider.url),
        )
    assert "secret" not in repr(raised.value)


def deflated(body: bytes, window: int) -> bytes:
    packer = zlib.compressobj(9, wbits=window)
    return packer.compress(body) + packer.flush()


ZEROS = bytes(64 * 2**20)
BOMBS = {
    "gzip": deflated(ZEROS, 31),
    "gzip in two members": deflated(ZEROS[: len(ZEROS) // 2], 31) * 2,
    "deflate": deflated(ZEROS, 15),
    "raw deflate": deflated(ZEROS, -15),
    "gzip, gzip": deflated(deflated(ZEROS, 31), 31),
}


@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "chunked"])
@pytest.mark.parametrize("kind", BOMBS)
def test_an_answer_that_unpacks_to_a_thousand_times_its_size_takes_little_memory(
    kind: str, chunked: bool, provider: ScriptedProvider, drive: Drive
) -> None:
    body, encoding = BOMBS[kind], kind.partition(" in ")[0].removeprefix("raw ")
    assert len(body) < 100_000
    if chunked:
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        provider.answers = [head.encode() + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)]
    else:
        provider.answers = [answer(200, body, Content_Encoding=encoding)]
    drive.limits = replace(ONE_ATTEMPT, body=2**20)
    account = Account(provider.url)
    tracemalloc.start()
    try:
        with pytest.raises(MalformedAnswer):
            drive(one(Request("GET", "/")), account).json()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * 2**20
