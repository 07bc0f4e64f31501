"""/instances and /elements/{keyOrId}/instances: by id, or without one by the Element token."""

from __future__ import annotations

import dataclasses
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.authentication import Caller, caller_of
from api.errors import NotFound
from api.fields import flag, json_object, text
from api.paging import page_of, whole_list
from api.permissions import IsAnyCaller, IsAuthenticatedCaller, IsElementCaller
from api.schema import AN_OBJECT, PAGED, WHOLE, documented, listed
from api.timestamp import timestamp
from elements import catalogue, docs
from elements.schema import SWAGGER, SWAGGER_EXAMPLE
from instances import configuration as keys
from instances import idempotency, provision, reconnect_link, schema, wish
from instances.models import ElementInstance
from instances.representation import instance_json, objects_json, rows_json
from instances.status import NO_NOTES, notes_of
from instances.view import addressed_instance

LONGEST_SEARCH = 200  # characters
LARGE = ("configuration", "secrets", "tags")  # columns


class InstanceScopedView(APIView):
    """A view on one instance: the one that the path names, else the Element token's."""

    def get_permissions(self) -> list[BasePermission]:
        named = self.kwargs.get("instance_id") is not None
        return [IsAuthenticatedCaller() if named else IsElementCaller()]

    def instance(self, request: Request) -> ElementInstance:
        """Raises NotFound, also for what belongs to others or to another element."""
        caller = caller_of(request)
        named = self.kwargs.get("instance_id")
        if named is None:
            assert caller.instance is not None  # noqa: S101 - IsElementCaller
            return caller.instance
        instance = addressed_instance(request, named)
        addressed = self.kwargs.get("element")
        if addressed is not None and _key(caller, addressed) != instance.element_key:
            raise NotFound(f"No element instance found with id {named}")
        return instance

    def change(self, request: Request, wanted: provision.Wish) -> ElementInstance:
        """The instance after the change."""
        found = self.instance(request)
        return provision.change(caller_of(request).reach, found.pk, wanted)


class InstanceView(InstanceScopedView):
    @documented("Read an instance", answer=schema.INSTANCE, example=schema.INSTANCE_EXAMPLE)
    def get(self, request: Request, **path: str) -> Response:
        return Response(instance_json(self.instance(request)))

    @documented(
        "Change an instance, with a new configuration",
        description="As PATCH, but `configuration` replaces the one there was.",
        request=schema.INSTANCE_CHANGE,
        request_example=schema.INSTANCE_CHANGE_EXAMPLE,
        answer=schema.INSTANCE,
        example=schema.INSTANCE_EXAMPLE,
        errors=["4XX", 502],
    )
    def put(self, request: Request, **path: str) -> Response:
        return self._changed(request, replace=True)

    @documented(
        "Change an instance",
        description=(
            "Keys of `configuration` are merged, and null removes one. `tags` replace all. "
            "`providerData.code` authenticates the account anew. `element` moves the instance to "
            "another element of the same provider, such as a clone."
        ),
        request=schema.INSTANCE_CHANGE,
        request_example=schema.INSTANCE_CHANGE_EXAMPLE,
        answer=schema.INSTANCE,
        example=schema.INSTANCE_EXAMPLE,
        errors=["4XX", 502],
    )
    def patch(self, request: Request, **path: str) -> Response:
        return self._changed(request, replace=False)

    @documented("Delete an instance", description="Its token is dead at once.")
    def delete(self, request: Request, **path: str) -> Response:
        found = self.instance(request)
        provision.delete(caller_of(request).reach, found.pk)
        return Response()

    def _changed(self, request: Request, *, replace: bool) -> Response:
        found = self.instance(request)
        body = json_object(request.data)
        wanted = wish.to_change(body, replace=replace)
        if body.get("element") is not None:
            element = wish.element_of(caller_of(request).reach, body, None)
            # Clients write whole rows back, with the element in it.
            if element.key != found.element_key:
                wanted = dataclasses.replace(wanted, element=element)
        changed = provision.change(caller_of(request).reach, found.pk, wanted)
        return _answered(body, instance_json(changed))


