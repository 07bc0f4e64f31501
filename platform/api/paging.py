"""Pages of the platform's own lists: pageSize with page (1-based) or nextPage (opaque).

`page_of` counts rows from the beginning: for lists that stay small. `latest_page_of` goes on below
the last row that was answered, so that its pages cost the same anywhere and neither skip nor repeat
a row while others are added: for lists that grow for ever.
"""

from __future__ import annotations

import base64
import binascii
import functools
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import F, Field, Func, IntegerField, Model, Q, QuerySet, TextField
from django.db.models.functions import Cast, Coalesce
from rest_framework.request import Request
from rest_framework.response import Response

from api.errors import BadRequest
from api.fields import integer

DEFAULT_SIZE = 200
LARGEST_SIZE = 2000
MOST_ASKED = 1_000_000  # records of a page; more is a mistake rather than a wish for everything
LARGEST_PAGE = 5_000_000  # bytes, where rows can be large; an answer takes several times that
LAST_PAGE = 1_000_000_000
TOKEN_PREFIX = "offset:"  # noqa: S105 - not a secret
PLACE_PREFIX = "below:"
FEW = 1_000  # rows whose keys are read to know how many there are
MOST_COUNTED = 10_000  # rows of a list that grows for ever

LATEST = ("created_at", "id")  # what lists that grow for ever are ordered by, the last one first

Row = TypeVar("Row", bound=Model)
T = TypeVar("T")


class Part(NamedTuple, Generic[Row]):
    """Some rows of a list that grows for ever, in the order of an index of theirs.

    `by` may be columns of another table that hold what LATEST of the row does.
    """

    rows: QuerySet[Row]
    by: tuple[str, str] = LATEST


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
    large: Sequence[str] = (),
    offset_name: str = "",
) -> Listing[Row]:
    """The page that the request's query asks for. Raises BadRequest naming the parameter.

    A queryset must be ordered by something unique. A page beyond the end has no rows. A pageSize
    above LARGEST_SIZE is served as that, and the header Elements-Error says so.

    `size_of` gives the bytes that a row takes in the answer: a page of more than LARGEST_PAGE ends
    early, after one row at least, and the token of the header leads to the rest. `large` are
    columns of a queryset that may be large: its rows are not read before they are known to fit.

    `offset_name` is the parameter that counts records from 0, in lists that have one; a token
    wins over it, and it wins over a page.
    """
    asked, size = _size(request, default_size)
    start = _start(request, size, offset_name)
    if isinstance(rows, QuerySet):
        total, page = _slice(rows, start, size)
        wanted, fitting = len(page), _fitting(rows, page, large)
        found = list(rows.filter(pk__in=fitting)) if fitting else []
    else:
        total, found = len(rows), list(rows[start : start + size])
        wanted = len(found)
    if size_of is not None:
        found = _small_enough(found, size_of)
    headers = {
        "Elements-Returned-Count": str(len(found)),
        "Elements-Total-Count": str(total),
    }
    if start + len(found) < total and found:
        headers["Elements-Next-Page-Token"] = _token(start + len(found))
    return Listing(found, headers | _altered(asked, size, len(found), wanted))


def _slice(rows: QuerySet[Row], start: int, size: int) -> tuple[int, list[Any]]:
    """How many rows there are, and the keys of those of the page.

    Keys first: what comes before the page is passed over in an index alone, and few rows that a
    filter finds among many are looked for once and not twice.
    """
    keys = rows.values_list("pk", flat=True)
    first = list(keys[: FEW + 1])
    if len(first) <= FEW:
        total, page = len(first), first[start : start + size]
    else:
        total = rows.count()
        end = start + size
        page = first[start:end] if end <= FEW else list(keys[start:end]) if start < total else []
    return total, page


def _fitting(rows: QuerySet[Row], keys: list[Any], large: Sequence[str]) -> list[Any]:
    """The first of the keys, whose rows fit into a page by the size of their `large` columns."""
    if not large or not keys:
        return keys
    sizes = (Coalesce(_size_of(column), 0) for column in large)
    counted = rows.model._default_manager.filter(pk__in=keys).values_list(
        "pk", functools.reduce(operator.add, sizes)
    )
    size_of = dict(counted)
    return _small_enough(keys, lambda key: size_of.get(key, 0))


def _size_of(column: str) -> Func:
    """The bytes of a column as text."""
    text = Cast(F(column), TextField())
    return Func(text, function="octet_length", output_field=IntegerField())


