"""What the log holds: one line an event with its request id, and never a secret."""

from __future__ import annotations

import io
import json
import logging
import logging.config
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from django.conf import settings

from config import logs

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def written() -> Iterator[Lines]:
    """The lines that production would write."""
    stream = io.StringIO()
    configuration = logs.configure(production=True)
    configuration["handlers"]["stderr"]["stream"] = stream
    logging.config.dictConfig(configuration)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logging.config.dictConfig(settings.LOGGING)


def test_a_line_is_json_with_the_bound_request_id(written: Lines) -> None:
    with structlog.contextvars.bound_contextvars(request_id="0123"):
        structlog.get_logger("app").info("poll found", changes=3)
        logging.getLogger("a.library").warning("something of %s", "a library")
    ours, theirs = written()
    assert (ours["event"], ours["changes"], ours["level"]) == ("poll found", 3, "info")
    assert theirs["event"] == "something of a library"
    assert ours["request_id"] == theirs["request_id"] == "0123"


@pytest.mark.parametrize(
    "key",
    [
        "authorization",
        "Authorization",
        "token",
        "access_token",
        "refreshToken",
        "oauth.api.secret",
        "clientSecret",
        "password",
        "secrets",
        "code",
        "code_verifier",
        "event.notification.signature.key",
    ],
)
def test_values_with_a_secret_name_are_taken_out(written: Lines, key: str) -> None:
    log = structlog.get_logger("app")
    log.info("direct", **{key: "hunter2"})
    log.info("below", body={"deep": [{key: "hunter2"}]})
    assert "hunter2" not in json.dumps(written())
    assert written()[0][key] == logs.REDACTED


@pytest.mark.parametrize("key", ["status_code", "refreshed_at", "element_key", "encoded"])
def test_other_values_stay(written: Lines, key: str) -> None:
    structlog.get_logger("app").info("said", **{key: "kept"})
    assert written()[0][key] == "kept"


@pytest.mark.parametrize(
    "text",
    [
        "GET /oauth/callback?state=x&code=hunter2 200",
        "POST /token client_secret=hunter2&grant_type=refresh_token",
        "header was Bearer hunter2hunter2hunter2",
        "User hunter2hunter2hunter2=, Organization hunter2hunter2hunter2",
        "https://provider.example/x?oauth2.refresh_token=hunter2",
        "redirect=/a?y=1&z=client.code=hunter2",
        "next=access_token=hunter2",
    ],
)
def test_secrets_within_text_are_taken_out(written: Lines, text: str) -> None:
    logging.getLogger("a.library").info(text)
    try:
        raise ValueError(text)
    except ValueError:
        structlog.get_logger("app").exception("failed")
    lines = written()
    assert "hunter2" not in json.dumps(lines)
    assert "ValueError" in lines[1]["exception"]


def test_secrets_within_the_text_of_an_exception_are_taken_out(written: Lines) -> None:
    structlog.get_logger("app").info("failed", error=ValueError("at /x?access_token=hunter2"))
    assert written()[0]["error"] == f"at /x?access_token={logs.REDACTED}"


def test_what_gunicorn_quotes_goes_the_same_way(written: Lines) -> None:
    """Its own handlers are gone with ours in place, as when it has loaded the application."""
    gunicorn = logging.getLogger("gunicorn.error")
    own = io.StringIO()
    gunicorn.propagate = False
    gunicorn.addHandler(logging.StreamHandler(own))
    configuration = logs.configure(production=True)
    configuration["handlers"]["stderr"]["stream"] = ours = io.StringIO()
    logging.config.dictConfig(configuration)
    gunicorn.warning("Invalid HTTP Header: 'Authorization User hunter2hunter2hunter2='")
    assert own.getvalue() == ""
    assert "Invalid HTTP Header" in ours.getvalue()
    assert "hunter2" not in ours.getvalue()


def test_a_traceback_does_not_show_local_variables(written: Lines) -> None:
    hidden = "hunter2" + "-in-a-local"
    try:
        assert hidden
        raise ValueError("failed")
    except ValueError:
        structlog.get_logger("app").exception("failed")
    assert hidden not in written()[0]["exception"]
