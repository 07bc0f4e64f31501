"""A query, its progress, and its result."""

from __future__ import annotations

import csv
import io

import pytest

from integrations.gmail.sandbox.server import SandboxServer

from .conftest import Bulk

pytestmark = pytest.mark.django_db(transaction=True)


def test_every_message_is_in_the_result_once(bulk: Bulk, sandbox: SandboxServer) -> None:
    ids = sandbox.control.deliver_many(250)

    job = bulk.run("select * from messages")

    status = bulk.status(job)
    assert (status["status"], status["error"]) == ("COMPLETED", None)
    assert (status["recordsCount"], status["recordsFailedCount"]) == (250, 0)
    assert status["progress"] == 100
    assert sorted(record["id"] for record in bulk.records(job)) == sorted(ids)


def test_a_table_has_the_same_records(bulk: Bulk, sandbox: SandboxServer) -> None:
    sandbox.control.deliver_many(30)
    job = bulk.run("select * from messages")

    answer = bulk.download(job, accept="text/csv")
    content = b"".join(answer.streaming_content)

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    records = bulk.records(job)
    assert [row["id"] for row in rows] == [record["id"] for record in records]
    assert [row["payload.mimeType"] for row in rows] == [
        record["payload"]["mimeType"] for record in records
    ]
