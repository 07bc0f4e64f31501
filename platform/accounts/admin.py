"""Organizations and users in Django's admin. No secret is shown but a new one, once."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import InlineModelAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import access, secret
from accounts.models import Account, Organization, RoleGrant, User
from accounts.provision import rotate_organization_secret, rotate_user_secret


@admin.register(Organization)
class OrganizationAdmin(admin.ModelAdmin[Organization]):
    list_display = ["name", "id", "secret_hint", "created_at"]
    search_fields = ["name"]
    fields = ["name", "secret_hint", "created_at"]
    readonly_fields = ["secret_hint", "created_at"]
    actions = ["rotate_secret"]

    def save_model(
        self, request: HttpRequest, obj: Organization, form: object, change: bool
    ) -> None:
        if change:
            obj.save()
            return
        new = secret.new_organization_secret()
        obj.secret_digest = secret.digest(new)
        obj.secret_hint = secret.hint(new)
        obj.save()
        _show_once(request, obj, new)

    @admin.action(description="Give a new secret, shown once", permissions=["change"])
    def rotate_secret(self, request: HttpRequest, queryset: QuerySet[Organization]) -> None:
        for organization in queryset:
            _show_once(request, organization, rotate_organization_secret(organization))


@admin.register(Account)
class AccountAdmin(admin.ModelAdmin[Account]):
    list_display = ["name", "id", "organization", "external_id", "active", "failure_policy"]
    list_filter = ["active", "failure_policy"]
    list_select_related = ["organization"]
    search_fields = ["name", "external_id", "organization__name"]
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

    def save_model(self, request: HttpRequest, obj: Account, form: object, change: bool) -> None:
        wanted = obj.active
        if change:
            obj.active = Account.objects.values_list("active", flat=True).get(pk=obj.pk)
        obj.save()
        if change:
            access.set_account_active(obj, wanted)


class RoleGrantInline(admin.TabularInline[RoleGrant, User]):
    model = RoleGrant
    extra = 0


@admin.register(User)
class UserAdmin(DjangoUserAdmin[User]):
    list_display = [
        "username",
        "organization",
        "account",
        "secret_hint",
        "is_active",
        "is_superuser",
    ]
    list_filter = ["is_active", "is_superuser"]
    search_fields = ["username", "first_name", "last_name", "organization__name"]
    fieldsets = [
        (None, {"fields": ["username", "password", "organization", "account", "secret_hint"]}),
        ("Name", {"fields": ["first_name", "last_name"]}),
        ("Permissions", {"fields": ["is_active", "is_staff", "is_superuser"]}),
        ("Dates", {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [
        (
            None,
            {"fields": ["username", "organization", "usable_password", "password1", "password2"]},
        )
    ]
    readonly_fields = ["secret_hint", "last_login", "date_joined"]
    autocomplete_fields = ["organization", "account"]
    actions = ["rotate_secret"]

    def get_inlines(
        self, request: HttpRequest, obj: User | None
    ) -> list[type[InlineModelAdmin[Any, Any]]]:
        """Roles are given to a user who is there; the page that adds one asks for the address."""
        return [] if obj is None else [RoleGrantInline]

    def save_model(self, request: HttpRequest, obj: User, form: object, change: bool) -> None:
        wanted = obj.is_active
        if change:
            obj.is_active = User.objects.values_list("is_active", flat=True).get(pk=obj.pk)
        obj.save()
        if change:
            access.set_user_active(obj, wanted)

    @admin.action(description="Give a new secret, shown once", permissions=["change"])
    def rotate_secret(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            _show_once(request, user, rotate_user_secret(user))


def _show_once(request: HttpRequest, owner: Organization | User, new: str) -> None:
    messages.warning(request, f"The secret of {owner} is {new} : it is not shown again.")
