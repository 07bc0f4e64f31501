"""/hubs/{hub}/{resource} and the short form /{resource}: one call on one instance.

The {hub} segment is ignored: the Element token says which element is meant.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.utils import timezone
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from api.authentication import Caller
from api.errors import Conflict, NotFound
from api.paging import whole_list
from api.permissions import IsElementCaller
from api.schema import PAGED, WHOLE, Method, documented
from api.timestamp import timestamp
from elements import catalogue, docs, run
from elements.calls import Call
from elements.schema import SWAGGER, SWAGGER_EXAMPLE
from elements.types import Element, Field, Match, Operation, Place, Resource
from hubs import listing, paging, schema
from hubs.selection import Selection, selection
from instances import configuration as keys
from instances.models import ElementInstance
from instances.session import account_of
from instances.view import ElementTokenView
from transport import sync
from transport.types import Account

PAGING_PARAMETERS = frozenset({"pageSize", "page", "nextPage"})
OF_THE_PROVIDER: tuple[int | str, ...] = ("4XX", 404, 405, 502)
NEEDS = IsElementCaller.needs
READING = """
The Element token says which instance is asked; what stands in the place of the hub is not looked
at. GET /elements/{key}/docs describes each resource of an element, with its own parameters.
"""


class HubCallView(ElementTokenView):
    """A view on the Element token's instance."""

    def target(self, request: Request) -> tuple[ElementInstance, Element]:
        instance = self.instance(request)
        return instance, keys.element_of(instance)


def written(summary: str) -> Callable[[Method], Method]:
    """As `documented`, for a method with a body, of which only the element knows the shape."""
    return documented(
        summary,
        request=schema.BODY,
        request_example=schema.BODY_EXAMPLE,
        answer=schema.EMPTY_OR_ANSWER,
        example=schema.LIST_EXAMPLE[0],
        errors=OF_THE_PROVIDER,
        needs=NEEDS,
    )


class OperationView(HubCallView):
    """One operation of the element, at whichever path and by whichever method it has."""

    http_method_names = ["get", "post", "put", "patch", "delete", "head"]

    @property
    def largest_body(self) -> int:
        """Bytes: mails with their files are sent through here."""
        return int(settings.HUB_BODY_LIMIT)

    def get_permissions(self) -> list[BasePermission]:
        if "hub" not in self.kwargs and not _may_exist(self.request, self.kwargs["path"]):
            raise NotFound("there is nothing at this address")
        return [IsElementCaller()]

    @documented(
        "Read a resource of the element instance: a list, or one record",
        description=READING,
        answer=schema.ANSWER,
        example=schema.LIST_EXAMPLE,
        parameters=[schema.WHERE, schema.FIELDS, schema.ORDER_BY, schema.PAGE_SIZE],
        pages=PAGED,
        errors=OF_THE_PROVIDER,
        needs=NEEDS,
    )
    def get(self, request: Request, path: str, hub: str = "") -> Response:
        return self._answer(request, path)

    @written("Create a record, or do something with one")
    def post(self, request: Request, path: str, hub: str = "") -> Response:
        return self._answer(request, path)

    @written("Replace a record")
    def put(self, request: Request, path: str, hub: str = "") -> Response:
        return self._answer(request, path)

    @written("Change a record")
    def patch(self, request: Request, path: str, hub: str = "") -> Response:
        return self._answer(request, path)

    @documented("Delete a record", errors=OF_THE_PROVIDER, needs=NEEDS)
    def delete(self, request: Request, path: str, hub: str = "") -> Response:
        return self._answer(request, path)

    def _answer(self, request: Request, path: str) -> Response:
        instance, element = self.target(request)
        if element.fault:
            raise Conflict(element.fault)
        match = self._match(element, request, f"/{path.rstrip('/')}")
        account = account_of(self.enabled_instance(request))
        configuration = keys.effective(instance)
        call = Call(
            configuration,
            query=_query(request),
            path=match.path,
            headers=_headers(match.operation, request),
            body=_body(request) if match.operation.takes_body else None,
        )
        chosen = selection(call.query, match.operation)
        clean = _without_nulls if _drops_nulls(configuration) else _as_it_is
        if match.operation.listing:
            return self._page(request, instance, match, call, account, chosen, clean)
        answer = sync.run(run.answer_steps(match.operation, call), account)
        return Response() if answer is None else Response(clean(chosen.shown(answer)))

    def _match(self, element: Element, request: Request, path: str) -> Match:
        method = "GET" if request.method == "HEAD" else str(request.method)
        match = element.match(method, path)
        if match is not None:
            return match
        methods = element.methods(path)
        if methods:
            self.headers["Allow"] = ", ".join(methods)
            raise MethodNotAllowed(method)
        raise NotFound(f"{element.name} has no resource at {path[:200]}")

    def _page(
        self,
        request: Request,
        instance: ElementInstance,
        match: Match,
        call: Call,
        account: Account,
        chosen: Selection,
        clean: Callable[[Any], Any],
    ) -> Response:
        operation = match.operation
        wanted = paging.wanted(request.query_params, operation, instance.pk)
        page = listing.page_of(operation, call, account, wanted, chosen)
        headers = {"Elements-Returned-Count": str(len(page.records))}
        if page.total is not None:
            headers["Elements-Total-Count"] = str(page.total)
        elif not page.next_token and not wanted.token and wanted.page == 1:
            headers["Elements-Total-Count"] = str(len(page.records))
        if page.next_token:
            headers["Elements-Next-Page-Token"] = paging.sealed(
                page.next_token, operation, instance.pk
            )
        if wanted.altered:
            headers["Elements-Error"] = wanted.altered
        return Response(clean([chosen.shown(one) for one in page.records]), headers=headers)