def latest_page_of(
    request: Request,
    rows: QuerySet[Row],
    *,
    parts: Sequence[Part[Row]] = (),
    default_size: int = DEFAULT_SIZE,
    size_of: Callable[[Row], int] | None = None,
    large: Sequence[str] = (),
) -> Listing[Row]:
    """The page that the request's query asks for, newest first. Raises BadRequest.

    An index has LATEST in this order, below the columns that `rows` is filtered by. Where no single
    one has, `parts` are what is listed of `rows`. Elements-Total-Count is absent above MOST_COUNTED
    rows. Everything else is as in page_of; `page` skips rows, which costs the more the further it
    goes.
    """
    asked, size = _size(request, default_size)
    token = request.query_params.get("nextPage", "").strip()
    listed = parts or [Part(rows)]
    below = [_below(part, token) for part in listed] if token else listed
    start = 0 if "nextPage" in request.query_params else _start(request, size)
    if len(listed) > 1 or start:  # indexes alone tell which rows to skip
        end = start + size + 1
        page = rows.filter(pk__in=[key for _, key in _places(below, end)[start:end]])
    else:
        page = below[0].rows
    ordered = page.order_by(*(f"-{column}" for column in LATEST))
    if large:
        keys = list(ordered.values_list("pk", flat=True)[: size + 1])
        more, wanted = len(keys) > size, len(keys[:size])
        found = list(ordered.filter(pk__in=_fitting(rows, keys[:size], large)))
    else:
        found = list(ordered[: size + 1])
        more, found = len(found) > size, found[:size]
        wanted = len(found)
    if size_of is not None:
        found = _small_enough(found, size_of)
    headers = {"Elements-Returned-Count": str(len(found))}
    total = _count(listed)
    if total <= MOST_COUNTED:
        headers["Elements-Total-Count"] = str(total)
    if found and (more or len(found) < wanted):
        headers["Elements-Next-Page-Token"] = _place(found[-1])
    return Listing(found, headers | _altered(asked, size, len(found), wanted))


def _size(request: Request, default_size: int) -> tuple[int, int]:
    """The page size that was asked for, and the one that is served."""
    asked = (
        integer(request.query_params, "pageSize", least=1, most=MOST_ASKED, default=default_size)
        or default_size
    )
    return asked, min(asked, LARGEST_SIZE)


def _altered(asked: int, size: int, found: int, wanted: int) -> dict[str, str]:
    """The header that says in what the page differs from what was asked for."""
    if found < wanted:
        return {
            "Elements-Error": f"the page is large and ends after {found} records: "
            "go on with nextPage"
        }
    if asked > size:
        return {"Elements-Error": f"pageSize {asked} was served as {size}, the largest"}
    return {}


def _small_enough(rows: list[T], size_of: Callable[[T], int]) -> list[T]:
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


def _start(request: Request, size: int, offset_name: str = "") -> int:
    """The offset of the first row. A token wins over a page; an empty token is the first page."""
    if token := request.query_params.get("nextPage", "").strip():
        return _offset(token)
    if "nextPage" in request.query_params:
        return 0
    if offset_name:
        offset = integer(request.query_params, offset_name, most=LAST_PAGE)
        if offset is not None:
            return offset
    page = integer(request.query_params, "page", least=1, most=LAST_PAGE, default=1) or 1
    return (page - 1) * size


def _token(offset: int) -> str:
    return _written(f"{TOKEN_PREFIX}{offset}")


def _offset(token: str) -> int:
    digits = _read(token, TOKEN_PREFIX)
    if not digits.isdecimal() or len(digits) > 12:
        raise _foreign_token()
    return int(digits)


def _place(row: Model) -> str:
    """The token of a row's place."""
    return _written(PLACE_PREFIX + " ".join(_text(getattr(row, column)) for column in LATEST))


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _below(part: Part[Row], token: str) -> Part[Row]:
    """What comes after the token's place. Told so that an index finds it."""
    first, _, second = _read(token, PLACE_PREFIX).partition(" ")
    upper, lower = (
        _value(part.rows.model, column, text)
        for column, text in zip(LATEST, (first, second), strict=True)
    )
    time, key = part.by
    after = Q(**{f"{time}__lt": upper}) | Q(**{f"{key}__lt": lower})
    return part._replace(rows=part.rows.filter(Q(**{f"{time}__lte": upper}) & after))


def _places(parts: Sequence[Part[Row]], end: int) -> QuerySet[Any, Any]:
    """The place of each row, in their order, as far as `end` of them need."""
    first, *others = (
        part.rows.annotate(time=F(part.by[0]), key=F(part.by[1]))
        .order_by("-time", "-key")
        .values_list("time", "key")[:end]
        for part in parts
    )
    return first.union(*others).order_by("-time", "-key") if others else first


def _count(parts: Sequence[Part[Row]]) -> int:
    """How many rows there are, as far as they are counted."""
    first, *others = (part.rows.order_by().values("pk")[: MOST_COUNTED + 1] for part in parts)
    return (first.union(*others) if others else first).count()


def _value(model: type[Model], column: str, text: str) -> Any:
    if len(text) > 40:
        raise _foreign_token()
    field = model._meta.get_field(column)
    assert isinstance(field, Field)  # noqa: S101 - a column, not a relation from elsewhere
    try:
        value = field.to_python(text)
    except ValidationError as error:
        raise _foreign_token() from error
    if value is None or (isinstance(value, datetime) and value.tzinfo is None):
        raise _foreign_token()
    return value


def _written(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(token: str, prefix: str) -> str:
    """What a token says behind its prefix."""
    try:
        padded = token + "=" * (-len(token) % 4)
        decoded = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise _foreign_token() from error
    if not decoded.startswith(prefix):
        raise _foreign_token()
    return decoded.removeprefix(prefix)


def _foreign_token() -> BadRequest:
    return BadRequest("nextPage is not a token of the header Elements-Next-Page-Token")
