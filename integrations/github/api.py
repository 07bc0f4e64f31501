"""Requests to GitHub's REST API: https://docs.github.com/en/rest"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from elements.errors import ParameterError
from transport.errors import MalformedAnswer
from transport.types import QueryValue, Request, Response, Steps

REPOSITORY = "github.repository"  # owner/name, of the configuration
# https://docs.github.com/en/rest/about-the-rest-api/api-versions
VERSION_HEADER, VERSION = "X-GitHub-Api-Version", "2022-11-28"
UNITS = 1  # a request is one of the 5,000 of an hour
# https://docs.github.com/en/rest/issues/issues#list-repository-issues--status-codes
ISSUES_ARE_DISABLED = 410
# https://docs.github.com/en/rest/commits/commits#list-commits--status-codes
REPOSITORY_IS_EMPTY = 409
LONGEST_ETAG = 200  # characters
LAST_TIME = datetime.max.replace(tzinfo=UTC)
FIRST_YEAR, LAST_YEAR = 1971, 9999  # that times are computed with, and written in four digits


def repository_of(configuration: Mapping[str, str]) -> str:
    """Raises ParameterError where none is configured."""
    repository = configuration.get(REPOSITORY, "").strip()
    if not repository or {"", ".", ".."} & {*repository.split("/")}:
        raise ParameterError(f"configuration.{REPOSITORY}", "missing: name it as owner/name")
    return repository


def path_of(repository: str, path: str) -> str:
    """Where something of the repository is: "/issues"."""
    return f"/repos/{quote(repository, safe='/')}{path}"


def request(
    method: str, url: str, query: Mapping[str, QueryValue] | None = None, json: Any = None
) -> Request:
    return Request(
        method, url, query or {}, json=json, headers={VERSION_HEADER: VERSION}, units=UNITS
    )


def get(
    url: str,
    query: Mapping[str, QueryValue] | None = None,
    *,
    etag: str = "",
    may_be_empty: bool = False,
) -> Steps[Response]:
    """A 2xx answer, or where an `etag` is given, a 304; where it `may_be_empty`, also one that says
    that there is nothing (`is_empty`). Raises ProviderError for any other."""
    headers = {VERSION_HEADER: VERSION}
    if etag:
        headers["If-None-Match"] = etag
    response: Response = yield Request("GET", url, query or {}, headers=headers, units=UNITS)
    if (may_be_empty and is_empty(response)) or (etag and response.status == 304):
        return response
    return response.raise_for_status()


def is_empty(response: Response) -> bool:
    """Return whether an error says that there is nothing to be listed."""
    return response.status in (ISSUES_ARE_DISABLED, REPOSITORY_IS_EMPTY)


def etag_of(response: Response) -> str:
    """What to ask with the next time; empty for none that can be sent."""
    etag = response.headers.get("etag", "")
    return etag if len(etag) <= LONGEST_ETAG and etag.isascii() and etag.isprintable() else ""


def answered_at(response: Response) -> datetime:
    """When GitHub says that it answered (RFC 9110 section 6.6.1); the last time there is, where it
    doesn't say."""
    try:
        found = parsedate_to_datetime(response.headers.get("date", ""))
    except (ValueError, OverflowError):  # a year of any length
        return LAST_TIME
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def records_of(response: Response) -> list[dict[str, Any]]:
    """The list that was answered. Raises MalformedAnswer."""
    records = response.json()
    if not isinstance(records, list) or not all(isinstance(one, dict) for one in records):
        raise MalformedAnswer("GitHub's answer is not a list of objects")
    return records


def time_of(record: Mapping[str, Any], name: str) -> datetime:
    """Raises MalformedAnswer for what is no time with a zone."""
    value = record.get(name)
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or not FIRST_YEAR <= found.year < LAST_YEAR:
        raise MalformedAnswer(f"a record of GitHub's has no usable {name}")
    return found
