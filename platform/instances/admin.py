"""Instances in Django's admin: seen, switched and deleted, by the same way as the API's.

Secrets are neither shown nor editable.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from api.errors import ApiError
from elements.errors import ConfigurationError, ElementNotFound
from instances import configuration as keys
from instances import provision
from instances.models import Credential, ElementInstance


@admin.register(ElementInstance)
class ElementInstanceAdmin(admin.ModelAdmin[ElementInstance]):
    list_display = ["name", "id", "organization", "element_key", "valid", "enabled"]
    list_display += ["events_enabled", "problem", "created_at"]
    list_editable = ["events_enabled"]
    list_filter = ["element_key", "valid", "enabled", "events_enabled"]
    list_select_related = ["organization"]
    search_fields = ["name", "organization__name", "user__username"]
    actions = ["turn_events_on", "turn_events_off"]
    fields = ["enabled", "events_enabled"]
    readonly_fields = ["name", "organization", "user", "element_key", "tags", "valid", "problem"]
    readonly_fields += ["configuration", "vendor_type", "refresh_interval"]
    readonly_fields += ["external_authentication", "created_at", "updated_at"]
    fields += readonly_fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # an instance is connected by its owner

    def save_model(
        self, request: HttpRequest, obj: ElementInstance, form: object, change: bool
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


@admin.register(Credential)
class CredentialAdmin(admin.ModelAdmin[Credential]):
    """Whether accounts stay authorized; nothing here can be changed."""

    list_display = ["instance", "state", "expires_at", "refresh_due_at", "failures", "error"]
    list_filter = ["state"]
    list_select_related = ["instance"]
    fields = ["instance", "state", "scope", "expires_at", "refresh_due_at", "refreshed_at"]
    fields += ["failures", "error"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Credential | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Credential | None = None) -> bool:
        return False
