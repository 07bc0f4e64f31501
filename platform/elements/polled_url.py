"""What the query of a poll's `url` asks of a listing: "/hubs/general/contacts?where=age>30"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

import ceql
from ceql import Condition, WhereError
from elements.errors import ParameterError
from elements.types import Operation, Place

MOST_PARAMETERS = 100
WITHOUT_EFFECT = frozenset({"orderBy"})  # a poll reads everything, in whichever order


@dataclass(frozen=True, slots=True)
class Asked:
    """`query` goes to the listing; `condition` is asked of each record that it lists.

    `further` is what the listing does not declare: the provider is asked with it as it is written.
    A `page_size` of None: the poll's own.
    """

    query: Mapping[str, str] = field(default_factory=dict)
    further: Mapping[str, str] = field(default_factory=dict)
    condition: Condition | None = None
    page_size: int | None = None


def asks_where(url: str) -> bool:
    """Whether the url, its templates not yet filled in, says which records are wanted."""
    return "${" in url or bool(_query(url).get("where", "").strip())


def asked_by(url: str, listing: Operation) -> Asked:
    """Raises ParameterError naming a parameter that is missing or cannot be used."""
    query = _query(url)
    page_size = _page_size(query.pop("pageSize", ""))
    condition = None
    if "where" in query and not _takes(listing, "where"):
        condition = _condition(query.pop("where"))
    for name in query:
        if name in ("page", "nextPage"):
            raise ParameterError(name, "a poll reads every page; leave it out")
        if name == "fields":
            raise ParameterError(name, "is not supported in a poll's url; leave it out")
        if name in _set_by_platform(listing):
            raise ParameterError(
                name, "is set by the platform: say it as the listing's parameters do"
            )
    for parameter in listing.parameters:
        if not parameter.required or parameter.place in (Place.CONFIGURATION, Place.VALUE):
            continue
        if parameter.place != Place.QUERY:
            raise ParameterError(
                parameter.name, "the listing requires it elsewhere than in a url: not to be polled"
            )
        if not query.get(parameter.name):
            raise ParameterError(parameter.name, "is missing: the listing requires it")
    # Steps may read more of a query than their operation declares.
    further = {
        name: query.pop(name)
        for name in [*query]
        if listing.steps is None and name not in WITHOUT_EFFECT and not _takes(listing, name)
    }
    return Asked(query, further, condition, page_size)


def _query(url: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            urlsplit(url).query, keep_blank_values=True, max_num_fields=MOST_PARAMETERS
        )
    except ValueError:
        raise ParameterError("url", f"has more than {MOST_PARAMETERS} parameters") from None
    query: dict[str, str] = {}
    for name, value in pairs:
        query[name] = f"{query[name]},{value}" if name in query else value
    return query


def _page_size(text: str) -> int | None:
    if not text:
        return None
    if re.fullmatch(r"[0-9]{1,9}", text) is None or int(text) == 0:
        raise ParameterError("pageSize", "must be a whole number from 1")
    return int(text)


def _condition(text: str) -> Condition | None:
    try:
        return ceql.parse(text) if text.strip() else None
    except WhereError as error:
        raise ParameterError("where", str(error)) from error


def _takes(listing: Operation, name: str) -> bool:
    return name in _names(listing)


def _set_by_platform(listing: Operation) -> frozenset[str]:
    """The provider's own names of what a listing declares: its paging, and its parameters."""
    paging = listing.paging
    pages = () if paging is None else (paging.size_parameter, paging.token_parameter)
    sent = [one.vendor_name or one.name for one in listing.parameters]
    return frozenset({*pages, *sent}) - {*_names(listing), ""}


def _names(listing: Operation) -> list[str]:
    return [one.name for one in listing.parameters if one.place == Place.QUERY]
