"""The page of bulk jobs: progress, downloads, and cancelling."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import StreamingHttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from bulk.models import BulkChunk, BulkJob
from bulk.pack import Packer
from instances.models import ElementInstance
from tests.events.found import new_instance

pytestmark = pytest.mark.django_db


@pytest.fixture
def instance(member: User) -> ElementInstance:
    return new_instance(member.organization)


def job(instance: ElementInstance, **columns: Any) -> BulkJob:
    now = timezone.now()
    return BulkJob.objects.create(
        organization=instance.organization,
        instance=instance,
        resource="messages",
        query="select * from messages",
        next_run_at=now,
        created_at=now,
        **columns,
    )


def test_without_any_it_says_how_to_start_one(reader: Client) -> None:
    assert "No bulk job was started yet." in reader.get("/bulk-jobs").content.decode()


def test_a_running_job_has_a_progress_bar(reader: Client, instance: ElementInstance) -> None:
    job(instance, status="RUNNING", objects_count=500)
    page = reader.get("/bulk-jobs").content.decode()
    assert "listing</progress>" in page  # how many there are is not known yet
    BulkJob.objects.update(listed=True, records_count=200)
    page = reader.get("/bulk-jobs").content.decode()
    assert 'max="100" value="40"' in page
    assert "200 of 500" in page
    assert 'value="40"' in reader.get(f"/instances/{instance.pk}").content.decode()


def test_the_list_asks_anew_and_is_sent_when_it_changed(
    reader: Client, instance: ElementInstance
) -> None:
    running = job(instance, status="RUNNING", listed=True, objects_count=500)
    part = {"HX-Request": "true"}
    first = reader.get("/bulk-jobs", headers=part)
    assert "<h1>" not in first.content.decode()
    digest = first.content.decode().split('name="known" value="')[1].split('"')[0]
    assert reader.get("/bulk-jobs", {"known": digest}, headers=part).status_code == 204
    BulkJob.objects.filter(pk=running.pk).update(records_count=1)
    assert reader.get("/bulk-jobs", {"known": digest}, headers=part).status_code == 200


def test_records_are_downloaded_once_it_has_ended(
    reader: Client, instance: ElementInstance
) -> None:
    running = job(instance, status="RUNNING")
    path = f"/bulk-jobs/{running.pk}/records"
    assert reader.get(f"{path}.csv")["Location"] == "/bulk-jobs"
    packer = Packer([])
    packer.add({"id": "m1", "subject": "<b>"})
    packed = packer.chunks()
    for number, chunk in enumerate(packed):
        BulkChunk.objects.create(job=running, number=number, records=1, data=chunk.data)
    BulkJob.objects.update(
        status="COMPLETED", chunks=len(packed), columns=["id", "subject"], records_count=1
    )
    page = reader.get("/bulk-jobs").content.decode()
    assert f'href="{path}.jsonl"' in page
    lines, table = reader.get(f"{path}.jsonl"), reader.get(f"{path}.csv")
    assert isinstance(lines, StreamingHttpResponse)
    assert isinstance(table, StreamingHttpResponse)
    assert lines.getvalue() == b'{"id":"m1","subject":"<b>"}\n'
    assert table.getvalue() == b"id,subject\r\nm1,<b>\r\n"
    assert table["Content-Disposition"] == f'attachment; filename="messages-{running.pk}.csv"'
    assert reader.get(f"{path}.exe").status_code == 404


def test_a_running_job_is_cancelled(reader: Client, instance: ElementInstance) -> None:
    running = job(instance, status="RUNNING")
    path = f"/bulk-jobs/{running.pk}/cancel"
    page = reader.post(path, follow=True).content.decode()
    assert "What was read until then can be downloaded." in page
    running.refresh_from_db()
    assert running.status == "CANCELLED"
    BulkJob.objects.update(status="COMPLETED")
    assert "It has ended already" in reader.post(path, follow=True).content.decode()


def test_more_jobs_make_no_more_queries(reader: Client, instance: ElementInstance) -> None:
    job(instance, finished_at=timezone.now() - timedelta(days=1), status="ERROR", error="<b>")
    reader.get("/bulk-jobs")

    def queries() -> int:
        with CaptureQueriesContext(connection) as made:
            assert "<b>" not in reader.get("/bulk-jobs").content.decode()
        return len(made)

    few = queries()
    for _ in range(20):
        job(new_instance(instance.organization))
    assert queries() == few
