"""Tasks that failed are kept for a month, and listed by time."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone
from django_q.models import Failure, Success, Task

from retention import remove
from worker.schedules import wanted
from worker.tasks import FAILURES_KEPT, remove_old_failures

pytestmark = pytest.mark.django_db


def ran(name: str, stopped: datetime, *, well: bool = False) -> Task:
    return Task.objects.create(
        id=name, name=name, func="math.sqrt", started=stopped, stopped=stopped, success=well
    )


def test_old_ones_are_removed_batch_after_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remove, "AT_ONCE", 2)
    now = timezone.now()
    long_ago = now - FAILURES_KEPT - timedelta(minutes=1)
    for n in range(5):
        ran(f"old {n}", long_ago)
    ran("well", long_ago, well=True)
    ran("lately", now)

    assert remove_old_failures() == 5

    assert [one.pk for one in Failure.objects.all()] == ["lately"]
    assert Success.objects.count() == 1  # django-q2 itself removes those
    assert "worker.tasks.remove_old_failures" in {one.task for one in wanted()}


@pytest.mark.parametrize("kind", [Success, Failure])
def test_no_list_of_them_is_sorted(kind: type[Task]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute("SET LOCAL enable_seqscan = off")
    listed = kind.objects.order_by("-stopped", "-pk")[:50]
    assert "Sort" not in listed.explain()
    assert "task_by_time" in listed.explain()
