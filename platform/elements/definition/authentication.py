"""Reads how an element's accounts authenticate: `authentication`, and the entries beside it."""

from __future__ import annotations

from collections.abc import Mapping

from elements import standard
from elements.definition import addresses
from elements.definition.reading import Part
from elements.errors import ConfigurationError
from elements.types import ApiKey, Authentication, Basic, ConfigurationField, OAuth2, Setting

TYPES = ("oauth2", "basic", "apiKey")
MOST_PARAMETERS = 20
# What the platform itself says in an authorization URL (RFC 6749 section 4.1.1, RFC 7636).
OWN_PARAMETERS = frozenset(
    {
        "scope",
        "response_type",
        "redirect_uri",
        "state",
        "client_id",
        "client_secret",
        "code_challenge",
        "code_challenge_method",
    }
)


def kind_of(part: Part) -> type[Authentication]:
    """Raises ConfigurationError for one that is not supported."""
    word = part.word("type", TYPES, required=True)
    return {"oauth2": OAuth2, "basic": Basic, "apiKey": ApiKey}[word]


def authentication(part: Part, fields: Mapping[str, ConfigurationField]) -> Authentication:
    """From the object `authentication` and the configuration. Raises ConfigurationError."""
    kind = kind_of(part)
    if kind is Basic:
        return Basic()
    if kind is ApiKey:
        return _api_key(part)
    return OAuth2(
        authorization_url=required_address(fields, standard.AUTHORIZATION_URL),
        token_url=required_address(fields, standard.TOKEN_URL, secret=True),
        revoke_url=configured_address(fields, standard.REVOKE_URL, secret=True),
        scopes=scopes(fields),
        authorization_parameters=_parameters(part.part("parameters")),
        pkce=part.flag("pkce", default=True),
        refresh_url=refresh_address(fields),
    )


def _api_key(part: Part) -> ApiKey:
    name = part.text("header", default="Authorization") or "Authorization"
    if name.lower() != "authorization":
        addresses.header(name, part.at("header"))
    prefix = part.value.get("prefix")
    if prefix is None:
        return ApiKey(name)
    # Not stripped: the blank at its end counts.
    if not isinstance(prefix, str) or len(prefix) > 100:
        part.refuse("prefix", "must be a string of at most 100 characters")
    if addresses.PRINTABLE.fullmatch(prefix) is None:
        part.refuse("prefix", "must be printable ASCII: it is sent in a header")
    return ApiKey(name, prefix)


def _parameters(part: Part) -> tuple[tuple[str, str], ...]:
    if len(part.value) > MOST_PARAMETERS:
        raise ConfigurationError(part.path, f"has more than {MOST_PARAMETERS} entries")
    found = []
    for name in part.value:
        if name.lower() in OWN_PARAMETERS:
            part.refuse(name, "the platform says this itself")
        if not name.strip() or len(name) > 100:
            raise ConfigurationError(part.path, "a name must have 1 to 100 characters")
        found.append((name, part.text(name)))
    return tuple(found)


def scopes(fields: Mapping[str, ConfigurationField]) -> tuple[str, ...]:
    field = fields.get(standard.SCOPE)
    return tuple((field.default or "").replace(",", " ").split()) if field is not None else ()


def configured_address(
    fields: Mapping[str, ConfigurationField], key: str, *, secret: bool = False
) -> Setting | None:
    """The address that is an entry's default; None where there is none."""
    field = fields.get(key)
    value = (field.default or "").strip() if field is not None else ""
    return addresses.address(value, where(key), secret=secret) if value else None


def required_address(
    fields: Mapping[str, ConfigurationField], key: str, *, secret: bool = False
) -> Setting:
    found = configured_address(fields, key, secret=secret)
    if found is None:
        raise ConfigurationError(where(key), "is missing: configuration must have it as a default")
    return found


def refresh_address(fields: Mapping[str, ConfigurationField]) -> Setting | None:
    """Where tokens are renewed; None where that is the token address."""
    found = configured_address(fields, standard.REFRESH_URL, secret=True)
    same = configured_address(fields, standard.TOKEN_URL, secret=True)
    return None if found == same else found


def where(key: str) -> str:
    """The path of an entry's default, by its key rather than its place."""
    return f"configuration.{key}.defaultValue"
