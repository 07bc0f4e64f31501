"""A query, its progress, and its result."""

from __future__ import annotations

import csv
import io

import pytest

from integrations.gmail.sandbox.server import SandboxServer
from tests.all_due import run_all_jobs

from .conftest import MAILBOX, Bulk

pytestmark = pytest.mark.django_db(transaction=True)


def test_every_message_is_in_the_result_once(bulk: Bulk, sandbox: SandboxServer) -> None:
    ids = sandbox.control.fill(1234, MAILBOX)

    job = bulk.run("select * from messages")

    status = bulk.status(job)
    assert (status["status"], status["error"]) == ("COMPLETED", None)
    assert (status["recordsCount"], status["recordsFailedCount"]) == (1234, 0)
    assert (status["recordsFoundCount"], status["progress"]) == (1234, 100)
    records = bulk.records(job)
    assert sorted(record["id"] for record in records) == sorted(ids)
    assert all("payload" in record for record in records), "the messages, not only their ids"


def test_a_table_has_the_same_records(bulk: Bulk, sandbox: SandboxServer) -> None:
    sandbox.control.fill(30, MAILBOX)
    job = bulk.run("select * from messages")

    answer = bulk.download(job, accept="text/csv")
    content = b"".join(answer.streaming_content)

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == f'attachment; filename="messages-{job}.csv"'
    rows = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    records = bulk.records(job)
    assert [row["id"] for row in rows] == [record["id"] for record in records]
    assert [row["payload.mimeType"] for row in rows] == [
        record["payload"]["mimeType"] for record in records
    ]


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        ("application/jsonl", "application/jsonl"),
        ("application/x-ndjson", "application/x-ndjson"),
        ("application/json", "application/jsonl"),
        ("*/*", "application/jsonl"),
        ("text/csv", "text/csv; charset=utf-8"),
    ],
)
def test_the_accept_header_chooses(bulk: Bulk, accept: str, answered: str) -> None:
    job = bulk.run("select * from labels")

    assert bulk.download(job, "labels", accept)["Content-Type"] == answered


def test_another_accept_header_is_refused_as_json(bulk: Bulk) -> None:
    answer = bulk.download(bulk.run("select * from labels"), "labels", "text/html")

    assert answer.status_code == 406
    assert answer["Content-Type"].startswith("application/json")
    assert "message" in answer.json()


def test_an_error_is_json_where_a_table_was_asked_for(bulk: Bulk) -> None:
    answer = bulk.download(bulk.start("select * from labels"), "labels", "text/csv")

    assert answer.status_code == 409
    assert answer["Content-Type"].startswith("application/json")
    assert answer.json()["message"] == (
        "the bulk job is CREATED: its status says when it has ended"
    )


def test_a_resource_whose_list_has_whole_records(bulk: Bulk) -> None:
    job = bulk.run("select * from labels where type='system' order by name desc")

    records = bulk.records(job, "labels")
    names = [record["name"] for record in records]
    assert names == sorted(names, reverse=True)
    assert len(names) > 3
    assert {record["type"] for record in records} == {"system"}
    assert bulk.status(job)["recordsFoundCount"] == len(names)


def test_one_record_is_a_list_of_one(bulk: Bulk) -> None:
    job = bulk.run("select * from profile")

    assert [one["emailAddress"] for one in bulk.records(job, "profile")] == [MAILBOX]


def test_nothing_found_is_an_empty_result(bulk: Bulk) -> None:
    job = bulk.run("select * from messages where from='nobody@example.com'")

    assert bulk.status(job)["status"] == "COMPLETED"
    assert bulk.records(job) == []
    assert b"".join(bulk.download(job, accept="text/csv").streaming_content) == b""


def test_the_condition_and_the_resources_own_parameters_are_the_providers(
    bulk: Bulk, sandbox: SandboxServer
) -> None:
    wanted = sandbox.control.fill(3, MAILBOX, subject="wanted {n}")
    sandbox.control.fill(4, MAILBOX, subject="other {n}")

    job = bulk.run("select * from messages where subject='wanted'", format="minimal")

    records = bulk.records(job)
    assert sorted(record["id"] for record in records) == sorted(wanted)
    assert not any("payload" in record for record in records)


def test_sorted_by_a_field(bulk: Bulk, sandbox: SandboxServer) -> None:
    sandbox.control.fill(120, MAILBOX)

    job = bulk.run("select * from messages order by internalDate asc")

    dates = [int(record["internalDate"]) for record in bulk.records(job)]
    assert dates == sorted(dates)
    assert len(set(dates)) == 120


def test_the_short_form_with_the_query_in_the_body(bulk: Bulk) -> None:
    api = "/elements/api-v2/bulk"
    for body, content_type in (
        ('{"q": "select * from labels"}', "application/json"),
        ("q=select+*+from+labels", "application/x-www-form-urlencoded"),
    ):
        answer = bulk.client.post(f"{api}/query", body, content_type=content_type)
        assert answer.status_code == 200, answer.content
        run_all_jobs()
        job = answer.json()["id"]
        assert bulk.client.get(f"{api}/{job}/status/").json()["status"] == "COMPLETED"
        assert bulk.client.get(f"{api}/{job}/labels").status_code == 200


def test_jobs_are_listed_newest_first(bulk: Bulk) -> None:
    first, second = bulk.start("select * from labels"), bulk.start("select * from profile")

    answer = bulk.client.get("/elements/api-v2/bulk")

    assert [job["id"] for job in answer.json()] == [second, first]
    assert answer["Elements-Total-Count"] == "2"
    page = bulk.client.get("/elements/api-v2/bulk?pageSize=1&page=2").json()
    assert [job["id"] for job in page] == [first]