class ObjectsView(HubCallView):
    """The names of what the element offers; answered for a disabled instance too."""

    @documented(
        "List the names of the element's resources",
        answer=schema.OBJECTS,
        example=["messages", "labels"],
        parameters=[schema.VERSION],
        pages=WHOLE,
    )
    def get(self, request: Request, **path: str) -> Response:
        _, element = self.target(request)
        names = [resource.name for resource in element.resources if resource.operations]
        if request.headers.get("Elements-Version", "").strip().lower() != "helium":
            return whole_list(names)
        return whole_list([{"name": name, "vendorName": name, "type": "vendor"} for name in names])


class ObjectView(HubCallView):
    """A view on what one resource is; answered for a disabled instance too."""

    def described(self, request: Request, name: str) -> tuple[Element, Resource]:
        """Raises NotFound when the element has no such resource."""
        _, element = self.target(request)
        resource = element.resource(name)
        if resource is None:
            raise NotFound(f"No object found with name {name[:100]}")
        return element, resource


class ObjectMetadataView(ObjectView):
    @documented(
        "Read which fields the records of a resource have",
        answer=schema.OBJECT_METADATA,
        example=schema.OBJECT_METADATA_EXAMPLE,
    )
    def get(self, request: Request, name: str, **path: str) -> Response:
        _, resource = self.described(request, name)
        return Response({"fields": [_field_json(one, resource) for one in resource.fields]})


class ObjectDocsView(ObjectView):
    @documented(
        "Read a resource's description in Swagger 2.0",
        answer=SWAGGER,
        example=SWAGGER_EXAMPLE,
    )
    def get(self, request: Request, name: str, **path: str) -> Response:
        element, resource = self.described(request, name)
        return Response(docs.of(element, resource, host=request.get_host()))


class PingView(HubCallView):
    """Asks the provider for the element's single record, to see that it answers."""

    @documented(
        "Ask whether the provider answers",
        answer=schema.PING,
        example=schema.PING_EXAMPLE,
        errors=OF_THE_PROVIDER,
    )
    def get(self, request: Request, **path: str) -> Response:
        instance, element = self.target(request)
        account = account_of(self.enabled_instance(request))
        if element.single_record is not None:
            sync.run(
                run.answer_steps(element.single_record, Call(keys.effective(instance))), account
            )
        return Response({"dateTime": timestamp(timezone.now()), "endpoint": element.key})


def _field_json(field: Field, resource: Resource) -> dict[str, Any]:
    own = (resource.root, f"{resource.root}/{{id}}")
    methods = sorted({one.method for one in resource.operations if one.path in own} - {"DELETE"})
    return {
        "type": field.type,
        "vendorPath": field.name,
        "vendorDisplayName": field.description or field.name,
        "vendorNativeType": field.type,
        "vendorRequired": field.required,
        "vendorReadOnly": field.read_only,
        "hidden": False,
        "method": [
            {
                "name": method,
                "request": method != "GET" and not field.read_only,
                "response": True,
            }
            for method in methods
        ],
    }


def _may_exist(request: Request, path: str) -> bool:
    """Whether a short path may be a resource: of the caller's element, or of any for nobody's."""
    caller = request.auth
    if isinstance(caller, Caller) and caller.instance is not None:
        return True
    return any(element.methods(f"/{path.rstrip('/')}") for element in catalogue.all_elements())


def _headers(operation: Operation, request: Request) -> dict[str, str]:
    """The request's headers that the operation declares, names in lower case."""
    names = [one.name for one in operation.parameters if one.place == Place.HEADER]
    return {name.lower(): request.headers[name] for name in names if name in request.headers}


def _body(request: Request) -> Any:
    """The JSON body; None when there is none."""
    return request.data if request.META.get("CONTENT_LENGTH") not in (None, "", "0") else None


def _query(request: Request) -> dict[str, str]:
    return {
        name: ",".join(request.query_params.getlist(name))
        for name in request.query_params
        if name not in PAGING_PARAMETERS
    }


def _drops_nulls(configuration: dict[str, str]) -> bool:
    return configuration.get("filter.response.nulls", "true").strip().lower() != "false"


def _as_it_is(value: Any) -> Any:
    return value


def _without_nulls(value: Any) -> Any:
    """The value without fields that are null, at any depth."""
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value
