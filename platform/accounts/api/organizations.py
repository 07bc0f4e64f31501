"""/organizations: the own organization, its secret, and its users across all accounts."""

from __future__ import annotations

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import provision, schema
from accounts.api import wish
from accounts.api.authority import authority_of, changing
from accounts.api.representation import organization_json
from accounts.api.users import UsersView, UserView, make_user
from accounts.roles import Rank
from api.fields import json_object, text
from api.schema import documented


class OrganizationView(APIView):
    @documented(
        "Read the own organization",
        answer=schema.ORGANIZATION,
        example=schema.ORGANIZATION_EXAMPLE,
    )
    def get(self, request: Request) -> Response:
        return Response(organization_json(authority_of(request).organization))

    @documented(
        "Rename the own organization",
        request=schema.ORGANIZATION_CHANGE,
        request_example={"name": "Another name"},
        answer=schema.ORGANIZATION,
        example=schema.ORGANIZATION_EXAMPLE,
    )
    def put(self, request: Request) -> Response:
        authority = authority_of(request)
        authority.require(Rank.ORGANIZATION)
        organization = authority.organization
        with wish.refusals():
            organization.name = provision.checked_name(
                text(json_object(request.data), "name", required=True)
            )
        with transaction.atomic():
            organization.save(update_fields=["name"])
        return Response(organization_json(organization))


class OrganizationSecretView(APIView):
    @documented(
        "Give the own organization a new secret",
        description="The old one ends at once, for all its users; the new one is shown this once.",
        answer=schema.SECRET,
        example=schema.SECRET_EXAMPLE,
    )
    def post(self, request: Request) -> Response:
        with changing(request) as authority:
            authority.require(Rank.ORGANIZATION)
            new = provision.rotate_organization_secret(authority.organization)
        return Response({"secret": new})


class OrganizationUsersView(UsersView):
    """As /users, for administrators of the organization."""

    reach = Rank.ORGANIZATION

    @documented(
        "Make a user of the organization",
        description="In the default account. The answer holds the user's `secret`, this once. "
        "The password must obey the password policy; without one the user calls the API and "
        "cannot sign in to the pages.",
        request=schema.USER_WANTED,
        request_example=schema.USER_WANTED_EXAMPLE,
        answer=schema.USER_WITH_SECRET,
        example=schema.USER_WITH_SECRET_EXAMPLE,
        errors=[409],
    )
    def post(self, request: Request) -> Response:
        body = json_object(request.data)
        with changing(request) as authority:
            authority.require(self.reach)
            account = authority.organization.default_account
            return Response(make_user(authority, account, body, checks_password=True))


class OrganizationUserView(UserView):
    """As /users/{user}, for administrators of the organization."""

    reach = Rank.ORGANIZATION
