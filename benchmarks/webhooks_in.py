"""GitHub's signed webhooks a second, received and stored by the web server before its 2xx.

Beside them a REST framework view that does nothing is sent the same requests, by the same client
to the same server. Slices of the two take turns. Each webhook has a body of its own, its signature
and its id; the last slice is sent once more in the end, as a provider that got no answer does.
Unless each is stored exactly once then, with its event and the event's delivery, there are no
figures.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from statistics import median

from django.db import transaction

from benchmarks import database
from benchmarks.bare_loop import BareRequest, measure_each
from benchmarks.mailboxes import SIGNATURE_KEY
from benchmarks.web import web_server

SECRET = "what GitHub signs with"  # noqa: S105 - of nobody
REPOSITORIES = 100
BODY_SIZE = 8_000  # characters: GitHub's are of 5 to 25 thousand
IN_FLIGHT = 8
SLICES, QUICK_SLICES = 7, 3
WEBHOOKS, QUICK_WEBHOOKS = 1_000, 60  # a slice


def run(*, quick: bool) -> dict[str, float]:
    slices = QUICK_SLICES if quick else SLICES
    webhooks = QUICK_WEBHOOKS if quick else WEBHOOKS
    database.fresh("webhooks_in")
    instances = _repositories()
    pairs = []
    with web_server() as api:
        for number in range(slices):
            sent = [
                _webhook(f"{api}/events/github/{instances[one % REPOSITORIES]}", one)
                for one in range(number * webhooks, (number + 1) * webhooks)
            ]
            bare = measure_each(
                [BareRequest(one.method, f"{api}/bare", one.headers, one.body) for one in sent],
                in_flight=IN_FLIGHT,
            )
            pairs.append((bare, measure_each(sent, in_flight=IN_FLIGHT)))
        measure_each(sent, in_flight=IN_FLIGHT)
    _require_balance(slices * webhooks)
    database.drop("webhooks_in")
    return {
        "webhooks_in_ratio": median(ours.per_second / bare.per_second for bare, ours in pairs),
        "webhooks_in_per_s": median(ours.per_second for _, ours in pairs),
        "webhooks_in_bare_per_s": median(bare.per_second for bare, _ in pairs),
        "webhooks_in_count": slices * webhooks,
    }


def _repositories() -> list[int]:
    """The ids of instances whose webhooks a person has set up at GitHub."""
    from accounts.provision import create_organization
    from accounts.secret import digest, new_instance_token
    from instances import configuration
    from instances.models import ElementInstance
    from instances.signals import instance_saved

    owner = create_organization("Bench", "bench@example.com")
    instances = []
    for number in range(REPOSITORIES):
        token = new_instance_token()
        instance = ElementInstance(
            organization=owner.organization,
            user=owner.user,
            element_key="github",
            name=f"Repository {number}",
            token=token,
            token_digest=digest(token),
            events_enabled=True,
            vendor_type="webhook",
        )
        given = {
            "github.repository": f"octocat/repository-{number}",
            "event.vendor.webhook.secret": SECRET,
            "event.notification.callback.url": "http://127.0.0.1:9/events",
            "event.notification.signature.key": SIGNATURE_KEY,
        }
        configuration.keep(instance, configuration.element_of(instance), given)
        with transaction.atomic():
            instance.save()
            instance_saved.send(
                ElementInstance, instance=instance, created=True, reauthenticated=False
            )
        instances.append(instance.pk)
    return instances


def _webhook(url: str, number: int) -> BareRequest:
    issue = {"number": number + 1, "updated_at": "2026-11-01T12:00:00Z", "body": "x" * BODY_SIZE}
    body = json.dumps({"action": "opened", "issue": issue}).encode()
    signed = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": "issues",
        "X-GitHub-Delivery": str(uuid.uuid5(uuid.NAMESPACE_URL, str(number))),
        "X-Hub-Signature-256": f"sha256={signed}",
    }
    return BareRequest("POST", url, headers, body)


def _require_balance(webhooks: int) -> None:
    """Raise RuntimeError unless each webhook was stored exactly once."""
    from events.models import Delivery, Event

    counts = {
        "events": Event.objects.count(),
        "objects": Event.objects.values("objects_found").distinct().count(),
        "deliveries": Delivery.objects.count(),
        "delivered events": Delivery.objects.values("event").distinct().count(),
    }
    if set(counts.values()) != {webhooks}:
        raise RuntimeError(f"{webhooks} webhooks do not balance: {counts}")
