"""Reads what a caller wants an instance to be out of a request's body (hostile JSON)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from accounts.reach import Reach
from api.errors import BadRequest
from api.fields import flag, mapping, text, texts
from elements import catalogue
from elements.types import Element
from instances import configuration as keys
from instances.naming import LONGEST_NAME, plain
from instances.provision import Consent, Wish

LONGEST_CODE = 4_096  # characters
LONGEST_TOKEN = 16_384  # characters
LONGEST_RAW_NAME = 2_000  # characters, before HTML tags are taken out
MOST_TAGS = 100
OTHER_ACCOUNT = "allowOtherAccount"


def element_of(reach: Reach, body: Mapping[str, Any], addressed: str | None) -> Element:
    """The element that a new instance is of: named in the path, in the body, or in both alike.

    Raises BadRequest naming the path, and ElementNotFound.
    """
    named = mapping(body, "element")
    key = named.get("key")
    if key is None:
        key = named.get("id")
    if key is None:
        if addressed is None:
            raise BadRequest("element.key is missing")
        return _element(addressed, reach)
    if isinstance(key, bool) or not isinstance(key, str | int):
        raise BadRequest("element.key must be a string, or element.id a number")
    element = _element(key, reach)
    if addressed is not None and _element(addressed, reach).key != element.key:
        raise BadRequest("element.key is not the element that the path names")
    return element


def _element(key: str | int, reach: Reach) -> Element:
    return catalogue.find(key, reach.organization.pk, reach.account_id)


def to_create(body: Mapping[str, Any]) -> Wish:
    """The wish of POST /instances. Raises BadRequest naming the path."""
    if body.get(OTHER_ACCOUNT) is not None:
        raise BadRequest(f"{OTHER_ACCOUNT}: a new instance takes any account")
    return Wish(
        name=_name(body),
        tags=_tags(body),
        configuration=keys.given(mapping(body, "configuration")),
        consent=_consent(body),
    )


def to_change(body: Mapping[str, Any], *, replace: bool) -> Wish:
    """The wish of PUT (`replace`) and PATCH: what is absent stays. Raises BadRequest."""
    has_configuration = body.get("configuration") is not None
    return Wish(
        name=_name(body) if body.get("name") is not None else None,
        tags=_tags(body),
        configuration=keys.given(mapping(body, "configuration")) if has_configuration else None,
        replace_configuration=replace,
        consent=_consent_again(body),
    )


# What providerData may hold: `state` comes with the redirect and says nothing to the provider.
USED = frozenset({"code", "state"})
PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]{1,50}")  # that a header may hold


def unused(body: Mapping[str, Any]) -> str:
    """Return what of a request has no effect, as a sentence for Elements-Error; empty: nothing."""
    given = {
        name: [key for key, value in mapping(body, name).items() if value not in (None, "", False)]
        for name in ("providerData", "configuration")
    }
    names = [
        f"providerData.{key if PLAIN_NAME.fullmatch(key) else '?'}"
        for key in given["providerData"]
        if key not in USED
    ]
    names += [f"configuration.{key}" for key in given["configuration"] if key == "debug"]
    return f"not used: {', '.join(names[:10])}" if names else ""


def _name(body: Mapping[str, Any]) -> str:
    name = plain(text(body, "name", required=True, longest=LONGEST_RAW_NAME))
    if not name:
        raise BadRequest("name: nothing is left of it without HTML tags")
    return _short(name, "name")


def _tags(body: Mapping[str, Any]) -> list[str] | None:
    written = texts(body, "tags", longest=LONGEST_RAW_NAME, most=MOST_TAGS)
    if written is None:
        return None
    tags = (_short(plain(tag), f"tags[{index}]") for index, tag in enumerate(written))
    return list(dict.fromkeys(tag for tag in tags if tag))


def _short(value: str, path: str) -> str:
    if len(value) > LONGEST_NAME:
        raise BadRequest(f"{path} has {len(value)} characters; {LONGEST_NAME} are allowed")
    return value


def _consent_again(body: Mapping[str, Any]) -> Consent:
    consent = _consent(body)
    other_account = flag(body, OTHER_ACCOUNT)
    if other_account and not consent.given:
        raise BadRequest(
            f"{OTHER_ACCOUNT}: goes with providerData.code, or with tokens and "
            "externalAuthentication initial"
        )
    return replace(consent, other_account=other_account)


def _consent(body: Mapping[str, Any]) -> Consent:
    """A masked token, as clients write it back, is none."""
    provider_data = mapping(body, "providerData")
    code = text(provider_data, "code", at="providerData", longest=LONGEST_CODE)
    how = text(body, "externalAuthentication").lower()
    if how not in {"", "none", "initial"}:
        raise BadRequest("externalAuthentication must be initial or none")
    if code:
        return Consent(code=code)
    if how != "initial":
        return Consent()
    configuration = mapping(body, "configuration")
    access, refresh = (
        text(configuration, key, at="configuration", longest=LONGEST_TOKEN)
        for key in (keys.USER_TOKEN, keys.REFRESH_TOKEN)
    )
    return Consent(
        external=True,
        access_token="" if access == keys.MASK else access,
        refresh_token="" if refresh == keys.MASK else refresh,
    )
