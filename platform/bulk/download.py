"""A job's result as a stream: chunk by chunk from storage, never whole in memory."""

from __future__ import annotations

import csv
import io
import json
from array import array
from collections.abc import Iterable, Iterator

from django.db.models import F

from bulk import flatten
from bulk.models import BulkChunk, BulkJob
from bulk.pack import lines

CHUNKS_AT_ONCE = 20  # of an ordered job: a record each
LARGEST_PIECE = 65_536  # bytes that are sent together


class ResultGoneError(Exception):
    """The result was removed while it was sent: what was sent is not all, and must not seem so."""


def json_lines(job: BulkJob) -> Iterator[bytes]:
    """A record a line."""
    return _pieces(_lines(job))


def csv_rows(job: BulkJob) -> Iterator[bytes]:
    """A table by RFC 4180, in UTF-8, its first row the names of the columns."""
    return _pieces(_rows(job))


def _lines(job: BulkJob) -> Iterator[bytes]:
    for data in _chunks(job):
        yield from lines(data)


def _rows(job: BulkJob) -> Iterator[bytes]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)  # the commas, quotes and CRLF of RFC 4180

    def written(cells: Iterable[str]) -> bytes:
        writer.writerow(cells)
        text = buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
        return text.encode("utf-8", "replace")

    if job.columns:
        yield written(map(flatten.cell, job.columns))
    for line in _lines(job):
        yield written(flatten.row(job.columns, json.loads(line)))


def _chunks(job: BulkJob) -> Iterator[bytes]:
    rows = BulkChunk.objects.filter(job=job)
    if job.order_field:
        order = [F("sort_number"), F("sort_text")]
        ordered = rows.order_by(
            *(one.desc(nulls_last=True) if job.descending else one.asc(nulls_last=True)
              for one in order),
            "number",
        )  # fmt: skip
        # Numbers alone fit in memory. A cursor on the server would need a session for as long as
        # the client takes, and a pooler lends one for a transaction.
        numbers = array("I", ordered.values_list("number", flat=True).iterator())
        for start in range(0, len(numbers), CHUNKS_AT_ONCE):
            part = list(numbers[start : start + CHUNKS_AT_ONCE])
            found = dict(rows.filter(number__in=part).values_list("number", "data"))
            if len(found) < len(part):
                raise ResultGoneError(f"bulk job {job.pk} was removed")
            yield from (bytes(found[number]) for number in part)
        return
    for number in range(job.chunks):
        data = rows.filter(number=number).values_list("data", flat=True).first()
        if data is None:
            raise ResultGoneError(f"bulk job {job.pk} was removed")
        yield bytes(data)


def _pieces(lines_: Iterable[bytes]) -> Iterator[bytes]:
    """The lines, several together."""
    waiting: list[bytes] = []
    size = 0
    for line in lines_:
        waiting.append(line)
        size += len(line)
        if size >= LARGEST_PIECE:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)
