"""Without its database the server says so, and lives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client


@contextmanager
def away() -> Iterator[None]:
    def refuse(*_: Any) -> Any:
        raise OperationalError("the server closed the connection")

    with connection.execute_wrapper(refuse):
        yield


@pytest.mark.django_db
def test_ready_and_work_fail_and_live_does_not() -> None:
    with away():
        assert Client().get("/health/live").status_code == 200
        for path in ("/health/ready", "/health/work"):
            answer = Client().get(path)
            assert answer.status_code == 503
            assert answer.json()["faults"] == {"database": "the database cannot be reached"}
