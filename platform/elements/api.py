"""The catalogue and the authorization URL. Nobody has to say who they are here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.schema import TEXT, WHOLE, documented, listed
from elements import schema
from elements.authorization import authorization_url, fault_of_callback_url
from elements.catalogue import all_elements, find
from elements.errors import ParameterError
from elements.presentation import configuration_body, element_body, metadata_body

LONGEST_PARAMETER = 4_000  # characters


class CatalogueView(APIView):
    permission_classes = [AllowAny]


class ElementsView(CatalogueView):
    @documented(
        "List the elements",
        answer=listed(schema.ELEMENT),
        example=[schema.ELEMENT_EXAMPLE],
        pages=WHOLE,
    )
    def get(self, request: Request) -> Response:
        elements = [element_body(element) for element in all_elements()]
        return _list(elements)


class KeysView(CatalogueView):
    @documented("List the elements' keys", answer=listed(TEXT), example=["gmail"], pages=WHOLE)
    def get(self, request: Request) -> Response:
        return _list([element.key for element in all_elements()])


class ElementView(CatalogueView):
    @documented("Read an element", answer=schema.ELEMENT, example=schema.ELEMENT_EXAMPLE)
    def get(self, request: Request, key_or_id: str) -> Response:
        return Response(element_body(find(key_or_id)))


class ConfigurationView(CatalogueView):
    @documented(
        "Read what an element asks of its instances",
        answer=schema.ELEMENT_CONFIGURATION,
        example={"configuration": [schema.FIELD_EXAMPLE]},
    )
    def get(self, request: Request, key_or_id: str) -> Response:
        return Response({"configuration": configuration_body(find(key_or_id))})


class AllMetadataView(CatalogueView):
    @documented(
        "List what the elements offer",
        answer=listed(schema.METADATA),
        example=[schema.METADATA_EXAMPLE],
        parameters=[schema.EXPAND],
        pages=WHOLE,
    )
    def get(self, request: Request) -> Response:
        expand = _expand(request)
        return _list([metadata_body(element, expand=expand) for element in all_elements()])


class MetadataView(CatalogueView):
    @documented(
        "Read what an element offers",
        answer=schema.METADATA,
        example=schema.METADATA_EXAMPLE,
        parameters=[schema.EXPAND],
    )
    def get(self, request: Request, key_or_id: str) -> Response:
        return Response(metadata_body(find(key_or_id), expand=_expand(request)))


class OAuthUrlView(CatalogueView):
    """`apiKey` and `callbackUrl`, and if wanted `state` and `scope`. `apiSecret` is not used."""

    @documented(
        "Make the address where the account's owner gives consent",
        answer=schema.OAUTH_URL,
        example=schema.OAUTH_URL_EXAMPLE,
        parameters=[schema.API_KEY, schema.CALLBACK_URL, schema.STATE, schema.SCOPE],
    )
    def get(self, request: Request, key_or_id: str) -> Response:
        return self._answer(key_or_id, request.query_params.dict())

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
        body = request.data
        if not isinstance(body, dict):
            raise ParameterError("body", "must be a JSON object with apiKey and callbackUrl")
        return self._answer(key_or_id, {**request.query_params.dict(), **body})

    def _answer(self, key_or_id: str, given: Mapping[str, Any]) -> Response:
        element = find(key_or_id)
        parameters = {
            name: _text(given, name) for name in ("apiKey", "callbackUrl", "state", "scope")
        }
        missing = [name for name in ("apiKey", "callbackUrl") if not parameters[name]]
        if missing:
            raise ParameterError(
                " and ".join(missing),
                "missing; apiKey is the client id of your application at the provider, "
                "callbackUrl its redirect URI",
            )
        if fault := fault_of_callback_url(parameters["callbackUrl"]):
            raise ParameterError("callbackUrl", fault)
        url = authorization_url(
            element,
            parameters["apiKey"],
            parameters["callbackUrl"],
            scopes=parameters["scope"].split() or None,
            state=parameters["state"] or None,
        )
        return Response({"element": element.key, "oauthUrl": url})


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ParameterError(name, "must be text")
    text = str(value).strip()
    if len(text) > LONGEST_PARAMETER:
        raise ParameterError(name, f"must not be longer than {LONGEST_PARAMETER} characters")
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ParameterError(name, "must not hold null characters or lone surrogates")
    return text


def _expand(request: Request) -> bool:
    return request.query_params.get("expand", "").lower() == "true"


def _list(records: list[Any]) -> Response:
    count = str(len(records))
    return Response(
        records, headers={"Elements-Returned-Count": count, "Elements-Total-Count": count}
    )
