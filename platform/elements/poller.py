"""Reads `event.poller.configuration`: which resources of an instance are polled, and how."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from ceql.moment import moment
from elements.calls import PollerEntry
from elements.errors import ConfigurationError, ParameterError
from elements.feed import goes_by_cursor
from elements.polled_url import asked_by, asks_where
from elements.record_dates import RecordDates, dates_of
from elements.types import Element, Operation, Resource
from elements.url_template import filled, templates_of

PATH = "event.poller.configuration"
LONGEST_TEXT = 65_536  # characters of the whole configuration
LONGEST_URL = 2_000
MOST_RESOURCES = 100
DEEPEST = 50  # levels of nesting, as in a request's body
TOO_DEEP = f"is nested deeper than {DEEPEST} levels"
LONGEST_ID_FIELD = 200
LONGEST_NAME = 100  # characters of a key, as PollingResource.name holds them
# What message.raw has beside the list of records (events.payload).
OWN_WORDS = frozenset({"objectType", "instance_id"})
A_TIME = datetime(2026, 1, 31, 12, tzinfo=UTC)  # any: what a url is like with dates in it
HUB_PATH = re.compile(r"/?(?:elements/api-v2/)?(?:hubs/[^/]+/)?(?P<place>[^/].*?)/?")
FLAGS = {
    "filterByUpdatedDate": "filterByUpdatedDate",
    "filterByUpdateDate": "filterByUpdatedDate",  # both spellings are in use
    "filterByCurrentDate": "filterByCurrentDate",
    "enabled": "enabled",
    "backfill": "backfill",
}
# The least of each: seconds, records, seconds, minutes.
NUMBERS = {"createdCheckTolerance": 0, "pageSize": 1, "pollDelay": 0, "refreshInterval": 1}
DATE_TEXTS = tuple(
    f"{date}Date{part}"
    for date in ("updated", "created")
    for part in ("Field", "Format", "Timezone")
)


def parse(value: object, element: Element) -> dict[str, PollerEntry]:
    """Return the entries by their names. `value` is the JSON text or the parsed object.

    The name is the resource's canonical one, or a key of the writer's own where `url` alone says
    which resource it polls: so that one resource can be polled in several ways.

    Options are normalized: `filterByUpdatedDate`, `filterByCurrentDate`, `enabled`, `backfill` to
    bool, `createdCheckTolerance`, `pollDelay`, `pageSize`, `refreshInterval` to int,
    `datesConfiguration` to text values. Unknown ones are kept as they are.
    Raises ConfigurationError, which names the path of the fault.
    """
    configuration = _object(value)
    if not configuration:
        raise ConfigurationError(PATH, _nothing_named(element))
    if len(configuration) > MOST_RESOURCES:
        raise ConfigurationError(PATH, f"names more than {MOST_RESOURCES} resources")
    entries: dict[str, PollerEntry] = {}
    for key, fields in configuration.items():
        path = f"{PATH}.{key[:100].strip().lstrip('/')}"
        resource = _resource(key, path, element, fields)
        name = name_of(element, key)
        if name in entries:
            raise ConfigurationError(path, "is given twice")
        entries[name] = _entry(name, fields, path, resource, element)
    return entries


def name_of(element: Element, key: str) -> str:
    """Return the name of the entry that stands at `key`: what its events call their objects."""
    resource = element.resource(key)
    return resource.name if resource is not None else key.strip().lstrip("/")


def polled_by(element: Element, key: str, url: str) -> Resource | None:
    """Return the resource that an entry polls: the one that `key` names, else that `url` leads to.

    None where neither is one of the element's.
    """
    resource = element.resource(key)
    if resource is not None:
        return resource
    place = _place_of(url)
    return next((one for one in element.resources if place in _places(one)), None)


def _place_of(url: str) -> str | None:
    """The path below the hub; None where `url` is no hub path."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    match = HUB_PATH.fullmatch(parts.path)
    if parts.scheme or parts.netloc or match is None:
        return None
    return match["place"]


def _places(resource: Resource) -> tuple[str, ...]:
    return (resource.name, resource.root.lstrip("/"), *resource.aliases)


