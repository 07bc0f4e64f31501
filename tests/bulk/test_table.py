"""Records as a table and as JSON lines: cells, columns, and the memory that a chunk takes."""

from __future__ import annotations

import csv
import io
import json
import time
import tracemalloc
from typing import Any

import pytest
from django.utils import timezone

from bulk import claim, commit, download, flatten
from bulk.models import BulkChunk, BulkJob
from bulk.pack import READ_AT_ONCE, Packer, lines

from .conftest import Bulk


def stored(bulk: Bulk, *records: dict[str, Any], order: str = "") -> BulkJob:
    """A job that has ended with these records."""
    job_id = bulk.start(" ".join(("select * from labels", order)))
    (job,) = claim.claim_due(1, timezone.now())
    packer = Packer(job.columns, job.order_field)
    for record in records:
        packer.add(record)
    step = commit.Step(
        found=len(records), page_token="", chunks=packer.chunks(), columns=list(packer.columns)
    )
    commit.store(job, step, timezone.now())
    return BulkJob.objects.get(pk=job_id)


def table(job: BulkJob) -> list[dict[str, str]]:
    text = b"".join(download.csv_rows(job)).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        (True, "true"),
        (0, "0"),
        (-1.5, "-1.5"),
        ("text", "text"),
        ("=1+1", "'=1+1"),
        ("+49 30 1", "'+49 30 1"),
        ("-2", "'-2"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("\n=1", "'\n'=1"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("\uff201", "'\uff201"),
        ("a;=1+1", "a;'=1+1"),
        ('a;"=1+1', "a;\"'=1+1"),
        ("a\r\n=1;b\t@c", "a\r\n'=1;b\t'@c"),
        ("a;b; =c\nd", "a;b; =c\nd"),
        ("a=b", "a=b"),
        (["a;=1"], '["a;\'=1"]'),
        (["a", {"b": None}], '["a",{"b":null}]'),
        ({}, "{}"),
    ],
)
def test_cells(value: Any, cell: str) -> None:
    assert flatten.cell(value) == cell


@pytest.mark.django_db(transaction=True)
def test_columns_are_those_that_occur_and_hostile_texts_come_through(bulk: Bulk) -> None:
    records: list[dict[str, Any]] = [
        {"id": "1", "payload": {"headers": [{"name": "a"}], "size": 5}},
        {"id": "2", 'a "quoted", name\r\n': "line\r\nbreak", "payload": None},
        {"id": "3", "=cmd": "\0 \ud800 \u2028", "payload": {"size": float("inf")}},
        {"id": "4", "\0 \ud800": "a name that no column can have"},
    ]
    job = stored(bulk, *records)

    rows = table(job)

    assert list(rows[0]) == [
        "id",
        "payload.headers",
        "payload.size",
        'a "quoted", name\r\n',
        "payload",
        "'=cmd",
        flatten.OTHERS,
    ]
    assert "a name that no column can have" in rows[3][flatten.OTHERS]
    assert [row["payload.size"] for row in rows] == ["5", "", "", ""]
    assert rows[0]["payload.headers"] == '[{"name":"a"}]'
    assert rows[1]['a "quoted", name\r\n'] == "line\r\nbreak"
    written = b"".join(download.json_lines(job)).split(b"\n")[:-1]
    assert len(written) == 4
    assert json.loads(written[1]) == records[1]


@pytest.mark.django_db(transaction=True)
def test_no_more_columns_than_a_table_can_have(bulk: Bulk) -> None:
    many = {f"field {number}": number for number in range(flatten.MOST_COLUMNS + 50)}
    job = stored(bulk, {"id": "1"}, {"id": "2", "by": many})

    first, second = table(job)

    assert len(first) == flatten.MOST_COLUMNS + 1
    assert first[flatten.OTHERS] == ""
    others = json.loads(second[flatten.OTHERS])
    last = flatten.MOST_COLUMNS + 49
    assert len(others) == 51
    assert others[f"by.field {last}"] == last


def test_deep_records_are_flattened_no_deeper_than_is_of_use() -> None:
    record: dict[str, Any] = {"end": 1}
    for _ in range(150):
        record = {"a": record}

    ((name, value),) = flatten.flat(record).items()

    assert name == ".".join("a" * flatten.DEEPEST)
    assert flatten.cell(value).startswith('{"a":{"a":')


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("order", "sorted_ids"),
    [("order by x", "2153740"), ("orderby x desc", "3512470")],
)
def test_numbers_and_times_before_texts_and_nothing_last(
    bulk: Bulk, order: str, sorted_ids: str
) -> None:
    values = [None, 10, "2", "2026-01-01", "b", "2026-01-01T00:00:00+02:00"]
    records = [{"id": str(number), "x": value} for number, value in enumerate(values)]
    records.append({"id": "7", "x": "a"})

    job = stored(bulk, *records, order=order)

    ids = [json.loads(line)["id"] for line in b"".join(download.json_lines(job)).splitlines()]
    assert "".join(ids) == sorted_ids


@pytest.mark.parametrize("size", [0, 1, READ_AT_ONCE - 1, READ_AT_ONCE, 3 * READ_AT_ONCE + 7])
def test_a_chunk_is_read_line_by_line(size: int) -> None:
    packer = Packer(())
    records = [{"id": str(number), "text": "x" * size} for number in range(5)]
    for record in records:
        packer.add(record)
    (chunk,) = packer.chunks()

    read = list(lines(chunk.data))

    assert all(line.endswith(b"\n") for line in read)
    assert [json.loads(line) for line in read] == records


def test_a_record_as_large_as_a_mail_is_read_in_time() -> None:
    packer = Packer(())
    packer.add({"raw": "x" * 32_000_000})
    [chunk] = packer.chunks()
    began = time.process_time()

    assert sum(map(len, lines(chunk.data))) == 32_000_011
    assert time.process_time() - began < 5.0


@pytest.mark.django_db(transaction=True)
def test_a_result_is_sent_in_the_memory_of_a_chunk(bulk: Bulk) -> None:
    """Fifty times the records take no more than twice the memory."""
    assert peak_of_sending(bulk, 50) < 2 * peak_of_sending(bulk, 1) + 500_000


def peak_of_sending(bulk: Bulk, chunks: int) -> int:
    job = stored(bulk)
    record = {"id": "x" * 1000, "nested": {"text": "y" * 4000}}
    for number in range(chunks):
        packer = Packer(())
        for _ in range(100):
            packer.add(record)
        BulkChunk.objects.create(job=job, number=number, records=100, data=packer.chunks()[0].data)
    job.chunks, job.columns = chunks, ["id", "nested.text"]
    tracemalloc.start()
    size = 0
    for pieces in (download.json_lines(job), download.csv_rows(job)):
        for piece in pieces:
            size += len(piece)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > chunks * 100 * 10_000
    return peak


@pytest.mark.django_db(transaction=True)
def test_a_result_that_is_removed_while_it_is_sent_does_not_seem_whole(bulk: Bulk) -> None:
    job = stored(bulk, {"id": "1"})
    job.chunks = 2

    with pytest.raises(download.ResultGoneError):
        list(download.json_lines(job))
