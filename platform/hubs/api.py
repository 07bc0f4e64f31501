"""/hubs/{hub}/{resource} and the short form /{resource}: one call on one instance.

The {hub} segment is ignored: the Element token says which element is meant.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.utils import timezone
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.authentication import Caller
from api.errors import Forbidden, NotFound
from api.paging import whole_list
from api.permissions import IsElementCaller
from elements import catalogue
from elements.types import Call, Element, Page, Resource
from hubs import paging, run
from instances import configuration as keys
from instances.models import ElementInstance
from instances.representation import moment
from instances.session import account_of
from transport import sync
from transport.types import Account

PAGING_PARAMETERS = frozenset({"pageSize", "page", "nextPage"})


class HubView(APIView):
    """A view on the Element token's instance."""

    permission_classes = [IsElementCaller]

    def finalize_response(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response = super().finalize_response(request, *args, **kwargs)
        caller = getattr(request, "auth", None)
        if isinstance(caller, Caller) and caller.instance is not None:
            response["Elements-Element-Instance-Id"] = str(caller.instance.pk)
        return response

    def target(self, request: Request) -> tuple[ElementInstance, Element]:
        caller = request.auth
        assert isinstance(caller, Caller)  # noqa: S101 - IsElementCaller
        assert caller.instance is not None  # noqa: S101 - IsElementCaller
        return caller.instance, catalogue.find(caller.instance.element_key)


class ResourceView(HubView):
    def get_permissions(self) -> list[BasePermission]:
        if "hub" not in self.kwargs and not _known(self.kwargs["resource"]):
            raise NotFound("there is nothing at this address")
        return [IsElementCaller()]

    def get(self, request: Request, resource: str, **path: str) -> Response:
        instance, element = self.target(request)
        found = _resource_of(element, resource)
        account = _account(instance)
        configuration = keys.effective(instance)
        call = Call(configuration, query=_query(request), object_id=path.get("object_id", ""))
        clean = _without_nulls if _drops_nulls(configuration) else _as_it_is
        if call.object_id:
            if not found.readable and found.get_steps is None:
                raise NotFound(f"{found.name} cannot be read by id")
            return Response(clean(sync.run(run.get_steps(found, call), account)))
        if not found.root_key and found.list_steps is None:
            page = sync.run(run.list_steps(found, call), account)
            return Response(clean(page.records[0]))
        return self._page(request, instance, found, call, account, clean)

    def _page(
        self,
        request: Request,
        instance: ElementInstance,
        resource: Resource,
        call: Call,
        account: Account,
        clean: Callable[[Any], Any],
    ) -> Response:
        wanted = paging.wanted(request.query_params, resource, instance.pk)
        vendor_pages = resource.paging is not None or resource.list_steps is not None
        fetch = _vendor_page if vendor_pages else _own_page
        page = fetch(resource, call, account, wanted)
        headers = {"Elements-Returned-Count": str(len(page.records))}
        if page.total is not None:
            headers["Elements-Total-Count"] = str(page.total)
        elif not page.next_token and not wanted.token and wanted.page == 1:
            headers["Elements-Total-Count"] = str(len(page.records))
        if page.next_token:
            headers["Elements-Next-Page-Token"] = paging.sealed(
                page.next_token, resource, instance.pk
            )
        if wanted.altered:
            headers["Elements-Error"] = wanted.altered
        return Response(clean(page.records), headers=headers)


class ObjectsView(HubView):
    """The names of what the element offers; answered for a disabled instance too."""

    def get(self, request: Request, **path: str) -> Response:
        _, element = self.target(request)
        names = [resource.name for resource in element.resources]
        if request.headers.get("Elements-Version", "").strip().lower() != "helium":
            return whole_list(names)
        return whole_list([{"name": name, "vendorName": name, "type": "vendor"} for name in names])


class PingView(HubView):
    """Asks the provider for the element's single record, to see that it answers."""

    def get(self, request: Request, **path: str) -> Response:
        instance, element = self.target(request)
        account = _account(instance)
        if element.single_record is not None:
            sync.run(run.list_steps(element.single_record, Call()), account)
        return Response({"dateTime": moment(timezone.now()), "endpoint": element.key})


def _known(name: str) -> bool:
    return any(element.resource(name) for element in catalogue.all_elements())


def _resource_of(element: Element, name: str) -> Resource:
    resource = element.resource(name)
    if resource is None:
        raise NotFound(f"{element.name} has no resource {name}")
    return resource


def _account(instance: ElementInstance) -> Account:
    """Raises Forbidden for a disabled instance and GrantLost for one that lost its grant."""
    if not instance.enabled:
        raise Forbidden("The element instance is disabled")
    return account_of(instance)


def _query(request: Request) -> dict[str, str]:
    return {
        name: ",".join(request.query_params.getlist(name))
        for name in request.query_params
        if name not in PAGING_PARAMETERS
    }


def _vendor_page(resource: Resource, call: Call, account: Account, wanted: paging.Wanted) -> Page:
    """The page by the vendor's own cursor, which must be walked to reach page n."""
    call = replace(call, page_size=wanted.size, page_token=wanted.token)
    page = sync.run(run.list_steps(resource, call), account)
    for _ in range(wanted.page - 1):
        if not page.next_token:
            return Page([])
        call = replace(call, page_token=page.next_token)
        page = sync.run(run.list_steps(resource, call), account)
    return page


def _own_page(resource: Resource, call: Call, account: Account, wanted: paging.Wanted) -> Page:
    """A page cut out of everything, where the vendor cannot page."""
    records = sync.run(run.list_steps(resource, call), account).records
    start = int(wanted.token) if wanted.token.isdecimal() else (wanted.page - 1) * wanted.size
    end = start + wanted.size
    return Page(
        records[start:end],
        next_token=str(end) if end < len(records) else "",
        total=len(records),
    )


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
