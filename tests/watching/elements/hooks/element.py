"""A made-up provider whose webhooks are registered (its server: tests/watching/hooks.py)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from elements.calls import WatchCall, Watched
from elements.errors import ConfigurationError
from elements.types import ApiKey, ConfigurationField, Element, Setting
from elements.webhooks import Signature, Watch, Webhook
from transport.types import Request, Steps

PROJECT = "hooks.project"


def wanted(configuration: Mapping[str, str]) -> bool:
    project = configuration.get(PROJECT, "").strip()
    if "/" in project:
        raise ConfigurationError(PROJECT, "must be the name of a project")
    return bool(project)


def start(call: WatchCall) -> Steps[Watched]:
    project = call.configuration[PROJECT]
    for hook in (yield from registered()):
        if hook["url"] == call.callback_url:
            if hook["project"] == project:
                return watched(hook)
            yield Request("DELETE", f"/hooks/{hook['id']}")
    wish = {"url": call.callback_url, "secret": call.secret, "project": project}
    response = yield Request("POST", "/hooks", json=wish)
    return watched(response.object())


def watched(hook: dict[str, Any]) -> Watched:
    until = datetime.fromtimestamp(hook["until"], UTC) if hook["until"] else None
    return Watched({"id": hook["id"]}, until)


def stop(call: WatchCall) -> Steps[None]:
    for hook in (yield from registered()):
        if hook["url"] == call.callback_url:
            response = yield Request("DELETE", f"/hooks/{hook['id']}")
            if response.status != 404:
                response.raise_for_status()


def registered() -> Steps[list[dict[str, Any]]]:
    response = yield Request("GET", "/hooks")
    hooks: list[dict[str, Any]] = response.json()
    return hooks


ELEMENT = Element(
    id=900_010,
    key="hooks",
    name="Hooks",
    hub="general",
    description="A provider for tests",
    base_url=Setting("HOOKS_API_BASE_URL", "http://127.0.0.1:1"),
    authentication=ApiKey("X-Key"),
    resources=(),
    configuration=(
        ConfigurationField("event.vendor.webhook.secret", "Secret", type="PASSWORD"),
        ConfigurationField(PROJECT, "Project"),
    ),
    webhook=Webhook(
        signature=Signature("X-Signature", prefix="sha256="),
        object_type="value:things",
        event_type="action",
    ),
    watch=Watch(start, stop, wanted, renew_after=timedelta(days=1)),
)
