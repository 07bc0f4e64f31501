"""Reads the body of a webhook, which may be far larger than other bodies.

Rule 1: nobody who sends has proven anything yet. What is large goes to a file while it arrives, so
that slow or many senders take no memory.
Rule 2: only AT_ONCE large ones of a process are in memory, where they are proven and read.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import IO

from django.conf import settings
from django.http import HttpRequest
from django.http.request import UnreadablePostError

from api.errors import BadRequest, TooLarge, Unavailable

AT_ONCE = threading.BoundedSemaphore(1)
LONGEST_WAIT = 10.0  # seconds for the others; providers wait no longer for an answer
RETRY_AFTER = 5  # seconds
PIECE = 262_144  # bytes


@contextmanager
def body_of(request: HttpRequest, *, addressed: bool) -> Iterator[bytes]:
    """Yield the whole body.

    `addressed`: the request names its instances, few of them, beside the body, so that the body is
    looked at only once it is proven; no other body may be large. Raises TooLarge, BadRequest for
    one that breaks off, and Unavailable while others are read.
    """
    usual = int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0)
    length = request.META.get("CONTENT_LENGTH") or ""
    announced = int(length) if length.isascii() and length.isdigit() else 0
    if announced <= usual:
        yield _whole(b"".join(_pieces(request, usual)), announced)
        return
    if not addressed:
        raise TooLarge(
            f"the body is larger than {usual} bytes: name the instance in the address, "
            "/events/{elementKey}/{id}, and it may be larger"
        )
    with TemporaryFile() as file:
        for piece in _pieces(request, settings.WEBHOOK_BODY_LIMIT):
            file.write(piece)
        with _large(file) as body:
            yield _whole(body, announced)


@contextmanager
def _large(file: IO[bytes]) -> Iterator[bytes]:
    if not AT_ONCE.acquire(timeout=LONGEST_WAIT):
        raise Unavailable(
            f"other large webhooks are being read: send it again in {RETRY_AFTER} seconds",
            wait=RETRY_AFTER,
        )
    try:
        file.seek(0)
        yield file.read()
    finally:
        AT_ONCE.release()


def _pieces(request: HttpRequest, limit: int) -> Iterator[bytes]:
    size = 0
    try:
        while piece := request.read(PIECE):
            size += len(piece)
            if size > limit:
                raise TooLarge(f"the body is larger than {limit} bytes")
            yield piece
    except UnreadablePostError as error:
        raise BadRequest("the body breaks off") from error


def _whole(body: bytes, announced: int) -> bytes:
    if len(body) < announced:
        raise BadRequest("the body breaks off")
    return body
