"""`make up`: kill -9 of any of its processes, then `make up` again, loses and doubles nothing."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psutil
import pytest
import requests

from demo.processes import SIGNATURE_KEY
from integrations.gmail.sandbox.control_client import SandboxControl
from tests.demo.started import Started, is_postgres_of, left_of, ports, until
from tests.events.receiver import Receiver

pytestmark = [pytest.mark.installation, pytest.mark.xdist_group("processes")]
REDIRECT = "http://127.0.0.1/callback"
SELDOM = "999999"  # minutes: polls take place when they are asked for


class Running:
    """`make up`, started again and again in one folder, and a customer of it."""

    def __init__(self, var: Path, receiver: Receiver) -> None:
        self.var = var
        self.ports = ports()
        self.receiver = receiver
        self.control = SandboxControl(f"http://127.0.0.1:{self.ports['SANDBOX_PORT']}")
        self.session = requests.Session()
        self.instance = 0
        self.mails: list[str] = []

    def start(self) -> str:
        """Starts everything and returns what it greets with."""
        self.up = Started("demo.up", self.var, **self.ports)
        self.up.wait_for("  Console  ")
        self.up.wait_for("  Sign in ")
        return self.up.printed

    def call(self, method: str, path: str, body: Any = None) -> requests.Response:
        url = f"http://127.0.0.1:{self.ports['PORT']}/elements/api-v2{path}"
        return self.session.request(method, url, json=body, timeout=60)

    def connect(self) -> None:
        query = f"apiKey=sandbox-client&apiSecret=sandbox-secret&callbackUrl={REDIRECT}"
        url = self.call("GET", f"/elements/gmail/oauth/url?{query}").json()["oauthUrl"]
        code = parse_qs(urlsplit(self.control.approve(url)).query)["code"][0]
        body = {
            "name": "Mailbox",
            "element": {"key": "gmail"},
            "providerData": {"code": code},
            "configuration": {
                "oauth.api.key": "sandbox-client",
                "oauth.api.secret": "sandbox-secret",
                "oauth.callback.url": REDIRECT,
                "event.notification.enabled": True,
                "event.notification.callback.url": self.receiver.url,
                "event.notification.signature.key": SIGNATURE_KEY,
                "event.poller.refresh_interval": SELDOM,
            },
        }
        answer = self.call("POST", "/instances", body)
        assert answer.status_code == 200, answer.text
        self.instance = answer.json()["id"]

    def mail(self) -> None:
        self.mails.append(self.control.deliver()["id"])

    def poll_until_told(self) -> None:
        """Asks for polls until every mail so far has arrived at the callback."""

        def told() -> bool:
            try:
                answer = self.call("POST", f"/instances/{self.instance}/polls")
            except requests.RequestException:
                return False
            assert answer.status_code in {200, 409, 503}, answer.text
            return set(self.mails) <= set(self.told())

        until(told, self.up.output)

    def told(self) -> dict[str, set[str]]:
        """The webhook ids under which each mail was told."""
        ids: dict[str, set[str]] = defaultdict(set)
        for notification in list(self.receiver.received):
            for event in json.loads(notification.body)["message"]["events"]:
                assert event["eventType"] == "CREATED"
                ids[event["objectId"]].add(notification.webhook_id)
        return ids

    # --- Its processes ---------------------------------------------------------------------------

    def find(self, word: str) -> list[psutil.Process]:
        """Its processes whose command line holds the word, the oldest first."""
        found = []
        for one in left_of(self.var):
            with suppress(psutil.NoSuchProcess):  # PostgreSQL's own come and go
                if any(word in part for part in one.cmdline()):
                    found.append((one.create_time(), one.pid, one))
        return [one for _, _, one in sorted(found)]

    def postmaster(self) -> psutil.Process:
        [found] = [
            one
            for one in left_of(self.var)
            if is_postgres_of(one, self.var) and (parent := one.parent()) is not None
            and parent.name() != "postgres"
        ]  # fmt: skip
        return found


@pytest.fixture
def running(var: Path) -> Iterator[Running]:
    receiver = Receiver()
    yield Running(var, receiver)
    receiver.close()


def test_killed_with_9_anywhere_it_goes_on_and_ctrl_c_leaves_nothing(running: Running) -> None:
    greeting = running.start()
    for name in ("PORT", "SANDBOX_PORT"):
        assert f"http://127.0.0.1:{running.ports[name]}/" in greeting
    [inbox] = re.findall(rf"http://127\.0\.0\.1:{running.ports['PORT']}/inbox/\S{{43}}", greeting)
    assert requests.post(inbox, json={}, timeout=60).status_code == 200
    assert re.search(r"Sign in +admin@example\.com +password \S+", greeting)
    [authorization] = re.findall(r"Authorization: (User \S+, Organization \S+)", greeting)
    running.session.headers["Authorization"] = authorization
    running.connect()
    running.mail()
    running.poll_until_told()

    # What goes on by itself.
    running.find("qcluster")[-1].kill()
    running.mail()
    running.poll_until_told()
    running.find("gunicorn")[-1].kill()
    running.mail()
    running.poll_until_told()
    running.postmaster().kill()
    running.mail()
    running.poll_until_told()
    assert running.up.process.poll() is None

    # What ends everything, and needs another start.
    second = Started("demo.up", running.var, **running.ports)
    assert second.end() == 1
    assert "run already" in second.printed
    os.kill(running.up.process.pid, signal.SIGKILL)
    running.up.end()
    running.mail()
    greeting = running.start()
    assert re.search(r"ended \d+ processes that an earlier start left running", greeting)
    assert "Authorization:" not in greeting
    running.poll_until_told()
    for victims in (["gunicorn"], ["qcluster", "gmail.sandbox"]):
        running.mail()
        for victim in victims:
            running.find(victim)[0].kill()
        assert running.up.end() != 0
        until(lambda: left_of(running.var) == [])
        running.start()
        running.poll_until_told()

    began = time.monotonic()
    running.up.process.send_signal(signal.SIGINT)
    assert running.up.end() == 0, running.up.printed
    until(lambda: left_of(running.var) == [])
    assert time.monotonic() - began < 10
    told = running.told()
    assert set(told) == set(running.mails)
    assert {len(ids) for ids in told.values()} == {1}
