"""What cannot be asked is refused before anything runs, and says what can be."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from bulk import start
from bulk.models import BulkJob
from instances.models import ElementInstance

from .conftest import BULK, Bulk

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("q", "reason"),
    [
        ("", "q is missing"),
        ("messages", "q must be select * from <resource>"),
        ("delete from messages", "q must be select * from <resource>"),
        ("select id from messages", "only select * is allowed"),
        ("select * from nonsense", 'Gmail has no resource "nonsense" that can be listed'),
        ("select * from (select * from messages)", "q must be select * from"),
        ("select * from messages, labels", "is not expected after the resource"),
        ("select * from messages limit 5", '"limit 5" is not expected here'),
        ("select * from messages; drop table x", "is not expected after the resource"),
        ("select * from messages where", "where has no conditions"),
        ("select * from messages where from=", "cannot be read"),
        ("select * from messages where (from='x'", "a bracket is never closed"),
        ("select * from messages where 1=1", "a field's name is expected"),
        ("select * from messages where from='x' -- no", "a comment is not allowed"),
        ("select * from messages where f(from)='x'", "a function call is not allowed"),
        ("select * from labels where name='a' order by", "order by has no field"),
        ("select * from labels order by name, type", "order by takes one field"),
        ("select * from labels order by name sideways", "order by takes one field"),
        ("select * from messages where " + "x" * 30_000, "20000 are allowed"),
        ("select * from messages where nonsense='x'", "nonsense"),
        ("select * from history", "startHistoryId: missing"),
    ],
)
def test_a_query_that_cannot_be(bulk: Bulk, q: str, reason: str) -> None:
    answer = bulk.query(q)

    assert answer.status_code == 400
    assert reason in answer.json()["message"]
    assert not BulkJob.objects.exists()


@pytest.mark.parametrize(
    "q",
    [
        "SELECT * FROM labels WHERE name='order by x'",
        "select*from `labels`",
        "select * from /labels orderby name DESC",
        " select  *\nfrom labels\nwhere `name` = 'where' ;",
        "select * from changed-messages where historyId>'1'",
    ],
)
def test_forms_of_a_query(bulk: Bulk, q: str) -> None:
    assert bulk.query(q).status_code == 200


@pytest.mark.parametrize("body", ['{"q": 5}', "[]", '"q"', "null", "{", '{"q": ["x"]}'])
def test_a_body_of_another_shape(bulk: Bulk, body: str) -> None:
    answer = bulk.client.post(f"{BULK}/query", body, content_type="application/json")

    assert answer.status_code == 400


def test_a_parameter_that_would_be_ignored(bulk: Bulk) -> None:
    answer = bulk.query("select * from messages", **{"from": "2026-01-01T00:00:00Z"})

    assert answer.status_code == 400
    assert answer.json()["message"].startswith("from is not a parameter of this: it takes q, ")


def test_no_more_unfinished_jobs_than_are_allowed(bulk: Bulk) -> None:
    for _ in range(start.MOST_UNFINISHED):
        job = bulk.start("select * from labels")

    assert bulk.query("select * from labels").status_code == 409
    bulk.client.put(f"{BULK}/{job}/cancel")
    assert bulk.query("select * from labels").status_code == 200


def test_a_disabled_instance(bulk: Bulk, instance: ElementInstance) -> None:
    job = bulk.run("select * from labels")
    ElementInstance.objects.filter(pk=instance.pk).update(enabled=False)

    for answer in (bulk.query("select * from labels"), bulk.client.get(f"{BULK}/{job}/status")):
        assert answer.status_code == 403
        assert "disabled" in answer.json()["message"]


@pytest.mark.parametrize("path", ["status", "errors", "labels", "cancel"])
def test_another_instances_job_is_not_there(
    bulk: Bulk, path: str, connect: Any, organization: Any, client_for: Any
) -> None:
    job = bulk.run("select * from labels")
    stranger: APIClient = client_for(organization, connect().token)

    call = stranger.put if path == "cancel" else stranger.get
    assert call(f"{BULK}/{job}/{path}").status_code == 404
    assert call(f"{BULK}/99999999999999999999/{path}").status_code == 404
    assert stranger.get(BULK).json() == []


def test_a_result_of_another_resource(bulk: Bulk) -> None:
    job = bulk.run("select * from labels")

    assert bulk.download(job, "messages").status_code == 404
    assert bulk.download(job, "nonsense").status_code == 404
