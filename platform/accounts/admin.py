"""Organizations and users in Django's admin. No secret is shown but a new one, once."""

from __future__ import annotations

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import secret
from accounts.models import Organization, User
from accounts.provision import rotate_organization_secret, rotate_user_secret


@admin.register(Organization)
class OrganizationAdmin(admin.ModelAdmin[Organization]):
    list_display = ["name", "id", "secret_hint", "failure_policy", "created_at"]
    search_fields = ["name"]
    fields = ["name", "failure_policy", "secret_hint", "created_at"]
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


@admin.register(User)
class UserAdmin(DjangoUserAdmin[User]):
    list_display = ["username", "organization", "secret_hint", "is_active", "is_superuser"]
    list_filter = ["is_active", "is_superuser"]
    search_fields = ["username", "first_name", "last_name", "organization__name"]
    fieldsets = [
        (None, {"fields": ["username", "password", "organization", "secret_hint"]}),
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
    autocomplete_fields = ["organization"]
    actions = ["rotate_secret"]

    @admin.action(description="Give a new secret, shown once", permissions=["change"])
    def rotate_secret(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            _show_once(request, user, rotate_user_secret(user))


def _show_once(request: HttpRequest, owner: Organization | User, new: str) -> None:
    messages.warning(request, f"The secret of {owner} is {new} : it is not shown again.")
