"""Reads what callers want accounts and users to be, out of hostile JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from accounts.models import Account, FailurePolicy, User
from accounts.provision import (
    LONGEST_ADDRESS,
    LONGEST_NAME,
    AccountError,
    AddressTaken,
    ExternalIdTaken,
    checked_name,
    checked_personal_name,
    move_to_address,
    set_password,
)
from accounts.roles import CATALOGUE, Role
from api.errors import BadRequest, Conflict
from api.fields import flag, text

FAILURE_POLICY = "notification.webhook.failure.policy"
LONGEST_DESCRIPTION = 1000  # characters
LONGEST_EXTERNAL_ID = 200  # characters
MOST_ROLES = 20  # in one request


@contextmanager
def refusals() -> Iterator[None]:
    """Turns what accounts.provision refuses into the answer for it: 409 for what is taken."""
    try:
        yield
    except (AddressTaken, ExternalIdTaken) as error:
        raise Conflict(str(error)) from error
    except AccountError as error:
        raise BadRequest(str(error)) from error


@dataclass(frozen=True, slots=True)
class NewPerson:
    email: str
    first_name: str
    last_name: str
    password: str | None = field(repr=False)
    roles: tuple[Role, ...]


def new_person(body: Mapping[str, Any]) -> NewPerson:
    """Raises BadRequest."""
    return NewPerson(
        text(body, "email", required=True, longest=LONGEST_ADDRESS),
        text(body, "firstName"),
        text(body, "lastName"),
        _password(body),
        _roles(body),
    )


def change_person(user: User, body: Mapping[str, Any]) -> None:
    """Puts what is given into the user, unsaved. Raises BadRequest, Conflict."""
    with refusals():
        if body.get("firstName") is not None:
            user.first_name = checked_personal_name("firstName", text(body, "firstName"))
        if body.get("lastName") is not None:
            user.last_name = checked_personal_name("lastName", text(body, "lastName"))
        if body.get("email") is not None:
            move_to_address(user, text(body, "email", required=True, longest=LONGEST_ADDRESS))
        password = _password(body)
        if password is not None and password != "secured":  # noqa: S105 - as it is answered
            set_password(user, password)


def new_account(body: Mapping[str, Any]) -> Account:
    """Unsaved and without its organization. Raises BadRequest."""
    external_id = text(body, "externalId", required=True, longest=LONGEST_EXTERNAL_ID)
    account = Account(external_id=external_id, name=external_id, description=external_id)
    change_account(account, body)
    return account


def change_account(account: Account, body: Mapping[str, Any]) -> None:
    """Puts what is given into the account, unsaved; all but `active`. Raises BadRequest."""
    with refusals():
        if name := text(body, "name", longest=LONGEST_NAME):
            account.name = checked_name(name)
        elif body.get("name") is not None:
            raise BadRequest("name is empty: give a name")
        if body.get("description") is not None:
            account.description = text(body, "description", longest=LONGEST_DESCRIPTION)
        if body.get("externalId") is not None:
            account.external_id = checked_name(
                text(body, "externalId", longest=LONGEST_EXTERNAL_ID), "externalId"
            )


def failure_policy(body: Mapping[str, Any]) -> str | None:
    """The failure policy that account settings ask for; None when they don't."""
    unknown = sorted(set(body) - {FAILURE_POLICY})
    if unknown:
        raise BadRequest(
            f"{unknown[0][:100]} is not a setting of an account; there is {FAILURE_POLICY}"
        )
    if body.get(FAILURE_POLICY) is None:
        return None
    wanted = text(body, FAILURE_POLICY)
    if wanted not in FailurePolicy.values:
        raise BadRequest(f'{FAILURE_POLICY} must be "retry" or "queue"')
    return wanted


def activity(body: Mapping[str, Any], query: Mapping[str, Any]) -> bool | None:
    """What `active` is to be, from the body or the query; None when neither says."""
    given = body if body.get("active") is not None else query
    return flag(given, "active") if given.get("active") is not None else None


def permanently(body: Mapping[str, Any], query: Mapping[str, Any]) -> bool:
    return flag(body if body.get("permanent") is not None else query, "permanent")


def _password(body: Mapping[str, Any]) -> str | None:
    """To the letter, blanks at its ends too."""
    value = body.get("password")
    if value is None:
        return None
    if not isinstance(value, str):
        raise BadRequest("password must be a string")
    if not value:
        raise BadRequest("password is empty; leave it out for a user who only calls the API")
    return value


def _roles(body: Mapping[str, Any]) -> tuple[Role, ...]:
    given = body.get("roles")
    if given is None:
        return ()
    if not isinstance(given, list) or len(given) > MOST_ROLES:
        raise BadRequest('roles must be a short list of role keys, such as ["admin"]')
    found: dict[str, Role] = {}
    for place, item in enumerate(given):
        key = item.get("key") if isinstance(item, dict) else item
        if not isinstance(key, str) or key not in CATALOGUE:
            raise BadRequest(f"roles[{place}] must be one of {', '.join(CATALOGUE)}")
        found[key] = CATALOGUE[key]
    return tuple(found.values())
