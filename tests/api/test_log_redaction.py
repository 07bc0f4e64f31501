"""What the log holds: one line an event with its request id, and never a secret."""

from __future__ import annotations

import io
import json
import logging
import logging.config
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
import structlog
from django.conf import settings
from django.urls import URLResolver, get_resolver

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


SECRET_PARAMETERS = {"token", "key"}
# As a route or a regular expression has it.
PARAMETER = re.compile(r"(<\w+:|<|\(\?P<)(\w+)>(?:\[[^]]*\](?:\{\d+\}|\+)\))?")


def addresses_with_secrets(patterns: Any = None, before: str = "/") -> Iterator[tuple[str, str]]:
    """Yield each address of the platform that ends with a secret, and the secret in it."""
    values = {
        "uidb64": "MQ",
        "token": "d7x2k9-hunter2hunter2hunter2:a_B",
        "key": "hunter2" * 6 + "a",
        "element_key": "ledger",
    }
    for one in get_resolver("config.urls").url_patterns if patterns is None else patterns:
        text = before + str(one.pattern).removeprefix("^").removesuffix("$")
        if isinstance(one, URLResolver):
            yield from addresses_with_secrets(one.url_patterns, text)
        elif found := SECRET_PARAMETERS & {name for _, name in PARAMETER.findall(text)}:
            yield PARAMETER.sub(lambda part: values[part[2]], text), values[found.pop()]


def test_secrets_in_paths_are_taken_out_of_every_line(written: Lines) -> None:
    addresses = dict(addresses_with_secrets())
    assert {path.split("/")[1] for path in addresses} >= {"inbox", "password", "reconnect"}
    assert any("/events/ledger/unsigned/" in path for path in addresses)
    access = logging.getLogger("gunicorn.access")
    for path, secret in addresses.items():
        access.info('%(h)s "%(r)s" "%(f)s"', {"h": "::1", "r": f"GET {path} HTTP/1.1", "f": path})
        logging.getLogger("django.request").warning("Not Found: %s", path)
        structlog.get_logger("app").info(
            "went", at=f"https://a.example{path}?x=1", path=quote(path)
        )
        try:
            raise ValueError(f"cannot reach https://a.example{path}")
        except ValueError:
            structlog.get_logger("app").exception("failed")
        told = json.dumps(written())
        assert secret not in told, path
        assert quote(secret) not in told, path
    assert len(written()) == 4 * len(addresses)


def test_other_paths_stay(written: Lines) -> None:
    for path in ("/inbox/123", "/password/MQ/set-password", "/instances/7/reconnect-link"):
        structlog.get_logger("app").info("went", path=path)
        assert written()[-1]["path"] == path


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
