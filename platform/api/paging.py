"""Pages of the platform's own lists: pageSize with page (1-based) or nextPage (opaque)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import Model, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from api.errors import BadRequest
from api.fields import integer

DEFAULT_SIZE = 200
LARGEST_SIZE = 2000
LARGEST_PAGE = 20_000_000  # bytes, where rows can be large
LAST_PAGE = 1_000_000_000
TOKEN_PREFIX = "offset:"  # noqa: S105 - not a secret

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Listing(Generic[Row]):
    """The rows of one page, and the headers that go with them: Response(..., headers=headers)."""

    rows: list[Row]
    headers: dict[str, str]


def page_of(
    request: Request,
    rows: QuerySet[Row] | Sequence[Row],
    *,
    default_size: int = DEFAULT_SIZE,
    size_of: Callable[[Row], int] | None = None,
) -> Listing[Row]:
    """The page that the request's query asks for. Raises BadRequest naming the parameter.

    A queryset must be ordered by something unique. A page beyond the end has no rows. A pageSize
    above LARGEST_SIZE is served as that, and the header Elements-Error says so.

    `size_of` gives the bytes that a row takes in the answer: a page of more than LARGEST_PAGE ends
    early, after one row at least, and the token of the header leads to the rest.
    """
    asked = (
        integer(request.query_params, "pageSize", least=1, most=LAST_PAGE, default=default_size)
        or default_size
    )
    size = min(asked, LARGEST_SIZE)
    start = _start(request, size)
    total = rows.count() if isinstance(rows, QuerySet) else len(rows)
    found = list(rows[start : start + size]) if start < total else []
    wanted = len(found)
    if size_of is not None:
        found = _small_enough(found, size_of)
    headers = {
        "Elements-Returned-Count": str(len(found)),
        "Elements-Total-Count": str(total),
    }
    if start + len(found) < total and found:
        headers["Elements-Next-Page-Token"] = _token(start + len(found))
    if asked > size:
        headers["Elements-Error"] = f"pageSize {asked} was served as {size}, the largest"
    if len(found) < wanted:
        headers["Elements-Error"] = (
            f"the page is large and ends after {len(found)} records: go on with nextPage"
        )
    return Listing(found, headers)


def _small_enough(rows: list[Row], size_of: Callable[[Row], int]) -> list[Row]:
    total = 0
    for place, row in enumerate(rows):
        total += size_of(row)
        if total > LARGEST_PAGE and place:
            return rows[:place]
    return rows


def whole_list(records: Sequence[Any]) -> Response:
    """The answer of a list that is never cut into pages, with its counts."""
    count = str(len(records))
    return Response(
        records, headers={"Elements-Returned-Count": count, "Elements-Total-Count": count}
    )


def _start(request: Request, size: int) -> int:
    """The offset of the first row. A token wins over a page; an empty token is the first page."""
    if token := request.query_params.get("nextPage", "").strip():
        return _offset(token)
    if "nextPage" in request.query_params:
        return 0
    page = integer(request.query_params, "page", least=1, most=LAST_PAGE, default=1) or 1
    return (page - 1) * size


def _token(offset: int) -> str:
    return base64.urlsafe_b64encode(f"{TOKEN_PREFIX}{offset}".encode()).decode().rstrip("=")


def _offset(token: str) -> int:
    try:
        padded = token + "=" * (-len(token) % 4)
        decoded = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise _foreign_token() from error
    digits = decoded.removeprefix(TOKEN_PREFIX)
    if not decoded.startswith(TOKEN_PREFIX) or not digits.isdecimal() or len(digits) > 12:
        raise _foreign_token()
    return int(digits)


def _foreign_token() -> BadRequest:
    return BadRequest("nextPage is not a token of the header Elements-Next-Page-Token")
