"""Instances: seen, switched and deleted, by the same way as the API's.

Secrets are neither shown nor editable.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from accounts.models import User
from administration.page import Page, ReadOnlyInline, ReadOnlyPage, by_number
from api.errors import ApiError
from elements import catalogue
from elements.errors import ConfigurationError, ElementNotFound
from elements.models import PrivateElement
from explanations.masking import masked_url
from instances import configuration as keys
from instances import provision
from instances.models import Credential, ElementInstance
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


@admin.register(ElementInstance)
class InstancePage(Page[ElementInstance]):
    list_display = ["name", "id", "organization", "element_key", "valid", "enabled"]
    list_display += ["events_enabled", "problem", "created_at"]
    list_filter = [ElementFilter, "valid", "enabled", "events_enabled"]
    list_select_related = ["organization"]
    search_fields = ["name"]
    search_help_text = "the id, how the name begins, a tag, or the e-mail address of its user"
    asked_by = ["organization__id__exact"]
    actions = ["turn_events_on", "turn_events_off"]
    fields = ["enabled", "events_enabled"]
    readonly_fields = ["name", "organization", "user", "element_key", "tagged", "valid", "problem"]
    readonly_fields += ["configured", "vendor_type", "refresh_interval"]
    readonly_fields += ["external_authentication", "created_at", "updated_at"]
    fields += readonly_fields
    inlines = [ResourceInline]

    def sought(self, term: str) -> Q | None:
        if "@" in term:
            return Q(user__in=User.objects.filter(username=term.lower()))
        named = Q(name__istartswith=term) | Q(tags__contains=[term])
        return by_number(term, "pk") or named

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # an instance is connected by its owner

    @admin.display(description="tags")
    def tagged(self, instance: ElementInstance) -> str:
        return ", ".join(instance.tags)

    @admin.display(description="configuration")
    def configured(self, instance: ElementInstance) -> str:
        """A line each; what is secret as its mask."""
        return "\n".join(f"{key}: {_plain(value)}" for key, value in keys.masked(instance).items())

    def save_model(
        self, request: HttpRequest, obj: ElementInstance, form: Any, change: bool
    ) -> None:
        self._switch(request, obj, events=obj.events_enabled, enabled=obj.enabled)

    def get_deleted_objects(
        self, objs: Iterable[ElementInstance], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """What hangs on an instance goes with it, though nobody may delete it by itself."""
        names = [str(instance) for instance in objs]
        return names, {"element instances": len(names)}, set(), []

    def delete_model(self, request: HttpRequest, obj: ElementInstance) -> None:
        provision.delete(obj.organization, obj.pk)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ElementInstance]) -> None:
        for instance in queryset.select_related("organization"):
            provision.delete(instance.organization, instance.pk)

    @admin.action(description="Turn events on", permissions=["change"])
    def turn_events_on(self, request: HttpRequest, queryset: QuerySet[ElementInstance]) -> None:
        self._switch_all(request, queryset.select_related("organization"), events=True)

    @admin.action(description="Turn events off", permissions=["change"])
    def turn_events_off(self, request: HttpRequest, queryset: QuerySet[ElementInstance]) -> None:
        self._switch_all(request, queryset.select_related("organization"), events=False)

    def _switch_all(
        self, request: HttpRequest, instances: Iterable[ElementInstance], *, events: bool
    ) -> None:
        for instance in instances:
            self._switch(request, instance, events=events)

    def _switch(
        self,
        request: HttpRequest,
        instance: ElementInstance,
        *,
        events: bool,
        enabled: bool | None = None,
    ) -> None:
        wanted = provision.Wish(
            configuration={keys.EVENTS_ENABLED: "true" if events else "false"}, enabled=enabled
        )
        try:
            provision.change(instance.organization, instance.pk, wanted)
        except (ApiError, ConfigurationError, ElementNotFound) as error:
            self.message_user(request, f"{instance}: {error}", messages.ERROR)


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
