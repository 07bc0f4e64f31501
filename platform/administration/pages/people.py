"""Users, what they may do here, and where that is given: groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.options import InlineModelAdmin
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts import access, address_verification
from accounts.models import RoleGrant, User
from accounts.provision import rotate_user_secret
from administration.page import Page, by_number
from administration.pages.organizations import only_one, show_once

if TYPE_CHECKING:
    from django.contrib.admin import TabularInline
    from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
    from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
else:
    from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
    from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
    from unfold.admin import TabularInline

admin.site.unregister(Group)


class RoleGrantInline(TabularInline[RoleGrant, User]):
    model = RoleGrant
    extra = 0

    def formfield_for_choice_field(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        field = super().formfield_for_choice_field(db_field, request, **kwargs)
        if field is not None:
            field.widget.attrs["aria-label"] = "role"  # its column's head is no label
        return field


@admin.register(User)
class UserPage(DjangoUserAdmin[User], Page[User]):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = [
        "username",
        "organization",
        "account",
        "secret_hint",
        "is_active",
        "is_staff",
        "is_superuser",
    ]
    list_filter = ["is_active", "is_staff", "is_superuser"]
    list_select_related = ["organization", "account"]
    ordering = ["-pk"]
    search_fields = ["username"]
    search_help_text = "the id, or how the e-mail address begins"
    asked_by = ["organization__id__exact"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "username",
                    "address_verified_at",
                    "password",
                    "organization",
                    "account",
                    "secret_hint",
                ]
            },
        ),
        ("Name", {"fields": ["first_name", "last_name"]}),
        (
            "Permissions here",
            {"fields": ["is_active", "is_staff", "is_superuser", "groups"]},
        ),
        ("Dates", {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [
        (
            None,
            {"fields": ["username", "organization", "usable_password", "password1", "password2"]},
        )
    ]
    readonly_fields = ["address_verified_at", "secret_hint", "last_login", "date_joined"]
    autocomplete_fields = ["organization", "account"]
    filter_horizontal = []
    actions = ["rotate_secret", "vouch"]

    def sought(self, term: str) -> Q | None:
        return by_number(term, "pk") or Q(username__startswith=term.lower())

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        return Page.lookup_allowed(self, lookup, value, request)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Users are switched off; what they connected is the organization's."""
        return False

    def get_inlines(
        self, request: HttpRequest, obj: User | None
    ) -> list[type[InlineModelAdmin[Any, Any]]]:
        """Roles are given to a user who is there; the page that adds one asks for the address."""
        return [] if obj is None else [RoleGrantInline]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        """Who may do everything is given by who may do everything."""
        if request.user.is_superuser:
            return self.readonly_fields
        return [*self.readonly_fields, "is_staff", "is_superuser", "groups"]

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Nobody takes over a superuser, by a new password or secret."""
        above = obj is not None and obj.is_superuser and not request.user.is_superuser
        return not above and super().has_change_permission(request, obj)

    def user_change_password(
        self,
        request: HttpRequest,
        id: str,  # noqa: A002 - Django's
        form_url: str = "",
    ) -> HttpResponse:
        """In a transaction, so that the row is locked: Django saves all of it."""
        with transaction.atomic():
            return super().user_change_password(request, id, form_url)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        wanted = obj.is_active
        if change:
            obj.is_active = User.objects.values_list("is_active", flat=True).get(pk=obj.pk)
            if "username" in form.changed_data:
                obj.address_verified_at = None
        obj.save()
        if change:
            access.set_user_active(obj, wanted)

    @admin.action(description="Give a new secret, shown once", permissions=["change"])
    def rotate_secret(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        one = only_one(request, queryset)
        if one is None:
            return
        if not self.has_change_permission(request, one):
            messages.error(request, "Only a superuser gives a superuser a new secret.")
            return
        with transaction.atomic():
            self.log_change(request, one, "Gave a new secret.")
            new = rotate_user_secret(one)
        show_once(request, one, new)

    @admin.action(description="Vouch for the address", permissions=["change"])
    def vouch(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Take the address for verified, where no e-mail can prove it."""
        one = only_one(request, queryset, "its address becomes this user's alone.")
        if one is None:
            return
        if not self.has_change_permission(request, one):
            messages.error(request, "Only a superuser vouches for a superuser's address.")
            return
        with transaction.atomic():
            self.log_change(request, one, "Vouched for the address.")
            try:
                address_verification.confirm(one)
            except address_verification.LinkError as error:
                transaction.set_rollback(True)
                messages.error(request, str(error))
                return
        messages.success(request, f"{one} is verified.")


@admin.register(Group)
class GroupPage(DjangoGroupAdmin, Page[Group]):
    ordering = ["name"]
    search_fields = ["name"]
    list_display = ["name"]
    filter_horizontal = []

    def sought(self, term: str) -> Q | None:
        return Q(name__istartswith=term)

    def get_deleted_objects(
        self, objs: Sequence[Group] | QuerySet[Group], request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[str]]:
        """Without a line for each permission and each user: those only lose the role."""
        _, _, needed, protected = super().get_deleted_objects(objs, request)
        names = [str(group) for group in objs]
        return names, {"roles": len(names)}, needed, protected
