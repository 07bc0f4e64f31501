"""Pages of the platform's own lists: pageSize with page (1-based) or nextPage (opaque)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import Model, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from api.errors import BadRequest
from api.fields import integer

DEFAULT_SIZE = 200
LARGEST_SIZE = 2000
LAST_PAGE = 1_000_000_000
TOKEN_PREFIX = "offset:"  # noqa: S105 - not a secret

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Listing(Generic[Row]):
    """The rows of one page, and the headers that go with them: Response(..., headers=headers)."""

    rows: list[Row]
    headers: dict[str, str]


def page_of(
    request: Request, rows: QuerySet[Row] | Sequence[Row], *, default_size: int = DEFAULT_SIZE
) -> Listing[Row]:
    """The page that the request's query asks for. Raises BadRequest naming the parameter.

    A queryset must be ordered by something unique. A page beyond the end has no rows. A pageSize
    above LARGEST_SIZE is served as that, and the header Elements-Error says so.
    """
    asked = (
        integer(request.query_params, "pageSize", least=1, most=LAST_PAGE, default=default_size)
        or default_size
    )
    size = min(asked, LARGEST_SIZE)
    start = _start(request, size)
    total = rows.count() if isinstance(rows, QuerySet) else len(rows)
    found = list(rows[start : start + size]) if start < total else []
    headers = {
        "Elements-Returned-Count": str(len(found)),
        "Elements-Total-Count": str(total),
    }
    if start + len(found) < total and found:
        headers["Elements-Next-Page-Token"] = _token(start + len(found))
    if asked > size:
        headers["Elements-Error"] = f"pageSize {asked} was served as {size}, the largest"
    return Listing(found, headers)


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
