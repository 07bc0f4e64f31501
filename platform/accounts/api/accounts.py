"""/accounts: the parts of an organization, their users and their settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

import ceql
from accounts import access, schema
from accounts.api import wish
from accounts.api.authority import Authority, authority_of, changing, no_user
from accounts.api.representation import account_json, user_json
from accounts.api.users import FIELDS as PERSON_FIELDS
from accounts.api.users import change_user, make_user
from accounts.models import Account, User
from accounts.provision import ExternalIdTaken, save_account
from accounts.roles import Rank
from api import where
from api.errors import Forbidden, NotFound
from api.fields import flag, json_object
from api.paging import page_of
from api.schema import NUMBER, PAGED, WHERE, documented, listed, query

FIELDS = {
    "id": where.number("id"),
    "name": where.text("name"),
    "description": where.text("description"),
    "externalId": where.text("external_id"),
    "active": where.flag("active"),
    "defaultAccount": where.flag("is_default"),
    "type": where.choice("is_default", {"Default": True, "CompanyAccount": False}),
    "createdDate": where.date("created_at"),
    "updatedDate": where.date("updated_at"),
}


class AccountsView(APIView):
    @documented(
        "List the accounts",
        description="An administrator of the organization sees all of them, one of an account "
        "sees that one. Those that are switched off are left out, unless `where` asks for "
        f"`active`. `where` may name {', '.join(FIELDS)}.",
        answer=listed(schema.ACCOUNT),
        example=[schema.ACCOUNT_EXAMPLE],
        pages=PAGED,
        parameters=[
            WHERE,
            query("offset", "how many accounts to pass over; `nextPage` wins", NUMBER, example=0),
        ],
    )
    def get(self, request: Request) -> Response:
        authority = authority_of(request)
        authority.require(Rank.ACCOUNT)
        clause = request.query_params.get("where", "")
        rows = where.narrowed(authority.accounts(), clause, FIELDS)
        if not _asks_for(clause, "active"):
            rows = rows.filter(active=True)
        listing = page_of(request, rows.order_by("pk"), offset_name="offset")
        return Response([account_json(row) for row in listing.rows], headers=listing.headers)

    @documented(
        "Make an account",
        description="`name` and `description` default to `externalId`. An external id that "
        "another active account has is a 409.",
        request=schema.ACCOUNT_WANTED,
        request_example={"externalId": "customer-7", "name": "A customer"},
        answer=schema.ACCOUNT,
        example=schema.ACCOUNT_EXAMPLE,
        errors=[409],
    )
    def post(self, request: Request) -> Response:
        authority = authority_of(request)
        authority.require(Rank.ORGANIZATION)
        body = json_object(request.data)
        account = wish.new_account(body)
        account.organization = authority.organization
        account.active = flag(body, "active", default=True)
        with wish.refusals():
            save_account(account)
        return Response(account_json(account))


class AccountView(APIView):
    @documented("Read an account", answer=schema.ACCOUNT, example=schema.ACCOUNT_EXAMPLE)
    def get(self, request: Request, account_id: str) -> Response:
        return Response(account_json(authority_of(request).account(account_id)))

    @documented(
        "Change an account",
        description="What is absent stays. `active: false` takes the access of all its users "
        "and stops polling what they connected.",
        request=schema.ACCOUNT_CHANGE,
        request_example={"name": "Another name"},
        answer=schema.ACCOUNT,
        example=schema.ACCOUNT_EXAMPLE,
        errors=[409],
    )
    def patch(self, request: Request, account_id: str) -> Response:
        body = json_object(request.data)
        with changing(request) as authority:
            account = _to_change(authority, account_id)
            wish.change_account(account, body)
            active = wish.activity(body, {})
            with wish.refusals():
                save_account(account)
            if active is not None:
                _switch(authority, account, active)
        return Response(account_json(account))

    @documented(
        "Switch an account off",
        description="It stays readable by its id, with `active: false`, and its external id is "
        "free. The default account stays, and so does the caller's own.",
    )
    def delete(self, request: Request, account_id: str) -> Response:
        with changing(request) as authority:
            _switch(authority, _to_change(authority, account_id), active=False)
        return Response()


class AccountUsersView(APIView):
    @documented(
        "List the users of an account",
        description="None is a 404 with the message `No users found`. `where` may name the same "
        "as in `GET /users`.",
        answer=listed(schema.USER),
        example=[schema.USER_EXAMPLE],
        pages=PAGED,
        parameters=[WHERE],
    )
    def get(self, request: Request, account_id: str) -> Response:
        authority = authority_of(request)
        rows = authority.users().filter(account=authority.account(account_id))
        rows = where.narrowed(rows, request.query_params.get("where", ""), PERSON_FIELDS)
        listing = page_of(request, rows.order_by("pk"))
        if not listing.rows:
            raise NotFound("No users found")
        return Response([user_json(row) for row in listing.rows], headers=listing.headers)

    @documented(
        "Make a user of an account",
        description="The answer holds the user's `secret`, this once. The password policy is "
        "not asked here.",
        request=schema.USER_WANTED,
        request_example=schema.USER_WANTED_EXAMPLE,
        answer=schema.USER_WITH_SECRET,
        example=schema.USER_WITH_SECRET_EXAMPLE,
        errors=[409],
    )
    def post(self, request: Request, account_id: str) -> Response:
        body = json_object(request.data)
        with changing(request) as authority:
            account = authority.account(account_id)
            return Response(make_user(authority, account, body, checks_password=False))


class AccountUserView(APIView):
    @documented("Read a user of an account", answer=schema.USER, example=schema.USER_EXAMPLE)
    def get(self, request: Request, account_id: str, user: str) -> Response:
        return Response(user_json(_user_of(authority_of(request), account_id, user)))

    @documented(
        "Change a user of an account",
        description="As `PATCH /users/{user}`.",
        request=schema.USER_CHANGE,
        request_example={"firstName": "New"},
        answer=schema.USER,
        example=schema.USER_EXAMPLE,
        parameters=schema.SWITCHES,
        errors=[409],
    )
    def patch(self, request: Request, account_id: str, user: str) -> Response:
        with changing(request) as authority:
            found = _user_of(authority, account_id, user)
            return Response(change_user(request, authority, found))


class OwnSettingsView(APIView):
    @documented(
        "Read the settings of the own account",
        answer=schema.SETTINGS,
        example=schema.SETTINGS_EXAMPLE,
    )
    def get(self, request: Request) -> Response:
        return Response(_settings_json(_own_account(authority_of(request))))

    @documented(
        "Change the settings of the own account",
        description="What happens to notifications whose delivery fails: `retry` tries again "
        "nine times over three days, `queue` keeps them until somebody asks for them.",
        request=schema.SETTINGS_CHANGE,
        request_example=schema.SETTINGS_EXAMPLE,
        answer=schema.SETTINGS,
        example=schema.SETTINGS_EXAMPLE,
    )
    def patch(self, request: Request) -> Response:
        authority = authority_of(request)
        authority.require(Rank.ACCOUNT)
        return Response(_with_settings(_own_account(authority), json_object(request.data)))


class SettingsView(APIView):
    @documented(
        "Read the settings of an account",
        answer=schema.SETTINGS,
        example=schema.SETTINGS_EXAMPLE,
    )
    def get(self, request: Request, account_id: str) -> Response:
        return Response(_settings_json(authority_of(request).account(account_id)))

    @documented(
        "Write the settings of an account",
        description="The same as PATCH: what is absent stays.",
        request=schema.SETTINGS_CHANGE,
        request_example=schema.SETTINGS_EXAMPLE,
        answer=schema.SETTINGS,
        example=schema.SETTINGS_EXAMPLE,
    )
    def post(self, request: Request, account_id: str) -> Response:
        account = authority_of(request).account(account_id)
        return Response(_with_settings(account, json_object(request.data)))

    @documented(
        "Change the settings of an account",
        description="What is absent stays.",
        request=schema.SETTINGS_CHANGE,
        request_example=schema.SETTINGS_EXAMPLE,
        answer=schema.SETTINGS,
        example=schema.SETTINGS_EXAMPLE,
    )
    def patch(self, request: Request, account_id: str) -> Response:
        return self.post(request, account_id)


def _asks_for(clause: str, field: str) -> bool:
    """Whether the clause names the field."""
    named = ceql.fields_of(ceql.parse(clause)) if clause.strip() else ()
    return any(one.lower() == field for one in named)


def _to_change(authority: Authority, account_id: str) -> Account:
    """Accounts belong to the organization: whoever administers one alone doesn't change it."""
    authority.require(Rank.ORGANIZATION)
    return authority.account(account_id)


def _switch(authority: Authority, account: Account, active: bool) -> None:
    if not active and account.is_default:
        raise Forbidden("the default account of an organization stays active")
    if not active and account.pk == authority.user.account_id:
        raise Forbidden("nobody may take away the own access: another administrator can")
    try:
        with transaction.atomic():
            access.set_account_active(account, active)
    except IntegrityError as error:
        with wish.refusals():
            raise ExternalIdTaken(account.external_id) from error


def _own_account(authority: Authority) -> Account:
    account = authority.user.account
    return account if account is not None else authority.organization.default_account


def _user_of(authority: Authority, account_id: str, named: str) -> User:
    account = authority.account(account_id)
    found = authority.person(named)
    if found.account_id != account.pk:
        raise no_user(named)
    return found


def _settings_json(account: Account) -> dict[str, Any]:
    return {wish.FAILURE_POLICY: account.failure_policy}


def _with_settings(account: Account, body: Mapping[str, Any]) -> dict[str, Any]:
    policy = wish.failure_policy(body)
    if policy is not None:
        account.failure_policy = policy
        with transaction.atomic():
            account.save(update_fields=["failure_policy", "updated_at"])
    return _settings_json(account)
