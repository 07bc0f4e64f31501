"""What templates of the console share: times, and the state of an instance."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django import template
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()
TIME = re.compile(r"(\b[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)")


@register.filter
def moment(value: datetime | str | None) -> SafeString | str:
    """A time as people read it: UTC, until the page's script puts it into the reader's zone.

    Takes a time with a zone, or the text of one as the API writes it; anything else is "never".
    """
    try:
        at = parse_datetime(value) if isinstance(value, str) else value
    except ValueError:  # its form is that of a time, and there is no such day
        return str(value)
    if at is None:
        return "never"
    utc = at.astimezone(UTC)
    text = f"{utc:%Y-%m-%d %H:%M:%S} UTC"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', f"{utc:%Y-%m-%dT%H:%M:%SZ}", text, text
    )


@register.filter
def moments(text: str) -> SafeString:
    """A sentence of the API's, its times as `moment` has them."""
    pieces = TIME.split(str(text))  # every second one is a time
    return format_html_join(
        "", "{}", ((moment(one) if place % 2 else one,) for place, one in enumerate(pieces))
    )


@register.filter
def of(found: Mapping[Any, Any], key: Any) -> Any:
    """What stands at a key; empty where nothing does."""
    return found.get(key, "")


@register.filter
def verdict(checks: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What a delivery's checks (inbox.checks) come to: a badge's text and kind."""
    found = {one["verifies"] for one in checks}
    if False in found:
        return {"text": "does not verify", "kind": "bad"}
    if found == {True}:
        return {"text": "verifies", "kind": "good"}
    return {"text": "cannot be verified", "kind": ""}
