"""/users: the people of an organization, their secrets and their roles.

The order in which a change of roles is checked: the role exists (400), the user exists (404), the
caller may (403), nothing stands against it (409).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import access, provision, schema
from accounts.api import wish
from accounts.api.authority import Authority, authority_of, changing, no_user, people, roles_of
from accounts.api.representation import role_json, user_json
from accounts.models import Account, RoleGrant, User
from accounts.roles import CATALOGUE, Rank, Role
from api import where
from api.errors import BadRequest, Conflict, Forbidden, NotFound
from api.fields import json_object
from api.paging import page_of, whole_list
from api.schema import PAGED, WHERE, WHOLE, documented, listed

NOT_SHOWN = (
    "secrets are stored as digests and cannot be shown again: POST /users/{id}/secret gives a new "
    "one"
)

FIELDS = {
    "id": where.number("id"),
    "firstName": where.text("first_name"),
    "lastName": where.text("last_name"),
    "email": where.text("email"),
    "username": where.text("username"),
    "accountId": where.number("account_id"),
    "active": where.flag("is_active"),
    "createdDate": where.date("date_joined"),
    "lastLoginDate": where.date("last_login"),
}


class UsersView(APIView):
    reach = Rank.ACCOUNT  # what it takes to see the list

    @documented(
        "List the users",
        description="An administrator of the organization sees all of them, one of an account "
        f"sees its own. `where` may name {', '.join(FIELDS)}.",
        answer=listed(schema.USER),
        example=[schema.USER_EXAMPLE],
        pages=PAGED,
        parameters=[WHERE],
    )
    def get(self, request: Request) -> Response:
        authority = authority_of(request)
        authority.require(self.reach)
        clause = request.query_params.get("where", "")
        rows = where.narrowed(authority.users(), clause, FIELDS)
        listing = page_of(request, rows.order_by("pk"))
        return Response([user_json(row) for row in listing.rows], headers=listing.headers)


class UserView(APIView):
    reach = Rank.SELF  # what it takes beyond the rank over the user

    @documented(
        "Read a user",
        description="Everybody may read the own user, also by the name `me`. The secret is "
        "never in it.",
        answer=schema.USER,
        example=schema.USER_EXAMPLE,
        parameters=[schema.PASSWORD_HEADER],
    )
    def get(self, request: Request, user: str) -> Response:
        found = self._found(authority_of(request), user)
        asked = "Elements-User-Password" in request.headers
        return Response(user_json(found), headers={"Elements-Error": NOT_SHOWN} if asked else None)

    @documented(
        "Change a user",
        description="What is absent stays. `active: false` takes the user's access and stops "
        "polling what the user connected; with `permanent: true` the user is removed for good, "
        "as by DELETE. Everybody may change the own name, address and password.",
        request=schema.USER_CHANGE,
        request_example={"firstName": "New"},
        answer=schema.USER,
        example=schema.USER_EXAMPLE,
        parameters=schema.SWITCHES,
        errors=[409],
    )
    def patch(self, request: Request, user: str) -> Response:
        with changing(request) as authority:
            return Response(change_user(request, authority, self._found(authority, user)))

    @documented(
        "Remove a user",
        description="Access, secret, roles, name and address are gone at once, and the address "
        "is free again. What the user connected stays the organization's and is no longer polled.",
    )
    def delete(self, request: Request, user: str) -> Response:
        with changing(request) as authority:
            found = self._found(authority, user)
            authority.require_over(found)
            authority.require_other(found)
            access.remove_user(found)
        return Response()

    def _found(self, authority: Authority, named: str) -> User:
        authority.require(self.reach)
        return authority.person(named)


class UserSecretView(APIView):
    @documented(
        "Give a user a new secret",
        description="The old one ends at once, the new one is shown this once. Of oneself, or, "
        "for an administrator, of another.",
        answer=schema.SECRET,
        example=schema.SECRET_EXAMPLE,
    )
    def post(self, request: Request, user: str) -> Response:
        with changing(request) as authority:
            found = authority.person(user)
            authority.require_over(found)
            return Response({"secret": provision.rotate_user_secret(found)})


class RolesView(APIView):
    @documented(
        "List the roles of a user",
        answer=listed(schema.ROLE),
        example=[schema.ROLE_EXAMPLE],
        pages=WHOLE,
    )
    def get(self, request: Request, user: str) -> Response:
        found = authority_of(request).person(user)
        return whole_list([role_json(role) for role in roles_of(found)])


class RoleView(APIView):
    @documented(
        "Read a role of a user",
        description="A role that the user doesn't have is a 404.",
        answer=schema.ROLE,
        example=schema.ROLE_EXAMPLE,
    )
    def get(self, request: Request, user: str, role_key: str) -> Response:
        role = _role(role_key)
        if role not in roles_of(authority_of(request).person(user)):
            raise _not_held(role)
        return Response(role_json(role))

    @documented(
        "Grant a role to a user",
        description="Nobody changes the own roles, and nobody grants `sys-admin`. A role that "
        "the user has already is a 409.",
        answer=schema.ROLE,
        example=schema.ROLE_EXAMPLE,
        errors=[409],
    )
    def put(self, request: Request, user: str, role_key: str) -> Response:
        role = _role(role_key)
        with changing(request) as authority:
            found = self._to_change(authority, user, role)
            if role in roles_of(found):
                raise Conflict(f"the user has the role {role.key} already")
            RoleGrant.objects.create(user=found, key=role.key)
        return Response(role_json(role))

    @documented(
        "Take a role from a user",
        description="A role that the user doesn't have is a 404.",
    )
    def delete(self, request: Request, user: str, role_key: str) -> Response:
        role = _role(role_key)
        with changing(request) as authority:
            found = self._to_change(authority, user, role)
            if not RoleGrant.objects.filter(user=found, key=role.key).delete()[0]:
                raise _not_held(role)
        return Response()

    def _to_change(self, authority: Authority, named: str, role: Role) -> User:
        found = authority.anybody(named)
        if found is None:
            raise no_user(named)
        if authority.is_oneself(found):
            raise Forbidden("nobody may change the own roles: another administrator can")
        if role.granted_by == Rank.INSTALLATION:
            raise Forbidden(f"the role {role.key} is not granted through the API")
        authority.require_grant(role)
        authority.require_over(found)
        return found


def make_user(
    authority: Authority, account: Account, body: Mapping[str, Any], *, checks_password: bool
) -> dict[str, Any]:
    """The JSON of a new user of the account, with the secret."""
    wanted = wish.new_person(body)
    for role in wanted.roles:
        if role.granted_by == Rank.INSTALLATION:
            raise Forbidden(f"the role {role.key} is not granted through the API")
        authority.require_grant(role)
    with wish.refusals():
        made = provision.create_user(
            account,
            wanted.email,
            first_name=wanted.first_name,
            last_name=wanted.last_name,
            password=wanted.password,
            checks_password=checks_password,
            roles=wanted.roles,
        )
    return user_json(people(authority.organization).get(pk=made.user.pk), made.secret)


def change_user(request: Request, authority: Authority, user: User) -> dict[str, Any]:
    """The JSON of the user after the change that the request asks for."""
    body = json_object(request.data)
    authority.require_over(user)
    active = wish.activity(body, request.query_params)
    if wish.permanently(body, request.query_params):
        if active is not False:
            raise BadRequest("permanent goes with active: false only")
        authority.require_other(user)
        gone = {**user_json(user), "active": False, "enabled": False}
        access.remove_user(user)
        return gone
    if active is False:
        authority.require_other(user)
    wish.change_person(user, body)
    with wish.refusals():
        provision.save_user(user)
    if active is not None:
        access.set_user_active(user, active)
    return user_json(user)


def _role(key: str) -> Role:
    """Raises BadRequest for a role that doesn't exist."""
    if key not in CATALOGUE:
        raise BadRequest(f"{key[:100]} is not a role: there are {', '.join(CATALOGUE)}")
    return CATALOGUE[key]


def _not_held(role: Role) -> NotFound:
    return NotFound(f"the user does not have the role {role.key}")
