"""What a caller does wrong is one short line of the log: no traceback, whatever it was."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import logging.config
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
import structlog
from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousFileOperation
from django.db import OperationalError
from django.test import Client, override_settings

from config import logs

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def written() -> Iterator[Lines]:
    """The lines that production would write."""
    stream, before = io.StringIO(), structlog.get_config()
    configuration = logs.configure(production=True)
    configuration["handlers"]["stderr"]["stream"] = stream
    logging.config.dictConfig(configuration)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logging.config.dictConfig(settings.LOGGING)
    structlog.configure(**before)


def only(lines: list[dict[str, Any]]) -> dict[str, Any]:
    [line] = lines
    assert "exception" not in line
    assert len(json.dumps(line)) < 1000
    assert line["level"] == "warning"
    return line


@pytest.mark.parametrize("path", ["/elements/api-v2/elements", "/health/live", "/"])
@override_settings(ALLOWED_HOSTS=["periodic.example"])
def test_a_wrong_host_is_a_short_line(written: Lines, path: str) -> None:
    answer = Client().get(path, headers={"Host": "wrong.example" + "a" * 3000})
    assert answer.status_code == 400
    line = only(written())
    assert line["error"] == "DisallowedHost"
    assert "wrong.example" in line["event"]


class _HungUp(io.BytesIO):
    def read(self, *_: Any) -> bytes:
        raise ConnectionResetError(104, "Connection reset by peer")


def test_a_client_that_hangs_up_within_its_body_is_a_short_line(written: Lines) -> None:
    body: Any = {"wsgi.input": _HungUp()}
    Client(raise_request_exception=False).generic(
        "POST",
        "/sign-in",
        "name=a",
        content_type="application/x-www-form-urlencoded",
        **body,
    )
    lines = written()
    assert lines
    assert all("exception" not in line for line in lines)
    assert any(line.get("error") == "UnreadablePostError" for line in lines)


@pytest.mark.parametrize(
    ("logger", "error"),
    [
        ("django.security.RequestDataTooBig", RequestDataTooBig("too much")),
        ("django.security.SuspiciousFileOperation", SuspiciousFileOperation("../../etc")),
        ("django.request", BrokenPipeError(32, "Broken pipe")),
        ("gunicorn.error", ConnectionResetError(104, "reset")),
        ("gunicorn.error", ssl.SSLError(1, "[SSL: HTTP_REQUEST] http request")),
        ("api.errors", ConnectionAbortedError(103, "aborted")),
    ],
)
def test_so_are_the_other_errors_of_callers(written: Lines, logger: str, error: Exception) -> None:
    try:
        raise error
    except Exception:
        logging.getLogger(logger).exception("failed")
    line = only(written())
    assert line["error"] == type(error).__name__
    assert line["reason"]


def test_a_database_that_cannot_be_used_is_a_short_line(written: Lines) -> None:
    for error in (
        OperationalError("connection failed: Connection refused\nIs the server running?"),
        psycopg.errors.DiskFull("could not extend file"),
        psycopg.errors.ReadOnlySqlTransaction("cannot execute UPDATE"),
    ):
        try:
            raise error
        except Exception:
            logging.getLogger("django.request").exception("failed")
    lines = written()
    assert [line["error"] for line in lines] == [
        "OperationalError",
        "DiskFull",
        "ReadOnlySqlTransaction",
    ]
    assert lines[0]["reason"] == "connection failed: Connection refused"
    assert all("exception" not in line for line in lines)


def test_a_failed_handshake_within_the_event_loop_is_a_short_line(written: Lines) -> None:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")

    async def main() -> None:
        asyncio.get_running_loop().call_exception_handler(
            {"message": "Fatal error on SSL transport", "exception": error}
        )

    asyncio.run(main())
    assert only(written())["error"] == "SSLCertVerificationError"


def test_faults_of_our_own_keep_their_traceback(written: Lines) -> None:
    for logger, error in (
        ("django.request", KeyError("x")),
        ("worker", BrokenPipeError("db")),
        ("django.request", psycopg.errors.UndefinedTable("no such table")),
        ("django.request", psycopg.errors.UniqueViolation("there already")),
    ):
        try:
            raise error
        except Exception:
            logging.getLogger(logger).exception("failed")
            structlog.get_logger("polling").error("failed", exc_info=error)
    lines = written()
    assert len(lines) == 8
    assert all("Traceback" in line["exception"] and line["level"] == "error" for line in lines)
