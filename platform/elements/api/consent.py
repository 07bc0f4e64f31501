"""Where an account's owner gives consent: the authorization URL."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from api.errors import NotFound
from api.fields import flag, json_object
from api.schema import documented
from elements import schema
from elements.api.view import OpenView, element_of
from elements.application import application_of
from elements.authorization import authorization_url, fault_of_callback_url, oauth2_of
from elements.errors import ParameterError
from elements.interpolation import addressed
from elements.types import Element

LONGEST_PARAMETER = 4_000  # characters
MOST_PARAMETERS = 100
NO_OAUTH1 = "is of OAuth 1, which is not supported"


class OAuthUrlView(OpenView):
    """`apiKey` and `callbackUrl` are needed. `state` comes back with the code; without it that is
    the element's key. `scope` replaces the element's own. What a private element's address has in
    `${…}`, such as `subdomain` or `siteAddress`, is a parameter of that name. `apiSecret` is not
    used.
    """

    @documented(
        "Make the address where the account's owner gives consent",
        answer=schema.OAUTH_URL,
        example=schema.OAUTH_URL_EXAMPLE,
        parameters=[schema.API_KEY, schema.CALLBACK_URL, *schema.CONSENT_PARAMETERS],
    )
    def get(self, request: Request, key_or_id: str) -> Response:
        return self._answer(element_of(request, key_or_id), request.query_params.dict())

    @documented(
        "Make the address where the account's owner gives consent, from a body",
        request=schema.OAUTH_URL_WANTED,
        request_example={
            "apiKey": "client-id",
            "callbackUrl": "https://app.example.com/oauth/callback",
        },
        answer=schema.OAUTH_URL,
        example=schema.OAUTH_URL_EXAMPLE,
    )
    def post(self, request: Request, key_or_id: str) -> Response:
        given = {**request.query_params.dict(), **json_object(request.data)}
        return self._answer(element_of(request, key_or_id), given)

    def _answer(self, element: Element, given: Mapping[str, Any]) -> Response:
        client_id, callback_url = (_text(given, name) for name in ("apiKey", "callbackUrl"))
        return Response(_answer(element, given, client_id, callback_url))


class DefaultOAuthUrlView(OpenView):
    """`POST /instances` without `oauth.api.key` then goes on with the same application."""

    @documented(
        "Make the address for consent to the platform's own application",
        answer=schema.DEFAULT_OAUTH_URL,
        example=schema.DEFAULT_OAUTH_URL_EXAMPLE,
        parameters=[schema.OWN_CALLBACK_URL, *schema.CONSENT_PARAMETERS],
    )
    def get(self, request: Request, key_or_id: str) -> Response:
        element = element_of(request, key_or_id)
        oauth2_of(element)
        application = application_of(element)
        if application is None:
            raise NotFound(
                f"The platform has no application of its own for {element.key}: "
                "use oauth/url with the apiKey of yours"
            )
        given = request.query_params.dict()
        callback_url = _text(given, "callbackUrl") or application.callback_url
        answer = _answer(element, given, application.client_id, callback_url)
        return Response({**answer, "configuration": {"oauth.callback.url": callback_url}})


class OAuthTokenView(OpenView):
    @documented("Ask for a token of OAuth 1: no element uses that", answer=None)
    def get(self, request: Request, key_or_id: str) -> Response:
        element = element_of(request, key_or_id)
        raise ParameterError("element", f"{element.name} does not use OAuth 1: use oauth/url")


def _answer(
    element: Element, given: Mapping[str, Any], client_id: str, callback_url: str
) -> dict[str, str]:
    oauth2_of(element)
    if len(given) > MOST_PARAMETERS:
        raise ParameterError("the request", f"has more than {MOST_PARAMETERS} parameters")
    _refuse_others(given)
    state, scope = _state(given), _text(given, "scope")
    needed = {"apiKey": client_id, "callbackUrl": callback_url}
    missing = [name for name, value in needed.items() if not value]
    if missing:
        raise ParameterError(
            " and ".join(missing),
            "missing; apiKey is the client id of your application at the provider, "
            "callbackUrl its redirect URI",
        )
    if fault := fault_of_callback_url(callback_url):
        raise ParameterError("callbackUrl", fault)
    values = {
        **{field.key: field.default for field in element.configuration if field.default},
        **{name: _text(given, name) for name, value in given.items() if _is_plain(value)},
    }
    url = authorization_url(
        addressed(element, values, at=""),
        client_id,
        callback_url,
        scopes=scope.replace(",", " ").split() or None,
        state=state or None,
    )
    return {"element": element.key, "oauthUrl": url}


def _refuse_others(given: Mapping[str, Any]) -> None:
    """What would be another way of consent than OAuth 2, straight from here to the provider."""
    if given.get("requestToken"):
        raise ParameterError("requestToken", NO_OAUTH1)
    if _text(given, "authentication.type").lower() not in {"", "oauth2"}:
        raise ParameterError("authentication.type", "must be oauth2")
    if flag(given, "isOauthProxy"):
        raise ParameterError("isOauthProxy", "is not supported: callbackUrl must be your own")


def _state(given: Mapping[str, Any]) -> str:
    """Any value: JSON other than a string is written as JSON. It comes back as it is here."""
    value = given.get("state")
    if value is None:
        return ""
    if not isinstance(value, str):
        value = json.dumps(value, separators=(",", ":"))
    return _text({"state": value}, "state", strip=False)


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def _text(given: Mapping[str, Any], name: str, *, strip: bool = True) -> str:
    value = given.get(name)
    if value is None:
        return ""
    if not _is_plain(value):
        raise ParameterError(name, "must be text")
    text = str(value).strip() if strip else str(value)
    if len(text) > LONGEST_PARAMETER:
        raise ParameterError(name, f"must not be longer than {LONGEST_PARAMETER} characters")
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ParameterError(name, "must not hold null characters or lone surrogates")
    return text