class InstancesView(InstanceView):
    """The list and its creation; PUT, PATCH and DELETE act on the Element token's instance.

    With an Element token in the organization secret's place, the list is of its instance only.
    """

    def get_permissions(self) -> list[BasePermission]:
        if self.request.method in {"GET", "HEAD"}:
            return [IsAnyCaller()]
        if self.request.method in {"POST", "OPTIONS"}:
            return [IsAuthenticatedCaller()]
        return super().get_permissions()

    @documented(
        "List the instances",
        description="None at all is a 404. With an Element token alone: its instance.",
        answer=listed(schema.INSTANCE),
        example=[schema.INSTANCE_EXAMPLE],
        pages=PAGED,
        parameters=[schema.TAGS, schema.SEARCH, schema.HYDRATE],
        errors=[404],
    )
    def get(self, request: Request, **path: str) -> Response:
        listing = page_of(request, self._rows(request), large=LARGE)
        if not listing.rows:
            raise NotFound("No instances found")
        hydrate = flag(request.query_params, "hydrate", default=True)
        notes = notes_of(listing.rows)
        return Response(
            [instance_json(row, hydrate=hydrate, notes=notes) for row in listing.rows],
            headers=listing.headers,
        )

    @documented(
        "Connect an account",
        description=(
            "With `providerData.code` of the OAuth redirect, or with tokens of your own: "
            '`externalAuthentication` "initial" and `oauth.user.token` and '
            "`oauth.user.refresh_token` in `configuration`."
        ),
        request=schema.INSTANCE_WANTED,
        request_example=schema.INSTANCE_WANTED_EXAMPLE,
        answer=schema.INSTANCE,
        example=schema.INSTANCE_EXAMPLE,
        parameters=[schema.IDEMPOTENCY_KEY],
        errors=[404, 409, "4XX", 502],
    )
    def post(self, request: Request, **path: str) -> Response:
        caller = caller_of(request)
        body = json_object(request.data)
        element = wish.element_of(caller.reach, body, self.kwargs.get("element"))
        wanted = wish.to_create(body)
        wants_objects = flag(body, "retrieveObjectsAfterInstantiation")
        answer: dict[str, Any] = {}

        def keep(instance: ElementInstance) -> None:
            answer.update(instance_json(instance, notes=NO_NOTES))
            if wanted.consent.code:
                answer["providerData"] = {"code": wanted.consent.code}  # spent by now
            if wants_objects:
                answer["objects"] = objects_json(element)
            claim.keep(answer)

        claim = idempotency.claim(caller.user, request)
        if claim.answer is not None:
            return _answered(body, claim.answer)
        try:
            provision.create(caller.user, caller.organization, element, wanted, within=keep)
        except Exception:
            claim.give_back()
            raise
        return _answered(body, answer)

    def _rows(self, request: Request) -> QuerySet[ElementInstance]:
        caller = caller_of(request)
        rows = caller.reach.rows(ElementInstance)
        if caller.instance is not None and not caller.organization_proven:
            rows = rows.filter(pk=caller.instance.pk)
        addressed = self.kwargs.get("element")
        if addressed is not None:
            rows = rows.filter(element_key=_key(caller, addressed))
        query = request.query_params
        for tag in (*query.getlist("tags[]"), *query.getlist("tags")):
            wanted = text({"tags[]": tag}, "tags[]", longest=LONGEST_SEARCH)
            rows = rows.filter(tags__contains=[wanted])
        if searched := text(query, "searchText", longest=LONGEST_SEARCH):
            rows = rows.filter(Q(name__icontains=searched) | Q(element_key__icontains=searched))
        return rows.select_related("credential").prefetch_related("user").order_by("pk")


def _answered(body: dict[str, Any], answer: Any) -> Response:
    """With what of the request's body had no effect."""
    said = wish.unused(body)
    return Response(answer, headers={"Elements-Error": said} if said else None)


class EnabledView(InstanceScopedView):
    """PUT enables, DELETE disables: a disabled instance is neither polled nor called."""

    @documented("Switch an instance on")
    def put(self, request: Request, **path: str) -> Response:
        self.change(request, provision.Wish(enabled=True))
        return Response()

    @documented(
        "Switch an instance off", description="It is neither polled, nor are its hub calls served."
    )
    def delete(self, request: Request, **path: str) -> Response:
        self.change(request, provision.Wish(enabled=False))
        return Response()


