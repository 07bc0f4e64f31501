"""Keeps what is secret in a definition from being shown: the defaults of some entries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MASK = "********"
SECRET_TYPE = "PASSWORD"  # noqa: S105 - the name of a type
# Not a password, but nothing to hand on: who the organization is at the provider.
SECRET_KEYS = frozenset({"oauth.api.key"})


def is_secret(entry: Mapping[str, Any]) -> bool:
    """Of an entry of `configuration`."""
    return entry.get("type") == SECRET_TYPE or entry.get("key") in SECRET_KEYS


def masked(definition: Mapping[str, Any]) -> dict[str, Any]:
    """As it is shown: that there is a secret, not which."""
    return {
        **definition,
        "configuration": [
            {**entry, "defaultValue": MASK}
            if is_secret(entry) and entry.get("defaultValue")
            else entry
            for entry in definition["configuration"]
        ],
    }


def blanked(definition: Mapping[str, Any]) -> dict[str, Any]:
    """As it is handed on: without the secrets."""
    return {
        **definition,
        "configuration": [
            {name: value for name, value in entry.items() if name != "defaultValue"}
            if is_secret(entry)
            else entry
            for entry in definition["configuration"]
        ],
    }


def unmasked(definition: Any, before: Mapping[str, str]) -> Any:
    """A definition that came back with masks, each replaced by the secret of `before`, by key.

    A mask that stands for nothing is taken out. What is no definition is left for its reader.
    """
    entries = definition.get("configuration") if isinstance(definition, dict) else None
    if not isinstance(entries, list):
        return definition
    return {**definition, "configuration": [_unmasked(entry, before) for entry in entries]}


def keys_given(definition: Any) -> frozenset[str]:
    """The keys of the entries whose default is said in clear."""
    entries = definition.get("configuration") if isinstance(definition, dict) else None
    return frozenset(
        str(entry.get("key")).strip()
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict) and entry.get("defaultValue") not in (None, "", MASK)
    )


def _unmasked(entry: Any, before: Mapping[str, str]) -> Any:
    if not isinstance(entry, dict) or entry.get("defaultValue") != MASK:
        return entry
    key = entry.get("key")
    secret = before.get(key) if isinstance(key, str) else None
    return {**entry, "defaultValue": secret}
