"""POST /instances that cannot succeed: a clear error, and no instance left behind."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from instances.models import ElementInstance
from integrations.gmail.sandbox.server import SandboxServer

API = "/elements/api-v2"
Body = Callable[..., dict[str, Any]]
ENTRY = {"url": "/hubs/general/changed-messages", "idField": "id"}


@pytest.fixture(autouse=True)
def nothing_left_behind(db: None) -> Iterator[None]:
    yield
    assert not ElementInstance.objects.exists()


def post(api: APIClient, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    answer = api.post(f"{API}/instances", body, format="json")
    error: dict[str, Any] = answer.json()
    assert error["requestId"] == answer["Elements-Request-Id"]
    return answer.status_code, error


def test_names_every_missing_key(api: APIClient, body: Body) -> None:
    request = body(code="anything")
    request["configuration"] = {"oauth.api.key": "  "}
    del request["providerData"]

    status, error = post(api, request)

    assert status == 400
    for key in ("oauth.api.key", "oauth.api.secret", "oauth.callback.url", "providerData.code"):
        assert key in error["message"]


@pytest.mark.parametrize(
    ("element", "status", "named"),
    [
        ({"key": "nothing"}, 404, "No element found with key nothing"),
        ({"id": 1}, 404, "No element found with key 1"),
        ({}, 400, "element.key"),
        ({"key": ["gmail"]}, 400, "element.key"),
        ({"key": True}, 400, "element.key"),
        ("gmail", 400, "element"),
    ],
)
def test_element_unknown_or_unreadable(
    api: APIClient, body: Body, element: object, status: int, named: str
) -> None:
    assert_error(post(api, body(code="c", element=element)), status, named)


def test_element_of_the_path_contradicts_the_body(api: APIClient, body: Body) -> None:
    answer = api.post(f"{API}/elements/nothing/instances", body(code="c"), format="json")
    assert answer.status_code == 404


def test_used_code(
    api: APIClient, body: Body, consent: Callable[..., str], sandbox: SandboxServer
) -> None:
    code = consent()
    assert api.post(f"{API}/instances", body(code=code), format="json").status_code == 200
    ElementInstance.objects.all().delete()

    status, error = post(api, body(code=code))

    assert status == 400
    assert error["message"].startswith("providerData.code: ")
    assert "invalid_grant" in error["providerMessage"]


def test_expired_code(api: APIClient, body: Body, sandbox: SandboxServer) -> None:
    request = body()
    sandbox.control.advance_clock(601)

    status, error = post(api, request)

    assert status == 400
    assert "invalid_grant" in error["providerMessage"]


def test_foreign_code(api: APIClient, body: Body, sandbox: SandboxServer) -> None:
    sandbox.control.register_client("another-client", "another-secret")

    status, error = post(
        api,
        body({"oauth.api.key": "another-client", "oauth.api.secret": "another-secret"}),
    )

    assert status == 400
    assert error["providerMessage"].startswith("error - {code=400, message=invalid_grant")


def test_another_callback_url_than_the_consent_page_was_asked_with(
    api: APIClient, body: Body
) -> None:
    status, error = post(api, body({"oauth.callback.url": "http://127.0.0.1/another"}))

    assert status == 400
    assert error["message"].startswith("configuration.oauth.callback.url: ")
    assert "redirect_uri_mismatch" in error["providerMessage"]


def test_wrong_client_secret(api: APIClient, body: Body) -> None:
    status, error = post(api, body({"oauth.api.secret": "wrong-secret-of-the-client"}))

    assert status == 401
    assert "oauth.api.secret: " in error["message"]
    assert "invalid_client" in error["providerMessage"]
    assert "wrong-secret-of-the-client" not in json.dumps(error)


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 500},
        {"status": 503, "retry_after": 1},
        {"html": True},
        {"malformed": True},
        {"cut": "before"},
    ],
)
def test_provider_does_not_answer_as_it_should(
    api: APIClient, body: Body, sandbox: SandboxServer, answer: dict[str, object]
) -> None:
    request = body()
    sandbox.control.add_fault({"path": "/token"}, answer)

    status, error = post(api, request)

    assert status == 502, error


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("event.notification.callback.url", "ftp://example.com/", "http"),
        ("event.notification.callback.url", "example.com", "http"),
        ("event.notification.callback.url", "https://user:pass@example.com/", "user"),
        ("event.notification.callback.url", "http://10.0.0.1/", "10.0.0.1"),
        ("event.notification.callback.url", "http://169.254.169.254/", "169.254.169.254"),
        ("event.notification.callback.url", "http://[fd00::1]/", "fd00::1"),
        ("event.notification.callback.url", "https://example.com/" + "a" * 2000, "longer"),
        ("event.notification.enabled", "maybe", "true or false"),
        ("event.vendor.type", "webhook", "must be polling: Gmail has no webhook"),
        ("event.vendor.type", "webhooks", "must be polling: Gmail has no webhook"),
        ("event.vendor.type", "carrier pigeon", "polling"),
        ("event.poller.refresh_interval", 0, "from 1"),
        ("event.poller.refresh_interval", -1, "from 1"),
        ("event.poller.refresh_interval", "soon", "from 1"),
        ("event.poller.refresh_interval", 1.5, "from 1"),
        ("event.poller.refresh_interval", True, "from 1"),
        ("event.poller.refresh_interval", 10**9, "999999999"),
        ("event.poller.refresh_interval", "\u0661\u0665", "from 1"),
        ("event.poller.configuration", "{not json", "JSON"),
        ("event.poller.configuration", [1], "object"),
        ("event.poller.configuration", {"nonsense": ENTRY}, "nonsense"),
    ],
)
def test_event_key_cannot_be_used(
    api: APIClient, body: Body, key: str, value: object, named: str
) -> None:
    error = post(api, body({"event.notification.enabled": True, key: value}, code="unspent"))
    assert_error(error, 400, key)
    assert_error(error, 400, named)


@pytest.mark.parametrize("field", ["url", "idField"])
def test_poller_entry_without_a_field(api: APIClient, body: Body, field: str) -> None:
    entry = {name: value for name, value in ENTRY.items() if name != field}
    configuration = {
        "event.notification.enabled": True,
        "event.poller.configuration": {"/changed-messages": entry},
    }

    error = post(api, body(configuration, code="unspent"))

    assert_error(error, 400, f"event.poller.configuration.changed-messages.{field}")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"name": "<b></b>"}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": 5}, "name"),
        ({"tags": "one"}, "tags"),
        ({"tags": [{"id": 1}]}, "tags[0]"),
        ({"tags": ["x" * 201]}, "tags[0]"),
        ({"configuration": []}, "configuration"),
        ({"configuration": "text"}, "configuration"),
        ({"configuration": {"": "x"}}, "configuration"),
        ({"configuration": {"k" * 201: "x"}}, "configuration"),
        ({"providerData": "code"}, "providerData"),
        ({"providerData": {"code": 5}}, "providerData.code"),
        ({"providerData": {"code": "x" * 5000}}, "providerData.code"),
        ({"externalAuthentication": "later"}, "externalAuthentication"),
        ({"retrieveObjectsAfterInstantiation": "maybe"}, "retrieveObjectsAfterInstantiation"),
    ],
)
def test_wrong_types(api: APIClient, body: Body, changes: dict[str, object], named: str) -> None:
    assert_error(post(api, {**body(code="unspent"), **changes}), 400, named)


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b'"text"', 400),
        (b'{"name": "\xff"}', 400),
        (b'{"name": "a\\u0000b"}', 400),
        (b'{"name": "\\ud800"}', 400),
        (b'{"name": NaN}', 400),
        (b'{"name": "' + b"x" * 1_100_000 + b'"}', 413),
    ],
)
def test_unreadable_body(api: APIClient, raw: bytes, status: int) -> None:
    answer = api.post(f"{API}/instances", raw, content_type="application/json")
    assert answer.status_code == status
    assert answer.json()["message"]


def assert_error(found: tuple[int, dict[str, Any]], status: int, named: str) -> None:
    assert found[0] == status, found
    assert named in found[1]["message"], found
