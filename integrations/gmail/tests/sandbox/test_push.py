"""Watched mailboxes are told of, at most once a second, with a token that the sandbox signs."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
import requests

from integrations.gmail.sandbox.control_client import ControlFailedError, SandboxControl
from integrations.gmail.sandbox.server import SandboxServer
from integrations.gmail.sandbox.stand_in import DEFAULT_MAILBOX

from .conftest import Gmail, until

TOPIC = "projects/my-project/topics/gmail"
METADATA = "https://www.googleapis.com/auth/gmail.metadata"


class Endpoint:
    """Where the subscription pushes to. `answers` are given first, then 204."""

    def __init__(self) -> None:
        self.received: list[tuple[str, dict[str, Any]]] = []  # Authorization, told
        self.bodies: list[dict[str, Any]] = []
        self.answers: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                told = json.loads(base64.b64decode(body["message"]["data"]))
                outer.bodies.append(body)
                outer.received.append((self.headers["Authorization"], told))
                self.send_response(outer.answers.pop(0) if outer.answers else 204)
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/push"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def endpoint(control: SandboxControl) -> Iterator[Endpoint]:
    endpoint = Endpoint()
    control.push_to(endpoint.url, audience="https://example.com/push")
    yield endpoint
    endpoint.server.shutdown()
    endpoint.server.server_close()


def settled(control: SandboxControl) -> None:
    until(lambda: control.push()["under_way"] == 0)


def watch(gmail: Gmail, topic: str = TOPIC) -> Any:
    return gmail.post("/watch", {"topicName": topic})


def test_a_watched_mailbox_is_told_of_with_a_token_that_its_keys_prove(
    sandbox: SandboxServer, gmail: Gmail, control: SandboxControl, endpoint: Endpoint
) -> None:
    control.deliver()
    settled(control)
    assert endpoint.received == []  # nobody watches yet

    answer = watch(gmail)
    assert int(answer["expiration"]) == pytest.approx(
        (control.state()["now"] + 7 * 86_400) * 1000, abs=60_000
    )
    delivered = control.deliver()
    settled(control)

    [(authorization, told)] = endpoint.received
    assert told == {
        "emailAddress": DEFAULT_MAILBOX,
        "historyId": int(delivered["historyId"]),
    }
    assert set(endpoint.bodies[0]) == {"message", "subscription"}
    [key] = requests.get(f"{sandbox.url}/oauth2/v3/certs", timeout=5).json()["keys"]
    token = authorization.removeprefix("Bearer ")
    assert jwt.get_unverified_header(token)["kid"] == key["kid"]
    claims = jwt.decode(
        token, jwt.PyJWK(key).key, algorithms=["RS256"], audience="https://example.com/push"
    )
    assert claims["iss"] == "https://accounts.google.com"
    assert (claims["email"], claims["email_verified"]) == (
        "pusher@sandbox.iam.gserviceaccount.com",
        True,
    )


def test_more_than_one_a_second_is_dropped(
    gmail: Gmail, control: SandboxControl, endpoint: Endpoint
) -> None:
    watch(gmail)
    control.deliver_many(5)
    settled(control)
    assert (len(endpoint.received), control.push()["dropped"]) == (1, 4)

    control.advance_clock(1)
    control.deliver()
    settled(control)
    assert len(endpoint.received) == 2


def test_a_watch_ends_after_a_week(
    gmail: Gmail, control: SandboxControl, endpoint: Endpoint
) -> None:
    watch(gmail)
    control.advance_clock(7 * 86_400 - 60)
    control.deliver()
    settled(control)
    assert len(endpoint.received) == 1
    control.advance_clock(60)
    control.deliver()
    settled(control)
    assert len(endpoint.received) == 1


def test_stop_ends_it_and_may_be_called_twice(
    gmail: Gmail, control: SandboxControl, endpoint: Endpoint
) -> None:
    watch(gmail)
    for _ in range(2):
        assert gmail.ask("POST", "/stop").status_code == 204
    control.deliver()
    settled(control)
    assert endpoint.received == []


def test_a_topic_must_be_one_and_the_same(gmail: Gmail, control: SandboxControl) -> None:
    for wrong in (None, "", "gmail", "projects/p/topics/", 7):
        answer = gmail.ask("POST", "/watch", {"topicName": wrong})
        assert answer.status_code == 400
        assert "Invalid topicName" in answer.json()["error"]["message"]
    watch(gmail)
    watch(gmail)
    answer = gmail.ask("POST", "/watch", {"topicName": f"{TOPIC}2"})
    assert "call /stop then try again" in answer.json()["error"]["message"]


def test_what_the_endpoint_refuses_is_pushed_again(
    gmail: Gmail, control: SandboxControl, endpoint: Endpoint
) -> None:
    watch(gmail)
    endpoint.answers = [503, 401]
    control.deliver()
    settled(control)
    assert len(endpoint.received) == 3
    assert len({body["message"]["messageId"] for body in endpoint.bodies}) == 1
    assert (control.push()["sent"], control.push()["refused"]) == (1, 2)


def test_pushes_are_dropped_silenced_and_delayed_on_order(
    gmail: Gmail, control: SandboxControl, endpoint: Endpoint
) -> None:
    watch(gmail)
    control.set_push(drop=1)
    for expected in (0, 1):
        control.deliver()
        settled(control)
        control.advance_clock(1)
        assert len(endpoint.received) == expected

    control.set_push(silent=True)
    control.deliver()
    settled(control)
    assert len(endpoint.received) == 1

    control.advance_clock(1)
    control.set_push(silent=False, delay_s=600)
    control.deliver()
    assert control.push()["under_way"] == 1
    assert len(endpoint.received) == 1


def test_it_pushes_to_this_machine_only(control: SandboxControl) -> None:
    for url in ("https://example.com/push", "http://10.0.0.1/", "ftp://127.0.0.1/", "nothing"):
        with pytest.raises(ControlFailedError, match="400"):
            control.push_to(url)


def test_reading_the_metadata_is_enough_to_watch(sandbox: SandboxServer) -> None:
    tokens = sandbox.control.sign_in(scopes=[METADATA])
    assert "historyId" in watch(Gmail(sandbox.url, tokens["access_token"]))
