"""Reads `event.poller.urls`, the older form of `event.poller.configuration`."""

from __future__ import annotations

from typing import Any

from elements import poller
from elements.errors import ConfigurationError
from elements.types import Element

PATH = "event.poller.urls"
FIELDS = (
    "resource",
    "url",
    "filter",
    "updatedDateField",
    "updatedDateFormat",
    "updatedDateTimezone",
    "createdDateField",
    "createdDateFormat",
    "createdDateTimezone",
)


def translated(text: str, element: Element) -> dict[str, dict[str, Any]]:
    """Return the entries of `event.poller.configuration` that `text` stands for.

    It is a line a resource, `resource|url|filter|updated field|format|zone|created field|format|
    zone`, of which the end may be left out; or names of resources with | or line breaks between
    them. Raises ConfigurationError naming the line.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    entries: dict[str, dict[str, Any]] = {}
    for number, line in enumerate(lines, start=1):
        fields = [field.strip() for field in line.split("|")]
        if len(fields) > 1 and "/" in fields[1]:
            found = {fields[0]: _entry(fields, number)}
        else:
            found = {name: _usual(name, element) for name in fields if name}
        for name, entry in found.items():
            if name in entries:
                raise _refused(number, f"{name[:100]} is given twice")
            entries[name] = entry
            try:
                poller.parse({name: entry}, element)
            except ConfigurationError as error:
                raise _refused(number, str(error).removeprefix(f"{poller.PATH}.")) from error
        if len(entries) > poller.MOST_RESOURCES:
            raise ConfigurationError(PATH, f"names more than {poller.MOST_RESOURCES} resources")
    if not entries:
        raise ConfigurationError(PATH, "names no resource")
    return entries


def _usual(name: str, element: Element) -> dict[str, Any]:
    return {"url": f"/hubs/{element.hub}/{name.lstrip('/')}", "idField": ""}


def _entry(fields: list[str], number: int) -> dict[str, Any]:
    if len(fields) > len(FIELDS):
        raise _refused(number, f"has {len(fields)} fields; {len(FIELDS)} are known")
    given = dict(zip(FIELDS, fields, strict=False))
    if given.get("filter"):
        raise _refused(number, "has a filter, which is not supported: write it as where in its url")
    dates = {name: value for name in FIELDS[3:] if (value := given.get(name, ""))}
    entry: dict[str, Any] = {"url": given["url"], "idField": ""}
    return {**entry, "datesConfiguration": dates} if dates else entry


def _refused(number: int, message: str) -> ConfigurationError:
    return ConfigurationError(PATH, f"line {number}: {message}")