def _nothing_named(element: Element) -> str:
    polled = [resource.name for resource in element.resources if resource.can_be_polled]
    if not polled:
        return f"{element.key} has no resource that can be polled"
    return f"names no resource; name one, such as {polled[0]}"


def _object(value: object) -> Mapping[str, Any]:
    if isinstance(value, str):
        if len(value) > LONGEST_TEXT:
            raise ConfigurationError(PATH, f"is longer than {LONGEST_TEXT} characters")
        try:
            value = json.loads(value, object_pairs_hook=_without_repetition, parse_constant=_refuse)
        except RecursionError:
            raise ConfigurationError(PATH, TOO_DEEP) from None
        except ValueError as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            raise ConfigurationError(PATH, f"is not JSON: {reason}") from None
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise ConfigurationError(PATH, "must be an object of resources, as JSON or JSON text")
    for text in _texts(value):
        if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
            raise ConfigurationError(PATH, "must not hold null characters or lone surrogates")
    try:
        size = len(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError):
        raise ConfigurationError(
            PATH, "cannot be written as JSON: numbers must be finite"
        ) from None
    if size > LONGEST_TEXT:
        raise ConfigurationError(PATH, f"is longer than {LONGEST_TEXT} characters")
    return value


def _texts(value: object) -> Iterator[str]:
    """Every text within a JSON value, names included. Raises ConfigurationError if it is deep.

    Without recursion: how deep it is, is the caller's choice until here.
    """
    waiting: list[tuple[object, int]] = [(value, 0)]
    while waiting:
        item, depth = waiting.pop()
        if depth > DEEPEST:
            raise ConfigurationError(PATH, TOO_DEEP)
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            yield from item
            waiting.extend((inner, depth + 1) for inner in item.values())
        elif isinstance(item, list):
            waiting.extend((inner, depth + 1) for inner in item)


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is given twice in one object")
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a JSON number")


def _resource(key: str, path: str, element: Element, fields: object) -> Resource:
    url = fields.get("url") if isinstance(fields, dict) else None
    resource = polled_by(element, key, url if isinstance(url, str) else "")
    polled = ", ".join(found.name for found in element.resources if found.can_be_polled)
    if resource is None:
        raise ConfigurationError(
            path,
            f"{element.key} has no such resource, and url leads to none; those that can be polled: "
            f"{polled}",
        )
    if not resource.can_be_polled:
        raise ConfigurationError(path, f"cannot be polled; those that can: {polled}")
    if element.resource(key) is None:
        _check_own_name(key, path, resource)
    return resource


def _check_own_name(key: str, path: str, resource: Resource) -> None:
    if resource.changes is not None:
        raise ConfigurationError(
            path, f"must be {resource.name}, which tells its changes once, whatever url asks"
        )
    name = key.strip().lstrip("/")
    if not name.isprintable() or not 1 <= len(name) <= LONGEST_NAME or name in OWN_WORDS:
        raise ConfigurationError(
            path,
            f"must be text of 1 to {LONGEST_NAME} characters that is none of "
            f"{', '.join(sorted(OWN_WORDS))}: notifications hold a list of that name",
        )


def _entry(
    name: str, fields: object, path: str, resource: Resource, element: Element
) -> PollerEntry:
    if not isinstance(fields, dict):
        raise ConfigurationError(path, "must be an object with url and idField")
    url = _url(fields, path, resource, element)
    id_field = _id_field(fields, path, resource)
    options = _options(fields, path)
    entry = PollerEntry(name, url, id_field, options)
    if goes_by_cursor(resource, url, options) and id_field != resource.id_field:
        raise ConfigurationError(
            f"{path}.idField", f"must be {resource.id_field}, the id of {resource.name}"
        )
    if resource.changes is None and resource.listing is not None:
        _check_listing(entry, path, resource.listing)
    elif options.get("backfill"):
        raise ConfigurationError(
            f"{path}.backfill",
            f"is not possible: {resource.name} tells changes from now on; poll a resource that "
            "lists records",
        )
    return entry


