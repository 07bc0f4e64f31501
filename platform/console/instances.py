"""The page of all instances: how each is, searched and filtered, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Max, Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.reach import Reach
from console.members import for_members
from console.paging import Page, number, page_of
from elements import catalogue
from instances.models import ElementInstance
from instances.status import (
    ANY_PROBLEM,
    Status,
    notes_of,
    reasons_of,
    status_of,
    with_problem,
    with_status,
)
from polling.models import PollingResource

LONGEST_SEARCH = 200  # characters
MOST_COUNTED = 1_000  # instances
LOOKED_AT_FOR_TAGS = 500  # instances, the latest


class Shown(NamedTuple):
    """One row of the list."""

    instance: ElementInstance
    element: str  # its name
    tags: list[str]  # but the one that an instance has of its name
    state: Status
    why: str  # all that is wrong
    last_polled_at: datetime | None


class Filters(NamedTuple):
    """What the list is asked for; empty where all are meant."""

    search: str
    element: str
    tag: str
    state: Status | None
    problem: bool = False  # whatever the state, but connected

    @classmethod
    def of(cls, query: QueryDict) -> Filters:
        wanted = query.get("state", "")
        return cls(
            _text(query, "search"),
            _text(query, "element"),
            _text(query, "tag"),
            next((one for one in Status if one.value == wanted), None),
            wanted == ANY_PROBLEM,
        )

    def applied(self, rows: QuerySet[ElementInstance], now: datetime) -> QuerySet[ElementInstance]:
        if self.element:
            rows = rows.filter(element_key=self.element)
        if self.tag:
            rows = rows.filter(tags__contains=[self.tag])
        if self.search:
            named = Q(name__icontains=self.search) | Q(element_key__icontains=self.search)
            key = number(self.search)
            rows = rows.filter(named if key is None else named | Q(pk=key))
        if self.problem:
            return with_problem(rows, now)
        return rows if self.state is None else with_status(rows, self.state, now)


@require_safe
@for_members
def instances(request: HttpRequest, user: User, reach: Reach) -> HttpResponse:
    now = timezone.now()
    filters = Filters.of(request.GET)
    own = reach.rows(ElementInstance)
    found = filters.applied(own, now)
    page = page_of(found.select_related("credential"), request.GET)
    names = {
        one.key: one.name for one in catalogue.all_elements(reach.organization.pk, reach.account_id)
    }
    context: dict[str, Any] = {
        "rows": _shown(page.rows, names),
        "page": page,
        "filters": filters,
        "filtered": any(filters),
        "names": names,
        "tags": _tags(own),
        "states": list(Status),
        "total": _total(page, found),
        "most": MOST_COUNTED,
        "query": _without_place(request.GET),
        "none_at_all": not page.rows and not any(filters) and not own.exists(),
    }
    return render(request, "console/instances.html", context)


def _total(page: Page[ElementInstance], found: QuerySet[ElementInstance]) -> int:
    """Return the number of instances that were found, MOST_COUNTED + 1 at most."""
    if page.rows and page.older is None and page.newer is None:
        return len(page.rows)  # what was looked for long is not looked for twice
    return found.order_by()[: MOST_COUNTED + 1].count()


def _shown(rows: Sequence[ElementInstance], names: Mapping[str, str]) -> list[Shown]:
    notes = notes_of(rows)
    polled = PollingResource.objects.filter(instance__in=rows).values_list("instance")
    last = dict(polled.annotate(last=Max("last_polled_at")).order_by())
    return [
        Shown(
            one,
            names.get(one.element_key, one.element_key),
            [tag for tag in one.tags if tag != one.name],
            status_of(one, notes),
            " ".join(reason.sentence for reason in reasons_of(one, notes)),
            last.get(one.pk),
        )
        for one in rows
    ]


def _tags(own: QuerySet[ElementInstance]) -> list[str]:
    """Tags to choose from: those of the latest instances."""
    found = own.order_by("-pk").values_list("tags", flat=True)[:LOOKED_AT_FOR_TAGS]
    return sorted({tag for tags in found for tag in tags}, key=str.casefold)


def _text(query: QueryDict, name: str) -> str:
    return query.get(name, "").replace("\0", "").strip()[:LONGEST_SEARCH]


def _without_place(query: QueryDict) -> str:
    """The query without the page's place: for links to the pages beside it."""
    kept = query.copy()
    for name in ("above", "below"):
        kept.pop(name, None)
    return kept.urlencode()
