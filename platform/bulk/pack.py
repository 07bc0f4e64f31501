"""Records as compressed JSON lines, and the columns that a table of them has."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.renderers import JSONRenderer
from bulk import flatten

LEVEL = 3  # of zlib: nearly as small as the default's, in half the time
READ_AT_ONCE = 65_536  # bytes
LARGEST_SORT_TEXT = 1000  # characters


@dataclass(frozen=True, slots=True)
class Packed:
    """A chunk to be stored. What it is sorted by, where the job has an order."""

    records: int
    data: bytes
    sort_number: float | None = None
    sort_text: str | None = None


class Packer:
    """Takes records one by one and keeps no more of them than their compressed JSON.

    With `order_field`, each record becomes a chunk of its own.
    """

    def __init__(self, columns: Iterable[str], order_field: str = "") -> None:
        self.columns: dict[str, None] = dict.fromkeys(columns)
        self.size = 0  # bytes before compression
        self._order_field = order_field
        self._chunks: list[Packed] = []
        self._compressor = zlib.compressobj(LEVEL)
        self._records = 0
        self._data: list[bytes] = []

    def add(self, record: Mapping[str, Any]) -> None:
        line = JSONRenderer().render(record) + b"\n"
        self.size += len(line)
        # From the line, so that a table's cells are what the JSON lines say.
        written = json.loads(line)
        self.columns = flatten.added(self.columns, written)
        if self._order_field:
            number, text = _sorted_by(written, self._order_field)
            self._chunks.append(Packed(1, zlib.compress(line, LEVEL), number, text))
        else:
            self._records += 1
            self._data.append(self._compressor.compress(line))

    def chunks(self) -> list[Packed]:
        """What is to be stored. Call it once, at the end."""
        if self._records:
            data = b"".join((*self._data, self._compressor.flush()))
            self._chunks.append(Packed(self._records, data))
        return self._chunks


def lines(data: bytes) -> Iterator[bytes]:
    """The lines of a chunk, each with its end, without holding them all.

    In time in proportion to their length: one line may be a mail with all its files.
    """
    decompressor = zlib.decompressobj()
    line: list[bytes] = []  # what has come of it
    waiting = data
    while waiting:
        piece = decompressor.decompress(waiting, READ_AT_ONCE)
        waiting = decompressor.unconsumed_tail
        first, *others = piece.split(b"\n")
        line.append(first)
        for other in others:
            yield b"".join((*line, b"\n"))
            line = [other]
    line.append(decompressor.flush())
    yield from (one + b"\n" for one in b"".join(line).split(b"\n") if one)


def _sorted_by(record: Mapping[str, Any], field: str) -> tuple[float | None, str | None]:
    """What the record is sorted by: a number (also as digits), or else a text. Null comes last."""
    value = record.get(field, flatten.flat(record).get(field))
    if isinstance(value, bool):
        return None, str(value).lower()
    if isinstance(value, int | float):
        return _number(value), None
    if not isinstance(value, str):
        return None, None
    if value.isascii() and value.removeprefix("-").isdigit() and len(value) < 16:
        return float(value), None
    try:
        # A time sorts as a time, in whatever zone it is written.
        return datetime.fromisoformat(value).timestamp(), None
    except (ValueError, OverflowError):
        return None, value.replace("\0", "")[:LARGEST_SORT_TEXT].encode("utf-8", "replace").decode()


def _number(value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
