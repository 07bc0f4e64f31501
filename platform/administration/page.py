"""What all lists of the admin share, so that each answers at once however many rows there are.

Rule 1: no list counts a table, sorts without an index, or looks for a part of a text.
Rule 2: a list is asked only for what it offers: Django would take `?secret_digest__startswith=…`
from whoever may see the list, and tell the digest letter by letter.
Rule 3: secrets are on no page, and payloads (VIEW_PAYLOADS) for those alone who may see them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django.contrib import messages
from django.contrib.admin import ShowFacets, SimpleListFilter
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ORDER_VAR
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.utils.html import format_html
from django.utils.safestring import SafeString

from administration.paginator import EstimatingPaginator
from elements.row_id import row_id

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin, TabularInline
    from django.contrib.admin.views.main import ChangeList
else:
    from unfold.admin import ModelAdmin, TabularInline
    from unfold.views import ChangeList

M = TypeVar("M", bound=Model)
P = TypeVar("P", bound=Model)
VIEW_PAYLOADS = "events.view_payload"


class AskedList(ChangeList):
    """A list, asked for no more than it offers."""

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: list[str | None] | None = None
    ) -> QuerySet[Any]:
        """PostgreSQL has no NUL in a text, and fails where it is asked for one."""
        if any("\0" in text for texts in self.get_filters_params().values() for text in texts):
            raise IncorrectLookupParameters("NUL is in no text")
        return super().get_queryset(request, exclude_parameters)

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """Its own order: Django sorts by `?o=3` though no column is offered for it."""
        self.params.pop(ORDER_VAR, None)
        return super().get_ordering(request, queryset)


class Page(ModelAdmin[M]):
    """A model's pages: its list, newest first, and one row. Searched for what `sought` knows."""

    show_full_result_count = False
    show_facets = ShowFacets.NEVER  # they count
    paginator = EstimatingPaginator
    list_per_page = 50
    list_fullwidth = True
    list_filter_sheet = False
    ordering = ["-pk"]
    sortable_by: ClassVar[list[str]] = []
    asked_by: list[str] = []  # lookups that links from other pages have, beside the filters
    warn_unsaved_form = True

    def sought(self, term: str) -> Q | None:
        """The rows that a search is for; None for nothing."""
        return by_number(term, "pk")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[M], search_term: str
    ) -> tuple[QuerySet[M], bool]:
        term = search_term.strip().replace("\0", "")
        if not term:
            return queryset, False
        found = self.sought(term)
        return (queryset.none() if found is None else queryset.filter(found)), False

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Whether what is done to rows may be done, where nobody edits them either."""
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Without deleting many: nobody waits so long for a page, and Django logs many by a
        statement that the audit log does not see. A row is deleted on its own page."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return AskedList

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        return lookup in self.asked_by or any(
            lookup in _lookups(one) for one in self.get_list_filter(request or HttpRequest())
        )

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> M | None:
        """Whose transaction may change the row locks it first: else the form would write back what
        somebody else changes meanwhile, a secret that has just been replaced with it."""
        found = None if "\0" in object_id else super().get_object(request, object_id, from_field)
        if found is None or request.method != "POST" or not connection.in_atomic_block:
            return found
        rows = self.get_queryset(request).select_for_update(no_key=True, of=("self",))
        return rows.filter(pk=found.pk).first()

    def response_action(  # type: ignore[override]  # the stubs are of a later Django
        self, request: HttpRequest, queryset: QuerySet[M]
    ) -> HttpResponseBase | None:
        """Django hands to the database whatever is posted as an id."""
        if all(self._may_be_id(one) for one in request.POST.getlist(ACTION_CHECKBOX_NAME)):
            return super().response_action(request, queryset)
        self.message_user(request, "Select rows of this list: nothing was done.", messages.ERROR)
        return None

    def _may_be_id(self, text: str) -> bool:
        try:
            self.opts.pk.to_python(text)
        except ValidationError:
            return False
        return "\0" not in text


class ReadOnly:
    """Nothing here is written by hand."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyPage(ReadOnly, Page[M]):
    """Rows that follow from what happens; to look at."""


class ReadOnlyInline(ReadOnly, TabularInline[M, P]):
    extra = 0
    show_change_link = True


def pretty(value: Any) -> SafeString:
    """JSON as text of many lines. unfold colours it where pygments is there, by inline styles."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return format_html('<pre class="pretty">{}</pre>', text)


def by_number(term: str, *fields: str) -> Q | None:
    """Rows that have the number in one of the fields; None where the term is no number."""
    number = row_id(term)
    if number is None:
        return None
    return Q(*((field, number) for field in fields), _connector=Q.OR)


def _lookups(one: Any) -> Iterable[str]:
    """What a filter's links ask for."""
    if isinstance(one, type) and issubclass(one, SimpleListFilter):
        return [str(one.parameter_name)]
    field = one[0] if isinstance(one, tuple | list) else one
    return [f"{field}__exact", f"{field}__isnull"]