def _id_field(fields: Mapping[str, Any], path: str, resource: Resource) -> str:
    """Where the id stands (dots for nesting); empty: where the resource has it."""
    if fields.get("idField") == "":
        return resource.id_field
    id_field = _text(fields, "idField", path)
    if resource.changes is not None and id_field != resource.id_field:
        raise ConfigurationError(
            f"{path}.idField", f"must be {resource.id_field}, the id of {resource.name}"
        )
    if len(id_field) > LONGEST_ID_FIELD or not all(id_field.split(".")):
        raise ConfigurationError(
            f"{path}.idField",
            f"must be the path of a field, such as id or user.id, of 1 to {LONGEST_ID_FIELD} "
            "characters",
        )
    return id_field


def _check_listing(entry: PollerEntry, path: str, listing: Operation) -> None:
    """Whether a listing can be polled by the entry: its dates, and what its url asks for."""
    dates = dates_of(entry.options, path=path)
    if dates.until_start and dates.updated is None:
        raise ConfigurationError(
            f"{path}.filterByCurrentDate", "needs datesConfiguration.updatedDateField"
        )
    try:
        asked = asked_by(filled(entry.url, A_TIME, dates), listing)
        if asked.condition is not None and asks_where(entry.url):
            _check_compared(entry.url, dates)
    except ParameterError as error:
        raise ConfigurationError(f"{path}.url", f"{error.path}: {error.message}") from error


def _check_compared(url: str, dates: RecordDates) -> None:
    """Where the platform asks the records itself, dates must be what where-clauses know."""
    for template in templates_of(url, dates):
        text = template.write(A_TIME)
        if not text.isdecimal() and moment(text) is None:
            raise ParameterError(
                url[template.start : template.end][:120],
                "the listing takes no where, so the records are asked, and these know dates of "
                "ISO 8601 and milliseconds: write it so, or leave it out, for datesConfiguration "
                "says what is new",
            )


def _url(fields: Mapping[str, Any], path: str, resource: Resource, element: Element) -> str:
    url = _text(fields, "url", path)
    wrong = ConfigurationError(
        f"{path}.url", f"must be a hub path such as /hubs/{element.hub}/{resource.name}"
    )
    if len(url) > LONGEST_URL:
        raise ConfigurationError(f"{path}.url", f"is longer than {LONGEST_URL} characters")
    if re.search(r"[\x00-\x20\x7f]", url.split("?", 1)[0]):
        raise wrong
    if _place_of(url) not in _places(resource):
        raise wrong
    return url


def _text(fields: Mapping[str, Any], name: str, path: str) -> str:
    value = fields.get(name)
    if value is None:
        raise ConfigurationError(f"{path}.{name}", "is missing")
    if not isinstance(value, str):
        raise ConfigurationError(f"{path}.{name}", "must be text")
    if not value.strip():
        raise ConfigurationError(f"{path}.{name}", "must not be blank")
    return value.strip()


def _options(fields: Mapping[str, Any], path: str) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for name, value in fields.items():
        if name in ("url", "idField") or value == "":  # empty: not configured
            continue
        here = f"{path}.{name[:100]}"
        if name in FLAGS:
            options[FLAGS[name]] = _flag(value, here)
        elif name in NUMBERS:
            options[name] = _number(value, here, least=NUMBERS[name])
        elif name == "datesConfiguration":
            dates = _dates(value, here)
            if "createdCheckTolerance" in dates:  # found in both places
                options.setdefault("createdCheckTolerance", dates.pop("createdCheckTolerance"))
            options[name] = dates
        else:
            options[name] = value
    return options


def _dates(value: object, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigurationError(path, "must be an object")
    dates: dict[str, Any] = {}
    for name, setting in value.items():
        if setting == "" or setting is None:
            continue
        here = f"{path}.{name[:100]}"
        if name == "createdCheckTolerance":
            dates[name] = _number(setting, here, least=0)
        elif name in DATE_TEXTS and not isinstance(setting, str):
            raise ConfigurationError(here, "must be text")
        else:
            dates[name] = setting
    return dates


def _flag(value: object, path: str) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    raise ConfigurationError(path, "must be true or false")


def _number(value: object, path: str, *, least: int) -> int:
    text = str(value).strip() if isinstance(value, int | str) else ""
    if isinstance(value, bool) or re.fullmatch(r"[0-9]{1,9}", text) is None or int(text) < least:
        raise ConfigurationError(path, f"must be a whole number from {least}")
    return int(text)
