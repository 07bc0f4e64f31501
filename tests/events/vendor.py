"""A provider that sends webhooks, signed with a secret, and the element that says how."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from django.db import transaction
from rest_framework.test import APIClient

from accounts.provision import NewOrganization
from accounts.secret import digest, new_instance_token
from elements.register import create
from elements.types import Element
from instances import configuration
from instances.models import ElementInstance
from instances.signals import instance_saved
from tests.elements.ledger import ledger

API = "/elements/api-v2"
SECRET = "what the provider signs with"
HEADER = "X-Ledger-Signature"
WEBHOOK: dict[str, Any] = {
    "signature": {"header": HEADER, "proof": "hmac-sha256", "prefix": "sha256="},
    "deliveryId": "header:X-Ledger-Delivery",
    "records": "data.entries",
    "objectId": "id",
    "objectType": "kind",
    "eventType": "action",
    "date": "at",
    "eventTypes": {"added": "CREATED", "removed": "DELETED", "ping": "ignored"},
    "objectTypes": {"entry": "entries"},
}
BODY: dict[str, Any] = {
    "action": "added",
    "kind": "entry",
    "data": {"entries": [{"id": "e1", "amount": 5, "at": "2026-01-31T12:00:00+01:00"}]},
}


def element(owner: NewOrganization, **webhook: Any) -> Element:
    """A private element of the organization's that receives webhooks, or has `webhook` of None."""
    declared = {**WEBHOOK, **webhook}
    return create(owner.organization.pk, ledger(webhook=declared))


def connect(
    owner: NewOrganization, *, url: str = "", secret: str = SECRET, **columns: Any
) -> ElementInstance:
    """An instance of the element `ledger` that is told of webhooks."""
    values = columns.pop("configuration", {})
    token = new_instance_token()
    instance = ElementInstance(
        **{
            "organization": owner.organization,
            "user": owner.user,
            "element_key": "ledger",
            "name": "Books",
            "token": token,
            "token_digest": digest(token),
            "events_enabled": True,
            "vendor_type": "webhook",
            **columns,
        }
    )
    configuration.keep(
        instance,
        configuration.element_of(instance),
        {
            "event.vendor.webhook.secret": secret,
            "event.notification.callback.url": url,
            "event.notification.signature.key": "a signature key",
            **values,
        },
    )
    with transaction.atomic():
        instance.save()
        instance_saved.send(ElementInstance, instance=instance, created=True, reauthenticated=False)
    return instance


def signature(body: bytes, secret: str = SECRET) -> str:
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def send(
    path: str,
    body: Any = BODY,
    *,
    secret: str = SECRET,
    headers: dict[str, str] | None = None,
    content_type: str = "application/json",
) -> Any:
    """POSTs as the provider does; `path` is what follows /events/."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return APIClient().generic(
        "POST",
        f"{API}/events/{path}",
        raw,  # type: ignore[arg-type]  # the stubs know of text only
        content_type,
        headers={HEADER: signature(raw, secret), **(headers or {})},
    )


def ref(instance: ElementInstance) -> str:
    return base64.b64encode(str(instance.pk).encode()).decode()
