"""Organizations and their accounts. No secret is shown but a new one, once."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponseRedirect

from accounts import access, secret
from accounts.models import Account, Organization, User
from accounts.provision import rotate_organization_secret
from administration.page import Page, by_number

TAKEN = "Nothing was changed: another active account of the organization has this external id."


@admin.register(Organization)
class OrganizationPage(Page[Organization]):
    list_display = ["name", "id", "secret_hint", "created_at"]
    search_fields = ["name"]
    search_help_text = "the id, or how the name begins"
    fields = ["name", "secret_hint", "created_at"]
    readonly_fields = ["secret_hint", "created_at"]
    actions = ["rotate_secret"]

    def sought(self, term: str) -> Q | None:
        return by_number(term, "pk") or Q(name__istartswith=term)

    def has_delete_permission(self, request: HttpRequest, obj: Organization | None = None) -> bool:
        """What an organization connected is at its providers still, and hangs on it."""
        return False

    def save_model(self, request: HttpRequest, obj: Organization, form: Any, change: bool) -> None:
        if change:
            obj.save()
            return
        new = secret.new_organization_secret()
        obj.secret_digest = secret.digest(new)
        obj.secret_hint = secret.hint(new)
        obj.save()
        show_once(request, obj, new)

    @admin.action(description="Give a new secret, shown once", permissions=["change"])
    def rotate_secret(self, request: HttpRequest, queryset: QuerySet[Organization]) -> None:
        if one := only_one(request, queryset):
            with transaction.atomic():
                self.log_change(request, one, "Gave a new secret.")
                new = rotate_organization_secret(one)
            show_once(request, one, new)


@admin.register(Account)
class AccountPage(Page[Account]):
    list_display = ["name", "id", "organization", "external_id", "active", "failure_policy"]
    list_filter = ["active", "failure_policy"]
    list_select_related = ["organization"]
    search_fields = ["name"]
    search_help_text = "the id, or how the name begins"
    asked_by = ["organization__id__exact"]
    fields = [
        "name",
        "organization",
        "description",
        "external_id",
        "active",
        "failure_policy",
        "is_default",
        "created_at",
    ]
    autocomplete_fields = ["organization"]

    def sought(self, term: str) -> Q | None:
        return by_number(term, "pk", "organization") or Q(name__istartswith=term)

    def get_readonly_fields(self, request: HttpRequest, obj: Account | None = None) -> list[str]:
        fixed = ["is_default", "created_at"]
        if obj is not None:
            fixed.append("organization")
        if obj is not None and obj.is_default:
            fixed.append("active")
        return fixed

    def has_delete_permission(self, request: HttpRequest, obj: Account | None = None) -> bool:
        """Accounts are switched off; their users and what these connected stay."""
        return False

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """The form does not look whether an external id is free: the organization is not in it."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except IntegrityError:
            self.message_user(request, TAKEN, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: Account, form: Any, change: bool) -> None:
        wanted = obj.active
        if change:
            obj.active = Account.objects.values_list("active", flat=True).get(pk=obj.pk)
        obj.save()
        if change:
            access.set_account_active(obj, wanted)


def only_one(
    request: HttpRequest, queryset: QuerySet[Any], why: str = "its new secret is shown once, here."
) -> Any | None:
    """The one that is selected. A secret is shown once: of many, some would be lost."""
    chosen = list(queryset[:2])
    if len(chosen) == 1:
        return chosen[0]
    messages.error(request, f"Select one: {why}")
    return None


def show_once(request: HttpRequest, owner: Organization | User, new: str) -> None:
    messages.warning(request, f"The secret of {owner} is {new} : it is not shown again.")
