"""Switches one polled resource of an instance off and on: its entry's `enabled`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from elements import poller
from elements.errors import ConfigurationError
from instances import configuration as keys
from instances import provision
from instances.models import ElementInstance


def switch(
    instance: ElementInstance,
    name: str,
    on: bool,
    *,
    first: Callable[[ElementInstance], None] | None = None,
) -> None:
    """Changes nothing else of the configuration. `first` is as of provision.change.

    Raises ConfigurationError for what the configuration does not name, and as provision.change.
    """
    provision.change(
        instance.organization,
        instance.pk,
        provision.Wish(configuration={keys.POLLER_CONFIGURATION: _switched(instance, name, on)}),
        first=first,
    )


def _switched(instance: ElementInstance, name: str, on: bool) -> str:
    element = keys.element_of(instance)
    text = keys.without_secrets(instance).get(keys.POLLER_CONFIGURATION, "")
    entries: dict[str, dict[str, Any]] = json.loads(text) if text.strip() else {}
    for key, entry in entries.items():
        if poller.name_of(element, key) == name:
            entry["enabled"] = on
            return json.dumps(entries, ensure_ascii=False)
    raise ConfigurationError(keys.POLLER_CONFIGURATION, f"does not name {name[:100]}")
