"""Read answers of which only the status matters, as leniently as curl does.

aiohttp's parser refuses an answer as a whole for a header that is too long, a length that is given
twice, or bytes after a 204. For a delivery that would be false: the receiver has said 200.

Rule 1: the status line decides. Nothing that comes after it makes an answer unreadable.
Rule 2: where it is not certain where an answer ends, its connection is not used again: the next
answer on it could be taken from the middle of this one.
Rule 3: one event loop reads the answers of all receivers, so what one of them sends is read in time
in proportion to its length, and no more than MAX_HEAD of it before the final status.
"""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from functools import partial
from typing import Any, NamedTuple

import aiohttp
from aiohttp.client_proto import ResponseHandler

# Bytes of a status line and headers, as in curl; what is longer is cut. All that comes before them,
# interim answers and blank lines, has no more.
MAX_HEAD = 300 * 1024
_BEGINNING = b"HTTP/"
_END = re.compile(rb"\r?\n\r?\n")
LONGEST_END = 4  # bytes
_STATUS_LINE = re.compile(rb"HTTP/(\d(?:\.\d)?)[ \t]+(\d{3})(?!\d)[^\n]*\n")
_WITHOUT_BODY = frozenset({204, 205, 304})
# Another answer follows one of these (RFC 9110 section 15.2); 101 is the last.
_INTERIM = re.compile(rb"HTTP/\d(?:\.\d)?[ \t]+1(?!01)\d\d(?!\d)[^\n]*\n")


class Head(NamedTuple):
    """A status line and headers in a form that every parser accepts."""

    status: int
    text: bytes
    has_body: bool


def clean(raw: bytes, *, whole: bool = True) -> Head | None:
    """Return the head of an answer with nothing but its status, framing, date and Retry-After.

    `whole` is False for one that was cut off. None for what has no status line of HTTP/1.
    """
    line = _STATUS_LINE.match(raw)
    if line is None:
        return None
    version, status = line[1], int(line[2])
    fields = _fields(raw[line.end() :])
    framing, certain = _framing(fields, status) if whole else ([b"Content-Length: 0"], False)
    options = {one.strip().lower() for one in b",".join(fields[b"connection"]).split(b",")}
    stays_open = b"close" not in options and (version >= b"1.1" or b"keep-alive" in options)
    lines = [b"HTTP/1.1 %d Status" % status, *framing]
    if not (certain and stays_open):
        lines.append(b"Connection: close")
    lines += [
        name + b": " + re.sub(rb"[^\x20-\x7e]", b"", fields[name][0])[:100]
        for name in (b"retry-after", b"date")
        if fields[name]
    ]
    return Head(status, b"\r\n".join(lines) + b"\r\n\r\n", whole and status not in _WITHOUT_BODY)


def _fields(text: bytes) -> defaultdict[bytes, list[bytes]]:
    """Return the values of each header by its name in lower case; what is no header is left out."""
    fields: defaultdict[bytes, list[bytes]] = defaultdict(list)
    for line in text.splitlines():
        name, colon, value = line.partition(b":")
        if colon:
            fields[name.strip().lower()].append(value.strip())
    return fields


def _framing(fields: defaultdict[bytes, list[bytes]], status: int) -> tuple[list[bytes], bool]:
    """Return the header that says where the body ends, and whether that is certain."""
    lengths = {one.strip() for one in b",".join(fields[b"content-length"]).split(b",")} - {b""}
    codings = [one.strip().lower() for one in b",".join(fields[b"transfer-encoding"]).split(b",")]
    if status in _WITHOUT_BODY:
        return [b"Content-Length: 0"], lengths <= {b"0"} and codings == [b""]
    if codings[-1] == b"chunked":  # it counts where there is a length too: RFC 9112 section 6.3
        return [b"Transfer-Encoding: chunked"], not lengths and len(codings) == 1
    if codings != [b""]:
        return [], False
    numbers = [int(one) for one in lengths if one.isdigit() and len(one) < 19]
    if not numbers:
        return [], False  # it ends with the connection
    return [b"Content-Length: %d" % min(numbers)], len(lengths) == 1


class LenientHandler(ResponseHandler):
    """Puts `clean` before aiohttp's parser, which then reads the body alone."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self._head: bytearray | None = None  # what has come of it; None while none is expected
        self._searched = 0  # bytes of it in which no end begins
        self._passed_over = 0  # bytes before it

    def set_response_params(self, **options: Any) -> None:
        self._head, self._searched, self._passed_over = bytearray(), 0, 0
        super().set_response_params(**options)

    def data_received(self, data: bytes) -> None:
        if self._head is None:
            self._parse(data)
        elif data:
            self._head += data
            self._read_heads()

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._head and not _INTERIM.match(self._head):
            self._pass_on(bytes(self._head), b"", whole=False)
        super().connection_lost(exc)

    def _read_heads(self) -> None:
        """Look for the end of a head in what is new: a server may send it byte by byte."""
        while self._head:
            head = self._head
            if not self._searched and (blank := len(head) - len(head.lstrip(b"\r\n"))):
                self._pass_over(blank)
                continue
            end = _END.search(head, self._searched)
            self._searched = max(0, len(head) - LONGEST_END + 1)
            if not head.startswith(_BEGINNING[: len(head)]):
                self._pass_on(bytes(head), b"", whole=False)
            elif end is not None and _INTERIM.match(head):
                self._pass_over(end.end())
            elif end is not None:
                self._pass_on(bytes(head[: end.end()]), bytes(head[end.end() :]), whole=True)
            elif len(head) > MAX_HEAD:
                self._pass_on(bytes(head), b"", whole=False)
            else:
                return

    def _pass_over(self, size: int) -> None:
        """Take an interim answer or blank lines away, or end where these have too many bytes."""
        assert self._head is not None  # noqa: S101 - it begins with those
        self._passed_over += size
        if self._passed_over > MAX_HEAD:
            self._pass_on(b"no final status\r\n\r\n", b"", whole=False)
            return
        del self._head[:size]
        self._searched = 0

    def _pass_on(self, raw: bytes, rest: bytes, *, whole: bool) -> None:
        """Feed a head and what follows it to the parser, each alone: the first stands anyway."""
        head = clean(raw, whole=whole)
        self._head = None
        self._parse(raw if head is None else head.text)
        if head is None or not rest:
            return
        if head.has_body:
            self._parse(rest)
        else:
            self.force_close()

    def _parse(self, data: bytes) -> None:
        """As aiohttp's own, which lets the reader of a malformed body wait for ever."""
        super().data_received(data)
        if self._payload is not None and self.exception() is not None:
            self._payload.set_exception(aiohttp.ClientPayloadError("the body is malformed"))


def read_leniently(connector: aiohttp.BaseConnector) -> None:
    """Make the connector's connections, none of which is open yet, read with LenientHandler."""
    connector._factory = partial(LenientHandler, loop=connector._loop)  # type: ignore[assignment]
