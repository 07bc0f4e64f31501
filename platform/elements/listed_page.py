"""One page of a listing as the provider answers it: its records, and whether there is another.

Rule 1: a list that is not there is no empty list. Providers say inside a 200 that they failed, each
in words of its own; only where the element declares that an empty list is left out is it one.
Rule 2: the end is what the provider says: no token or address of a next page. Where pages are
numbered it is an empty page, or the same page again; a short page is none, for a provider may give
fewer records than it was asked for, and hide some of a page.
Rule 3: what looks like the end because the element names the wrong key or parameter is an error:
records beyond it would look deleted.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from elements.json_key import ABSENT, at
from elements.types import LINK, Operation, Paging, PagingKind
from transport.errors import MalformedAnswer
from transport.failed_answer import says_failed
from transport.types import Response

MAX_TOKEN = 4_000  # characters of a page's token, which callers get in a header
MAX_KEYS_NAMED = 5  # of an answer that has no list
MAX_KEY_NAMED = 40  # characters of each

Json = dict[str, Any]


# --- Its records ---------------------------------------------------------------------------------


def records_of(operation: Operation, response: Response) -> list[Json]:
    """Return the records of an answer.

    No body at all, as of a 204, is an empty list. Raises ProviderError, and MalformedAnswer for an
    answer without the list.
    """
    response.raise_for_status()
    if not response.body.strip():
        return []
    answer = response.json()
    where = operation.root_key or "the answer"
    records = at(answer, operation.root_key)
    if records is ABSENT or records is None:
        if operation.empty_when_absent and _has_nothing(answer):
            return []
        raise MalformedAnswer(
            f"there is no list at {where} in the provider's answer, which {_described(answer)}: "
            "where the provider leaves out an empty list, declare emptyWhenAbsent"
        )
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise MalformedAnswer(f"{where} in the provider's answer is not a list of objects")
    if not records and says_failed(answer):
        raise MalformedAnswer(
            f"{where} in the provider's answer is empty, and the answer says that it failed: "
            f"it {_described(answer)}"
        )
    return records


def _has_nothing(answer: Any) -> bool:
    return (answer is None or isinstance(answer, dict)) and not says_failed(answer)


def _described(answer: Any) -> str:
    if not isinstance(answer, dict):
        return "is a list" if isinstance(answer, list) else "is no object"
    names = [name[:MAX_KEY_NAMED] for name in [*answer][:MAX_KEYS_NAMED]]
    return f"has {', '.join(map(json.dumps, names))}" if names else "has nothing"


# --- The token of the next page ------------------------------------------------------------------


def token_of(paging: Paging, response: Response) -> str | None:
    """Return the token that the answer gives, empty at the end; None where it has no such key.

    A token that is the next page's address is what its query holds. Raises MalformedAnswer.
    """
    if paging.next_token_key == LINK:
        token = _last(response.next_query.get(paging.token_parameter))
    else:
        token = _token_at(paging, response)
    if token is not None and len(token) > MAX_TOKEN:
        raise MalformedAnswer(
            f"the provider's token of the next page is longer than {MAX_TOKEN} characters"
        )
    return token


def _last(value: str | tuple[str, ...] | None) -> str | None:
    """The value of a parameter that an address repeats: servers add a page to their own address."""
    return value[-1] if isinstance(value, tuple) else value


def _token_at(paging: Paging, response: Response) -> str | None:
    key = paging.next_token_key
    found = at(response.json(), key) if response.body.strip() else ABSENT
    if found is ABSENT:
        return None
    if found is None or found is False:
        return ""
    if isinstance(found, bool) or not isinstance(found, str | int):
        raise MalformedAnswer(f"{key} in the provider's answer is no token of a page")
    token = str(found)
    if token.startswith(("http://", "https://", "/", "?")):
        try:
            return dict(parse_qsl(urlsplit(token).query)).get(paging.token_parameter, token)
        except ValueError:
            return token
    return token


def require_token(paging: Paging, response: Response) -> None:
    """Raise MalformedAnswer where a page that cannot be the last has no token either."""
    if not token_of(paging, response):
        raise MalformedAnswer(
            f"the provider gives as many records as it was asked for and nothing at "
            f"{paging.next_token_key}: nextPageKey is not where its answers have the next page"
        )


# --- Numbered pages ------------------------------------------------------------------------------


def is_numbered(paging: Paging) -> bool:
    """Return whether the provider's answers say nothing of the next page."""
    return paging.kind != PagingKind.CURSOR and paging.next_token_key != LINK


@dataclass(frozen=True, slots=True)
class PageNumber:
    """The number of a page, or the offset at which it begins, and a digest of the page before.

    As text it is "<number>.<digest>", or the number alone for who has not read the page before.
    """

    number: int
    before: str = ""

    @classmethod
    def of(cls, token: str, paging: Paging) -> PageNumber:
        if not token:
            return cls(paging.first_page if paging.kind == PagingKind.PAGE else 0)
        number, _, before = token.partition(".")
        return cls(int(number), before)

    def after(self, records: Sequence[Json], paging: Paging) -> str:
        """Return the token of the next page."""
        step = len(records) if paging.kind == PagingKind.OFFSET else 1
        return f"{self.number + step}.{_digest(records)}"

    def repeats(self, records: Sequence[Json]) -> bool:
        """Return whether these are the records of the page before: providers answer their last
        page again to who asks for a later one."""
        return bool(self.before) and self.before == _digest(records)

    def is_second(self, records: Sequence[Json], paging: Paging) -> bool:
        """Return whether it is the second page, where the first has as many records."""
        first = PageNumber.of("", paging).number
        return self.number == first + (len(records) if paging.kind == PagingKind.OFFSET else 1)


def require_clamped(records: Sequence[Json], fewer: Sequence[Json]) -> None:
    """Raise MalformedAnswer where a provider reads no number of a page, and may have more records.

    It has answered the first page, `records`, to who asked for the second one. `fewer` is what it
    answers when pages have one record less: who counts pages answers the last record.
    """
    if not fewer or all(one == other for one, other in zip(records, fewer, strict=False)):
        raise MalformedAnswer(
            "the provider answers the first page again where the second is asked for: the paging "
            "of the resource is not the provider's (paginationType none, where it has no pages)"
        )


def _digest(records: Sequence[Json]) -> str:
    text = json.dumps(records, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()[:16]
