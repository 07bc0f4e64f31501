"""The steps of `make demo`: the product's main job through its public API."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from demo.processes import SIGNATURE_KEY, Places, ServiceError, manage
from demo.receiver import told
from integrations.gmail.sandbox.control_client import SandboxControl

CLIENT_ID, CLIENT_SECRET = "sandbox-client", "sandbox-secret"
MAILBOX = "user@example.com"
ARRIVAL_TIMEOUT = 15.0  # seconds from a poll to the callback


class StepFailed(Exception):
    """A step did not come out as promised. `advice` says what to do."""

    def __init__(self, why: str, advice: str) -> None:
        super().__init__(why)
        self.advice = advice


@dataclass
class Demo:
    """What the steps hand on to each other."""

    places: Places
    control: SandboxControl
    session: requests.Session = field(default_factory=requests.Session)
    authorization_url: str = ""
    code: str = ""
    instance_id: int = 0
    message_ids: dict[str, str] = field(default_factory=dict)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Calls our API and returns the parsed answer; raises StepFailed unless it is 200."""
        say(f"{method} /elements/api-v2{path}")
        answer = self.session.request(method, self.places.api + path, json=body, timeout=60)
        if answer.status_code != 200:
            raise StepFailed(
                f"{method} {path} answered {answer.status_code}: {answer.text[:500]}",
                f"look at {self.places.var}/web.log for request "
                f"{answer.headers.get('Elements-Request-Id')}",
            )
        return answer.json() if answer.content else None


def say(text: str) -> None:
    sys.stdout.write("".join(f"    {line}\n" for line in text.splitlines()))
    sys.stdout.flush()


def shown(value: Any) -> str:
    return json.dumps(value, indent=2)


def create_organization(demo: Demo) -> None:
    email = f"demo-{time.time_ns()}@example.com"
    try:
        created = json.loads(
            manage(demo.places, "create_organization", "Demo", "--email", email, "--json")
        )
    except ServiceError as error:
        raise StepFailed(str(error), "run `make clean` and try again") from error
    say(shown(created))
    demo.session.headers["Authorization"] = (
        f"User {created['userSecret']}, Organization {created['organizationSecret']}"
    )


def ask_for_the_redirect_url(demo: Demo) -> None:
    callback = f"{demo.places.receiver}/oauth"
    answer = demo.call(
        "GET",
        f"/elements/gmail/oauth/url?apiKey={CLIENT_ID}&apiSecret={CLIENT_SECRET}"
        f"&callbackUrl={callback}",
    )
    demo.authorization_url = answer["oauthUrl"]
    say(demo.authorization_url)


def consent(demo: Demo) -> None:
    location = demo.control.approve(demo.authorization_url, MAILBOX)
    say(f"{MAILBOX} agrees; the browser is sent to {location.split('?')[0]} with a code")
    query = parse_qs(urlsplit(location).query)
    if "code" not in query:
        raise StepFailed(f"consent ended with {query}", f"see {demo.places.var}/sandbox.log")
    demo.code = query["code"][0]


def connect(demo: Demo) -> None:
    body = {
        "name": "Demo mailbox",
        "element": {"key": "gmail"},
        "providerData": {"code": demo.code},
        "configuration": {
            "oauth.api.key": CLIENT_ID,
            "oauth.api.secret": CLIENT_SECRET,
            "oauth.callback.url": f"{demo.places.receiver}/oauth",
            "event.notification.enabled": True,
            "event.vendor.type": "polling",
            "event.notification.type": "webhook",
            "event.notification.callback.url": f"{demo.places.receiver}/events",
            "event.notification.signature.key": SIGNATURE_KEY,
            "event.poller.refresh_interval": "1",
            "event.poller.configuration": {
                "changed-messages": {
                    "url": "/hubs/general/changed-messages",
                    "idField": "id",
                }
            },
        },
        "tags": ["demo"],
    }
    say(shown({**body, "providerData": {"code": "…"}}))
    instance = demo.call("POST", "/instances", body)
    demo.instance_id = instance["id"]
    say(f"instance {instance['id']} is connected; events enabled: {instance['eventsEnabled']}")
    if not instance["eventsEnabled"]:
        raise StepFailed("events are not enabled", "this is a defect: please report it")


def change_the_mailbox(demo: Demo) -> None:
    before = demo.control.deliver(subject="Was here, is labelled")["id"]
    doomed = demo.control.deliver(subject="Was here, is deleted")["id"]
    demo.call("POST", f"/instances/{demo.instance_id}/polls")  # these two are old news now
    wait_for(demo, {before: "CREATED", doomed: "CREATED"})
    new = demo.control.deliver(subject="Has just arrived")["id"]
    demo.control.label(before, add=["STARRED"])
    demo.control.delete(doomed)
    demo.message_ids = {new: "CREATED", before: "UPDATED", doomed: "DELETED"}
    say("a mail arrived, another was starred, a third was deleted for good")


def poll(demo: Demo) -> None:
    answer = demo.call("POST", f"/instances/{demo.instance_id}/polls")
    say(shown(answer))


def receive(demo: Demo) -> None:
    deliveries = wait_for(demo, demo.message_ids)
    for delivery in deliveries:
        say(told(delivery))
    for name, verified in (
        ("Elements-Webhook-Signature", "legacySignatureVerifies"),
        ("webhook-signature", "standardSignatureVerifies"),
    ):
        if not all(delivery[verified] for delivery in deliveries):
            raise StepFailed(f"{name} does not verify", "this is a defect: please report it")
    say("every change arrived, and both signatures verify")


def disconnect(demo: Demo) -> None:
    demo.call("DELETE", f"/instances/{demo.instance_id}")
    say("the instance is gone and its grant revoked at the provider")


def wait_for(demo: Demo, expected: dict[str, str]) -> list[dict[str, Any]]:
    """The deliveries that carry the changes {message id: change type}; raises StepFailed."""
    deadline = time.monotonic() + ARRIVAL_TIMEOUT
    while True:
        received = requests.get(f"{demo.places.receiver}/received", timeout=5).json()
        carrying = [one for one in received if changes_in(one).items() & expected.items()]
        found = {pair for one in carrying for pair in changes_in(one).items()}
        if found >= expected.items():
            return carrying
        if time.monotonic() > deadline:
            missing = dict(expected.items() - found)
            raise StepFailed(
                f"these changes did not arrive within {ARRIVAL_TIMEOUT:.0f} s: {missing}",
                f"look at {demo.places.var}/worker.log",
            )
        time.sleep(0.1)


def changes_in(delivery: dict[str, Any]) -> dict[str, str]:
    message = json.loads(delivery["body"])["message"]
    return {event["objectId"]: event["eventType"] for event in message["events"]}


STEPS: tuple[tuple[str, Callable[[Demo], None]], ...] = (
    ("An organization and a user are created, each with a secret", create_organization),
    ("The redirect URL of the provider's consent page is asked for", ask_for_the_redirect_url),
    ("The mailbox's owner consents", consent),
    ("The mailbox is connected, with events on", connect),
    ("The mailbox changes", change_the_mailbox),
    ("A poll finds the changes", poll),
    ("The callback receives them, signed", receive),
    ("The mailbox is disconnected", disconnect),
)
