"""Pages of a hub resource: pageSize with page (1-based) or nextPage (opaque, the token wins)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.core import signing

from api.errors import BadRequest
from api.fields import integer
from api.paging import MOST_ASKED
from elements.types import Operation

DEFAULT_SIZE = 100  # records
LARGEST_SIZE = 2_000  # records, where we page ourselves
LAST_PAGE = 100  # a vendor's cursor is walked page by page; nextPage reaches further


@dataclass(frozen=True, slots=True)
class Wanted:
    """The page that a caller asks for. `altered` says how it differs from what was asked."""

    size: int
    page: int = 1
    token: str = ""  # where the page begins: the vendor's token, or our own offset
    altered: str = ""


def wanted(query: Mapping[str, str], operation: Operation, instance_id: int) -> Wanted:
    """Raises BadRequest naming the parameter."""
    size = (
        integer(query, "pageSize", least=1, most=MOST_ASKED, default=DEFAULT_SIZE) or DEFAULT_SIZE
    )
    largest = operation.paging.largest if operation.paging else LARGEST_SIZE
    altered = ""
    if size > largest:
        altered = f"pageSize {size} was served as {largest}, the largest"
        size = largest
    if token := query.get("nextPage", "").strip():
        return Wanted(size, token=_opened(token, operation, instance_id), altered=altered)
    if "nextPage" in query:
        return Wanted(size, altered=altered)  # an empty token is the first page
    page = integer(query, "page", least=1, most=LAST_PAGE, default=1) or 1
    return Wanted(size, page=page, altered=altered)


def sealed(token: str, operation: Operation, instance_id: int) -> str:
    """The vendor's token as the caller gets it: usable for this resource and instance only."""
    return signing.dumps(token, salt=_salt(operation, instance_id))


def _opened(token: str, operation: Operation, instance_id: int) -> str:
    try:
        return str(signing.loads(token, salt=_salt(operation, instance_id)))
    except signing.BadSignature as error:
        raise BadRequest(
            "nextPage: must be what Elements-Next-Page-Token held for this resource"
        ) from error


def _salt(operation: Operation, instance_id: int) -> str:
    kind = operation.paging.kind if operation.paging else "ours"  # an element's may be changed
    return f"hubs.next-page:{instance_id}:{operation.path}:{kind}"
