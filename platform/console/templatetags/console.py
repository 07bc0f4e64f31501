"""What templates of the console share: times, and the state of an instance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django import template
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def moment(value: datetime | str | None) -> SafeString | str:
    """A time as people read it: UTC, until the page's script puts it into the reader's zone.

    Takes a time with a zone, or the text of one as the API writes it; anything else is "never".
    """
    at = parse_datetime(value) if isinstance(value, str) else value
    if at is None:
        return "never"
    utc = at.astimezone(UTC)
    text = f"{utc:%Y-%m-%d %H:%M:%S} UTC"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', f"{utc:%Y-%m-%dT%H:%M:%SZ}", text, text
    )


@register.filter
def verdict(checks: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What a delivery's checks (inbox.checks) come to: a badge's text and kind."""
    found = {one["verifies"] for one in checks}
    if False in found:
        return {"text": "does not verify", "kind": "bad"}
    if found == {True}:
        return {"text": "verifies", "kind": "good"}
    return {"text": "cannot be verified", "kind": ""}
