"""Reads and writes the `guide` of a definition: what to do at the provider, told to people."""

from __future__ import annotations

import re
from typing import Any

from elements.definition.reading import Part
from elements.types import Guide

MOST_STEPS = 20
LONGEST_STEP = 500  # characters
ADDRESS = re.compile(r"https://[^\s<>\"]+")


def guide(part: Part) -> Guide | None:
    """None where the definition has none. Raises ConfigurationError."""
    steps = part.texts("steps", most=MOST_STEPS, longest=LONGEST_STEP)
    url = part.text("url", form=ADDRESS, right="an address that begins with https://")
    if url and not steps:
        part.refuse("steps", "is missing: what people do at the url")
    return Guide(steps, url) if steps else None


def guide_json(told: Guide) -> dict[str, Any]:
    return {"steps": list(told.steps), "url": told.url}
