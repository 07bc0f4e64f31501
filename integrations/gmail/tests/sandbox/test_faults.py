"""Faults that are ordered happen to the requests meant, as often as ordered, and to no others."""

import socket
import time

import pytest
import requests

from integrations.gmail.sandbox.control_client import ControlFailedError, SandboxControl
from integrations.gmail.sandbox.server import SandboxServer
from integrations.gmail.sandbox.stand_in import DEFAULT_MAILBOX

from .conftest import Gmail, until


@pytest.mark.parametrize(
    ("answer", "status", "reason", "name"),
    [
        ({"status": 401}, 401, "authError", "UNAUTHENTICATED"),
        (
            {"status": 403, "reason": "userRateLimitExceeded"},
            403,
            "userRateLimitExceeded",
            "PERMISSION_DENIED",
        ),
        (
            {"status": 403, "reason": "insufficientPermissions"},
            403,
            "insufficientPermissions",
            "PERMISSION_DENIED",
        ),
        ({"status": 429}, 429, "rateLimitExceeded", "RESOURCE_EXHAUSTED"),
        ({"status": 500}, 500, "backendError", "INTERNAL"),
        ({"status": 503}, 503, "backendError", "UNAVAILABLE"),
    ],
)
def test_status_comes_in_googles_form(
    gmail: Gmail,
    control: SandboxControl,
    answer: dict[str, object],
    status: int,
    reason: str,
    name: str,
) -> None:
    control.add_fault({"path": "/gmail/"}, answer)
    response = gmail.ask("GET", "/profile")
    error = response.json()["error"]
    assert response.status_code == error["code"] == status
    assert (error["errors"][0]["reason"], error["status"]) == (reason, name)
    assert "Retry-After" not in response.headers


@pytest.mark.parametrize("value", [7, "7", "Mon, 23 Nov 2026 12:00:00 GMT"])
def test_retry_after_is_sent_as_given(gmail: Gmail, control: SandboxControl, value: object) -> None:
    control.add_fault({}, {"status": 429, "retry_after": value})
    assert gmail.ask("GET", "/profile").headers["Retry-After"] == str(value)


def test_fault_ends_after_so_many_times(gmail: Gmail, control: SandboxControl) -> None:
    control.add_fault({}, {"status": 500}, times=2)
    assert [gmail.ask("GET", "/profile").status_code for _ in range(3)] == [500, 500, 200]
    assert control.state()["faults"] == []


def test_fault_without_times_lasts_until_cleared(gmail: Gmail, control: SandboxControl) -> None:
    control.add_fault({}, {"status": 503})
    assert [gmail.ask("GET", "/profile").status_code for _ in range(5)] == [503] * 5
    control.clear_faults()
    assert gmail.ask("GET", "/profile").status_code == 200


def test_rules_follow_each_other(gmail: Gmail, control: SandboxControl) -> None:
    control.add_fault({}, {"status": 500}, times=1)
    control.add_fault({}, {"status": 429}, times=1)
    assert [gmail.ask("GET", "/profile").status_code for _ in range(3)] == [500, 429, 200]


def test_only_the_requests_meant_are_hit(
    sandbox: SandboxServer, gmail: Gmail, control: SandboxControl
) -> None:
    control.create_mailbox("second@example.com")
    second = Gmail(sandbox.url, control.sign_in("second@example.com")["access_token"])
    control.add_fault(
        {"path_regex": r"/messages/[0-9a-f]+$", "method": "get", "user": DEFAULT_MAILBOX},
        {"status": 500},
    )
    message_id = control.deliver()["id"]
    other_id = control.deliver("second@example.com")["id"]
    assert gmail.ask("GET", f"/messages/{message_id}").status_code == 500
    assert gmail.ask("DELETE", f"/messages/{message_id}").status_code == 204
    assert gmail.ask("GET", "/messages").status_code == 200
    assert second.ask("GET", f"/messages/{other_id}").status_code == 200


def test_token_endpoint_fails_in_its_own_form(
    sandbox: SandboxServer, control: SandboxControl
) -> None:
    control.add_fault({"path": "/token"}, {"status": 400, "reason": "invalid_grant"}, times=1)
    control.add_fault({"path": "/token"}, {"status": 503}, times=1)
    refused = requests.post(f"{sandbox.url}/token", timeout=20)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    broken = requests.post(f"{sandbox.url}/token", timeout=20)
    assert (broken.status_code, broken.json()["error"]) == (503, "internal_failure")


def test_cut_connection_has_no_answer(gmail: Gmail, control: SandboxControl) -> None:
    control.add_fault({}, {"cut": "before"}, times=1)
    with pytest.raises(requests.ConnectionError):
        gmail.ask("GET", "/profile")
    assert gmail.ask("GET", "/profile").status_code == 200
    assert [entry["status"] for entry in control.requests()[-2:]] == [0, 200]


