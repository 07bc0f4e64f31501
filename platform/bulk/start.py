"""Begins a job: all that can be refused is refused here, before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction

from api.errors import BadRequest, Conflict, Forbidden, Unauthorized
from api.fields import text
from bulk.fetch import UnusableError, source_for, takes
from bulk.models import UNFINISHED, BulkJob
from bulk.statement import Statement
from elements import run
from elements.calls import Call
from elements.types import Element, Operation, Place, Resource
from instances import configuration as keys
from instances.models import ElementInstance
from instances.session import account_of
from transport.types import Steps

MOST_UNFINISHED = 10  # jobs of one instance
OF_THE_PLATFORM = frozenset({"q", "where", "orderBy", "fields", "pageSize", "page", "nextPage"})


def start(
    instance: ElementInstance,
    statement: Statement,
    query: str,
    given: Mapping[str, Any],
    now: datetime,
) -> BulkJob:
    """`given` are further parameters of the request; those that the resource has are its own.

    Raises BadRequest, ceql.WhereError, elements.errors.ParameterError, GrantLost, Forbidden for a
    disabled instance, Conflict when the instance has too many unfinished jobs, and Unauthorized
    when it was deleted this moment.
    """
    if not instance.enabled:
        raise Forbidden("The element instance is disabled")
    element = keys.element_of(instance)
    resource = _resource(element, statement.resource)
    parameters = _parameters(resource, given)
    _try(instance, element, resource, statement, parameters)
    with transaction.atomic():
        locked = (
            ElementInstance.objects.select_for_update(no_key=True, of=("self",))
            .filter(pk=instance.pk)
            .first()
        )
        if locked is None:
            raise Unauthorized
        unfinished = BulkJob.objects.filter(instance=instance, status__in=UNFINISHED).count()
        if unfinished >= MOST_UNFINISHED:
            raise Conflict(
                f"this element instance has {unfinished} unfinished bulk jobs: wait for one, or "
                "cancel it"
            )
        return BulkJob.objects.create(
            organization_id=instance.organization_id,
            instance=locked,
            resource=resource.name,
            query=query,
            where=statement.where,
            order_field=statement.order_field,
            descending=statement.descending,
            parameters=parameters,
            next_run_at=now,
            created_at=now,
        )


def _resource(element: Element, name: str) -> Resource:
    resource = element.resource(name)
    if resource is None or not resource.in_bulk:
        known = ", ".join(one.name for one in element.resources if one.in_bulk)
        raise BadRequest(
            f'q: {element.name} has no resource "{name[:100]}" that can be listed: it has {known}'
        )
    return resource


def _parameters(resource: Resource, given: Mapping[str, Any]) -> dict[str, str]:
    """Those of the request's parameters that the resource knows. Raises BadRequest for others."""
    operations = [one for one in (resource.listing, resource.single, resource.reading) if one]
    own = {
        parameter.name
        for operation in operations
        for parameter in operation.parameters
        if parameter.place == Place.QUERY and parameter.name not in OF_THE_PLATFORM
    }
    for name in given:
        if name not in own and name != "q":
            known = ", ".join(["q", *sorted(own)])
            raise BadRequest(f"{name[:100]} is not a parameter of this: it takes {known}")
    return {name: text(given, name) for name in given if name in own}


def _try(
    instance: ElementInstance,
    element: Element,
    resource: Resource,
    statement: Statement,
    parameters: Mapping[str, str],
) -> None:
    """Goes as far as the first request to the provider, which is not sent."""
    call = Call(keys.effective(instance), query=parameters)
    try:
        source = source_for(
            element, resource, call=call, account=account_of(instance), where=statement.where
        )
    except UnusableError as error:
        raise BadRequest(f"q: {error}") from error
    if not takes(source.listing, "where"):
        _ = statement.condition
    steps = _steps(source.listing, replace(source.call, page_size=1))
    try:
        next(steps)
    except StopIteration:
        pass
    finally:
        steps.close()


def _steps(listing: Operation, call: Call) -> Steps[object]:
    return run.list_steps(listing, call) if listing.listing else run.answer_steps(listing, call)
