"""Reads the `configuration` of a definition: what each instance is asked for, and its defaults."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any

from elements.definition.reading import Part
from elements.errors import ConfigurationError
from elements.standard import EVENT_KEYS
from elements.types import ConfigurationField

MOST_FIELDS = 200
MOST_CHOICES = 200
LONGEST_DEFAULT = 65_536  # characters
KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
TYPES = (
    "TEXTFIELD_32",
    "TEXTFIELD_64",
    "TEXTFIELD_100",
    "TEXTFIELD_128",
    "TEXTFIELD_1000",
    "TEXTAREA",
    "BOOLEAN",
    "PASSWORD",
    "COMBO",
    "CODE_EDITOR",
)


def fields(parts: Sequence[Part]) -> dict[str, ConfigurationField]:
    """The entries by their keys. Raises ConfigurationError."""
    found: dict[str, ConfigurationField] = {}
    for part in parts:
        entry = field(part)
        if entry.key in found:
            part.refuse("key", f"{entry.key} is given twice")
        found[entry.key] = entry
    return found


def field(part: Part) -> ConfigurationField:
    """One entry. Raises ConfigurationError."""
    key = part.text(
        "key", required=True, form=KEY, right="letters, digits and the characters . _ -"
    )
    if key.lower().startswith("bulk.") or (
        key.lower().startswith("event.") and key not in EVENT_KEYS
    ):
        part.refuse("key", f"{key} is reserved: no key of your own begins with bulk. or event.")
    kind = part.word("type", TYPES, default="TEXTFIELD_1000")
    choices = part.texts("choices", most=MOST_CHOICES)
    default = _default(part)
    if choices and default and default not in choices:
        part.refuse("defaultValue", f"must be one of {', '.join(choices)}")
    if kind == "BOOLEAN" and default and default.strip().lower() not in {"true", "false"}:
        part.refuse("defaultValue", "must be true or false")
    return ConfigurationField(
        key,
        part.text("name", longest=200) or key,
        type=kind,
        description=part.description(),
        default=default,
        required=part.flag("required"),
        hidden=part.flag("hideFromConsole"),
        choices=choices,
        display_order=part.number("displayOrder", least=0, most=100_000, default=None),
    )


def _default(part: Part) -> str | None:
    """The default as text; other JSON is written as the text that a configuration holds."""
    value: Any = part.value.get("defaultValue")
    if value is None:
        return None
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, float) and not math.isfinite(value):
        part.refuse("defaultValue", "must be a finite number")
    elif isinstance(value, str):
        text = value
    else:
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    if len(text) > LONGEST_DEFAULT:
        raise ConfigurationError(
            part.at("defaultValue"),
            f"has {len(text)} characters; {LONGEST_DEFAULT} are allowed",
        )
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        part.refuse("defaultValue", "must not hold null characters or lone surrogates")
    return text