class ReconnectLinkView(InstanceScopedView):
    @documented(
        "Make a link that connects an instance again",
        answer=schema.RECONNECT_LINK,
        example=schema.RECONNECT_LINK_EXAMPLE,
    )
    def post(self, request: Request, **path: str) -> Response:
        """Whoever opens `url` needs not sign in, gives consent at the provider with the account
        that was connected before, and comes back by the console's OAuth callback. It is good once.
        """
        made = reconnect_link.make(self.instance(request), timezone.now())
        return Response({"url": made.url, "expiresDate": timestamp(made.expires_at)})


class DocsView(InstanceScopedView):
    """Of the hub calls that the instance takes."""

    @documented(
        "Read the description of an instance's hub calls in Swagger 2.0",
        answer=SWAGGER,
        example=SWAGGER_EXAMPLE,
    )
    def get(self, request: Request, **path: str) -> Response:
        element = keys.element_of(self.instance(request))
        return Response(docs.of(element, host=request.get_host()))


class OperationDocsView(InstanceScopedView):
    @documented(
        "Read the description of one hub call in Swagger 2.0",
        description="`operationId` is that of the instance's description.",
        answer=SWAGGER,
        example=SWAGGER_EXAMPLE,
    )
    def get(self, request: Request, operation_id: str, **path: str) -> Response:
        return Response(self.described(request, operation_id))

    def described(self, request: Request, operation_id: str) -> dict[str, Any]:
        """Raises NotFound when the element has no such operation."""
        element = keys.element_of(self.instance(request))
        found = docs.of_operation(element, operation_id, host=request.get_host())
        if found is None:
            raise NotFound(f"No operation found with id {operation_id[:100]}")
        return found


class OperationDefinitionsView(OperationDocsView):
    """Definitions hold no references, and nothing is discovered at the provider: the parameters
    `resolveReferences` and `discovery` change nothing.
    """

    @documented(
        "Read the definitions that one hub call refers to",
        description="By name. They hold no references, so that `resolveReferences` changes "
        "nothing, and neither does `discovery`: the element declares all that is known.",
        answer=AN_OBJECT,
        example={"labels": {"type": "object", "properties": {"id": {"type": "string"}}}},
    )
    def get(self, request: Request, operation_id: str, **path: str) -> Response:
        return Response(self.described(request, operation_id)["definitions"])


class ConfigurationView(InstanceScopedView):
    @documented(
        "List an instance's configuration",
        answer=listed(schema.ROW),
        example=[schema.ROW_EXAMPLE],
        pages=WHOLE,
    )
    def get(self, request: Request, **path: str) -> Response:
        return whole_list(rows_json(self.instance(request)))


class ConfigurationRowView(InstanceScopedView):
    @documented(
        "Read a row of an instance's configuration",
        answer=schema.ROW,
        example=schema.ROW_EXAMPLE,
    )
    def get(self, request: Request, **path: str) -> Response:
        return Response(self._row(self.instance(request)))

    @documented(
        "Change a row of an instance's configuration",
        request=schema.ROW_CHANGE,
        request_example={"propertyValue": "15"},
        answer=schema.ROW,
        example=schema.ROW_EXAMPLE,
        errors=["4XX", 502],
    )
    def patch(self, request: Request, **path: str) -> Response:
        found = self.instance(request)
        row = self._row(found)
        body = json_object(request.data)
        if body.get("key", row["key"]) != row["key"]:
            raise NotFound(f"No configuration found with key {text(body, 'key')}")
        if "propertyValue" not in body:
            return Response(row)
        wanted = provision.Wish(configuration=keys.given({row["key"]: body["propertyValue"]}))
        changed = provision.change(caller_of(request).reach, found.pk, wanted)
        return Response(self._row(changed))

    def _row(self, instance: ElementInstance) -> dict[str, Any]:
        wanted = int(self.kwargs["row_id"])
        for row in rows_json(instance):
            if row["id"] == wanted:
                return row
        raise NotFound(f"No configuration found with id {wanted}")


def _key(caller: Caller, addressed: str) -> str:
    """The key of the element that a path names, as far as the caller can see it."""
    return catalogue.find(addressed, caller.organization.pk, caller.reach.account_id).key
