"""What a list of the admin shows for a query, as rows and in words: its filters and its search."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import SuspiciousOperation
from django.db.models import Model, QuerySet
from django.http import HttpRequest, QueryDict

from accounts.models import User
from administration.page import AskedList


class UnknownSelection(Exception):
    """The list takes no such query."""


class _Unread(AskedList):
    """A list of which no row is read."""

    def get_results(self, request: HttpRequest) -> None:
        pass


def rows_of(model: type[Model], query: str, user: User) -> QuerySet[Any]:
    """In no order. Raises UnknownSelection."""
    rows: QuerySet[Any] = _list_of(model, query, user).queryset
    return rows.order_by()


def in_words(model: type[Model], query: str, user: User) -> list[str]:
    """Return what narrows the list, a phrase each; none for all rows. Raises UnknownSelection."""
    shown = _list_of(model, query, user)
    chosen = [
        (spec.title, str(choice["display"]))
        for spec in shown.filter_specs
        for place, choice in enumerate(spec.choices(shown))
        if place and choice["selected"]  # the first is all of them
    ]
    asked = [
        (lookup.partition("__")[0], text)
        for lookup, text in QueryDict(query).items()
        if lookup in getattr(shown.model_admin, "asked_by", ())
    ]
    searched = [("search", f"“{shown.query}”")] if shown.query else []
    return [f"{name}: {text}" for name, text in (*searched, *chosen, *asked)]


def _list_of(model: type[Model], query: str, user: User) -> _Unread:
    if "%00" in query:  # Django would tell it of the search, by a message of a request, and go on
        raise UnknownSelection("NUL is in no text")
    page = admin.site._registry[model]
    request = HttpRequest()
    request.method = "GET"
    request.GET = QueryDict(query)
    request.user = user
    try:
        return _Unread(
            request,
            model,
            list_display=["__str__"],
            list_display_links=(),
            list_filter=page.get_list_filter(request),
            date_hierarchy=None,
            search_fields=page.get_search_fields(request),
            list_select_related=False,
            list_per_page=1,
            list_max_show_all=0,
            list_editable=(),
            model_admin=page,
            sortable_by=(),
            search_help_text=None,
        )
    except (IncorrectLookupParameters, SuspiciousOperation) as error:
        raise UnknownSelection(str(error)) from error
