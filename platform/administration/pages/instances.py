"""Instances: seen, switched and deleted, by the same way as the API's.

Secrets are neither shown nor editable.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html

from accounts.models import User
from administration.acting import ActingPage
from administration.deeds import Refused, nothing_within, switch_events, switch_instance
from administration.page import AskedList, ReadOnlyInline, ReadOnlyPage, by_number
from administration.switches import events_column, resources_column, switched
from elements import catalogue
from elements.errors import ElementNotFound
from elements.models import PrivateElement
from encryption.keys import UnsealError
from explanations.masking import masked_url
from instances import configuration as keys
from instances import provision
from instances.models import Credential, ElementInstance
from instances.status import (
    ANY_PROBLEM,
    NO_NOTES,
    Notes,
    Status,
    notes_of,
    reasons_of,
    status_of,
    with_problem,
    with_status,
)
from polling.models import PollingResource


class ElementFilter(admin.SimpleListFilter):
    """The elements there are, without looking for them among the instances."""

    title = "element"
    parameter_name = "element_key"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        everybodys = [element.key for element in catalogue.all_elements()]
        private = PrivateElement.objects.order_by("key").values_list("key", flat=True).distinct()
        return [(key, key) for key in dict.fromkeys([*everybodys, *private[:100]])]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[ElementInstance]
    ) -> QuerySet[ElementInstance]:
        return queryset.filter(element_key=self.value()) if self.value() else queryset


class ResourceInline(ReadOnlyInline[PollingResource, ElementInstance]):
    model = PollingResource
    readonly_fields = [
        "name",
        "enabled",
        "active",
        "next_poll_at",
        "lease_until",
        "last_success_at",
        "failures",
        "error",
        "cursor",
    ]
    fields = (*readonly_fields,)


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(ANY_PROBLEM, "any problem"), *((one.value, one.label) for one in Status)]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[ElementInstance]
    ) -> QuerySet[ElementInstance]:
        if self.value() == ANY_PROBLEM:
            return with_problem(queryset, timezone.now())
        wanted = next((one for one in Status if one.value == self.value()), None)
        return queryset if wanted is None else with_status(queryset, wanted, timezone.now())


class StateColumn:
    """The states of a page's rows and why, with one look at what polling and delivery say."""

    __name__ = "state"  # as Django asks of a column
    short_description = "state"

    def __init__(self) -> None:
        self.notes: Notes = NO_NOTES

    def __call__(self, instance: ElementInstance) -> str:
        return _state(instance, self.notes)


def _state(instance: ElementInstance, notes: Notes) -> str:
    status = status_of(instance, notes)
    why = " ".join(one.sentence for one in reasons_of(instance, notes))
    return format_html('<span class="state {}">{}</span> {}', status.tone, status.label, why)


class InstanceList(AskedList):
    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        for column in self.list_display:
            if isinstance(column, StateColumn):
                column.notes = notes_of(self.result_list)


@admin.register(ElementInstance)
class InstancePage(ActingPage[ElementInstance]):
    list_display = ["name", "id", "organization", "element_key"]
    list_filter = [ElementFilter, StateFilter, "events_enabled"]
    list_select_related = ["organization", "credential"]
    search_fields = ["name"]
    search_help_text = "the id, how the name begins, a tag, or the e-mail address of its user"
    asked_by = ["organization__id__exact", "valid__exact", "enabled__exact"]
    deeds = ("events_on", "events_off", "poll_now", "disable", "enable", "reconnect")
    list_after_template = "administration/switches.html"
    fields = ["enabled", "events_enabled"]
    readonly_fields = ["name", "organization", "user", "element_key", "tagged", "state"]
    readonly_fields += ["configured", "vendor_type", "refresh_interval"]
    readonly_fields += ["external_authentication", "created_at", "updated_at"]
    fields += readonly_fields
    inlines = [ResourceInline]

    def sought(self, term: str) -> Q | None:
        if "@" in term:
            return Q(user__in=User.objects.filter(username=term.lower()))
        named = Q(name__istartswith=term) | Q(tags__contains=[term])
        return by_number(term, "pk") or named

    def get_queryset(self, request: HttpRequest) -> QuerySet[ElementInstance]:
        return super().get_queryset(request).prefetch_related("polling_resources")

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        acts = self.has_act_permission(request)
        switches = [events_column(request, acts), resources_column(request, acts)]
        return [*self.list_display, StateColumn(), *switches, "created_at"]

    def get_urls(self) -> list[URLPattern]:
        address = path(
            "<int:instance_id>/switch/",
            self.admin_site.admin_view(partial(switched, self)),
            name="instances_elementinstance_switch",
        )
        return [address, *super().get_urls()]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # an instance is connected by its owner

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[InstanceList]:
        return InstanceList

    @admin.display(description="state")
    def state(self, instance: ElementInstance) -> str:
        return _state(instance, notes_of([instance]))

    @admin.display(description="tags")
    def tagged(self, instance: ElementInstance) -> str:
        return ", ".join(instance.tags)

    @admin.display(description="configuration")
    def configured(self, instance: ElementInstance) -> str:
        """A line each; what is secret as its mask."""
        try:
            values = keys.masked(instance)
        except (ElementNotFound, UnsealError) as error:
            return str(error)
        return "\n".join(f"{key}: {_plain(value)}" for key, value in values.items())

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """All of what was changed, or nothing, and no word of success."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except Refused as error:
            self.message_user(request, f"Nothing was changed: {error}", messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def save_model(
        self, request: HttpRequest, obj: ElementInstance, form: Any, change: bool
    ) -> None:
        """Only what was changed in the form: somebody may have changed the rest meanwhile."""
        switches = {"events_enabled": switch_events, "enabled": switch_instance}
        for name in form.changed_data:
            switches[name](obj.pk, nothing_within, timezone.now(), on=getattr(obj, name))

    def get_deleted_objects(
        self, objs: Iterable[ElementInstance], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """What hangs on an instance goes with it, though nobody may delete it by itself."""
        names = [str(instance) for instance in objs]
        return names, {"instances": len(names)}, set(), []

    def delete_model(self, request: HttpRequest, obj: ElementInstance) -> None:
        provision.delete(obj.organization, obj.pk)


def _plain(value: str) -> str:
    """A URL may have a password in it."""
    return masked_url(value) if "://" in value else value


@admin.register(Credential)
class CredentialPage(ReadOnlyPage[Credential]):
    """Whether accounts stay authorized."""

    list_display = ["instance", "state", "expires_at", "refresh_due_at", "failures", "error"]
    list_filter = ["state"]
    list_select_related = ["instance"]
    search_fields = ["instance"]
    search_help_text = "the id of the instance"
    fields = ["instance", "state", "scope", "expires_at", "ends_at", "refresh_due_at"]
    fields += ["refreshed_at", "failures", "error"]

    def sought(self, term: str) -> Q | None:
        return by_number(term, "instance")
