"""What a request to poll asks for, in its query and in its body."""

from __future__ import annotations

from dataclasses import dataclass

from rest_framework.request import Request

from api.errors import BadRequest, NotFound
from api.fields import flag, json_object, mapping, text
from elements import poller
from elements.calls import PollerEntry
from instances.configuration import element_of
from instances.models import ElementInstance
from polling.models import PollingResource


@dataclass(frozen=True, slots=True)
class Wish:
    """`resource` is the name of an entry; None stands for all. `entry` is tried in a dry run."""

    resource: str | None = None
    dry_run: bool = False
    entry: PollerEntry | None = None


def read(request: Request, instance: ElementInstance) -> Wish:
    """Raises BadRequest, ConfigurationError for an entry that cannot be used, and NotFound."""
    body = json_object(request.data)
    dry_run = flag(request.query_params, "dryRun")
    asked = text(request.query_params, "resource") or None
    named = text(body, "resource") or None
    if asked and named and asked != named:
        raise BadRequest("resource is one in the query and another in the body")
    element = element_of(instance)
    name = poller.name_of(element, asked or named or "")
    if body.get("configuration") is None:
        if name:
            _require_known(instance, name)
        return Wish(name or None, dry_run)
    if not dry_run:
        raise BadRequest("configuration is tried by a dry run only: add dryRun=true")
    if not name:
        raise BadRequest("resource is missing: it names what configuration is the entry of")
    entry = poller.parse({name: mapping(body, "configuration")}, element)[name]
    return Wish(name, dry_run, entry)


def named_resource(request: Request, instance: ElementInstance) -> str | None:
    """Return the name of the entry in the query; None where there is none. Raises NotFound."""
    name = poller.name_of(element_of(instance), text(request.query_params, "resource"))
    if name:
        _require_known(instance, name)
    return name or None


def _require_known(instance: ElementInstance, name: str) -> None:
    polled = PollingResource.objects.filter(instance=instance, name=name)
    if element_of(instance).resource(name) is None and not polled.exists():
        raise NotFound(f"No resource found with name {name[:100]}")