def test_cut_in_the_body_leaves_half_an_answer(gmail: Gmail, control: SandboxControl) -> None:
    control.add_fault({}, {"cut": "mid-body"}, times=1)
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        gmail.ask("GET", "/messages")


def test_answer_lost_after_the_work_is_done(gmail: Gmail, control: SandboxControl) -> None:
    message_id = control.deliver()["id"]
    control.add_fault({"method": "DELETE"}, {"cut": "before", "after": True}, times=1)
    with pytest.raises(requests.ConnectionError):
        gmail.ask("DELETE", f"/messages/{message_id}")
    assert gmail.ask("GET", f"/messages/{message_id}").status_code == 404


def test_hanging_request_is_never_answered(
    sandbox: SandboxServer, gmail: Gmail, control: SandboxControl
) -> None:
    control.add_fault({"path": "/gmail/"}, {"hang": True}, times=1)
    token = gmail.session.headers["Authorization"]
    host, port = sandbox.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as hanging:
        hanging.sendall(
            b"GET /gmail/v1/users/me/profile HTTP/1.1\r\nHost: localhost\r\n"
            + f"Authorization: {token!s}\r\n\r\n".encode()
        )
        # The fault is used up as soon as the request hangs; others are answered meanwhile.
        until(lambda: not control.state()["faults"])
        assert gmail.ask("GET", "/profile").status_code == 200
        hanging.setblocking(False)
        with pytest.raises(BlockingIOError):
            hanging.recv(1)


def test_stopping_does_not_wait_for_what_hangs(sandbox: SandboxServer) -> None:
    sandbox.control.add_fault({"path": "/"}, {"hang": True})
    host, port = sandbox.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as hanging:
        hanging.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        until(lambda: bool(sandbox.control.state()["faults"][0]["hits"]))
        before = time.monotonic()
        sandbox.stop()
        assert time.monotonic() - before < 3


def test_latency_delays_the_true_answer(gmail: Gmail, control: SandboxControl) -> None:
    control.add_fault({}, {"latency_ms": 150}, times=1)
    before = time.monotonic()
    assert gmail.get("/profile")["emailAddress"] == DEFAULT_MAILBOX
    assert time.monotonic() - before >= 0.15


def test_html_instead_of_json(gmail: Gmail, control: SandboxControl) -> None:
    control.add_fault({}, {"html": True}, times=1)
    control.add_fault({}, {"html": True, "status": 200}, times=1)
    for status in (502, 200):
        response = gmail.ask("GET", "/profile")
        assert response.status_code == status
        assert response.headers["Content-Type"].startswith("text/html")
        assert response.text.startswith("<!DOCTYPE html>")


def test_malformed_json(gmail: Gmail, control: SandboxControl) -> None:
    control.add_fault({}, {"malformed": True}, times=1)
    response = gmail.ask("GET", "/profile")
    assert response.status_code == 200
    with pytest.raises(requests.JSONDecodeError):
        response.json()


def test_poisoned_message_fails_alone_and_can_be_healed(
    gmail: Gmail, control: SandboxControl
) -> None:
    bad, good = control.deliver()["id"], control.deliver()["id"]
    control.poison(bad)
    assert [gmail.ask("GET", f"/messages/{bad}").status_code for _ in range(3)] == [500] * 3
    assert gmail.ask("GET", f"/messages/{good}").status_code == 200
    assert bad in gmail.ids()
    control.poison(bad, poisoned=False)
    assert gmail.ask("GET", f"/messages/{bad}").status_code == 200


@pytest.mark.parametrize(
    ("match", "answer", "said"),
    [
        ({}, {}, "answer needs one of"),
        ({}, {"after": True}, "answer needs one of"),
        ({}, {"status": 200}, "answer.status"),
        ({}, {"status": "500"}, "answer.status"),
        ({}, {"status": 700}, "answer.status"),
        ({}, {"cut": "sometimes"}, "answer.cut"),
        ({}, {"latency_ms": -1}, "answer.latency_ms"),
        ({}, {"status": 500, "retry_after": "1\r\nX: y"}, "answer.retry_after"),
        ({}, {"stauts": 500}, "answer.stauts"),
        ({"path_regex": "("}, {"status": 500}, "match.path_regex"),
        ({"pfad": "/"}, {"status": 500}, "match.pfad"),
    ],
)
def test_senseless_rule_is_refused_by_name(
    control: SandboxControl, match: dict[str, object], answer: dict[str, object], said: str
) -> None:
    with pytest.raises(ControlFailedError, match=said):
        control.add_fault(match, answer)
    assert control.state()["faults"] == []
