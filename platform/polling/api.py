"""/instances/{id}/polls: what polls came to, and polling now; /instances/event-poller-records."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.errors import Conflict, NotFound
from api.paging import whole_list
from api.schema import WHOLE, documented
from instances.configuration import element_of
from instances.models import ElementInstance
from instances.view import ElementTokenView, addressed_instance
from polling import schema
from polling.claim import PollRunningError
from polling.commit import PollReport
from polling.poll_now import NothingPolledError, poll_now
from polling.representation import polling_of, records_of


class PollsView(APIView):
    """Needs User and Organization. The notifications go out by the worker, as always."""

    @documented("Read how polling goes", answer=schema.POLLING, example=schema.POLLING_EXAMPLE)
    def get(self, request: Request, instance_id: str) -> Response:
        """The state of each polled resource, and the latest polls that had something to tell."""
        return Response(polling_of(addressed_instance(request, instance_id)))

    @documented(
        "Poll now",
        answer=schema.REPORTS,
        example=schema.REPORTS_EXAMPLE,
        parameters=[schema.RESOURCE],
        errors=[409],
    )
    def post(self, request: Request, instance_id: str) -> Response:
        """Answers 200 when the polls took place, also when one failed: its status says so.

        409 when nothing is polled or a poll is running.
        """
        instance = addressed_instance(request, instance_id)
        try:
            reports = poll_now(instance, resource=_resource(request, instance))
        except NothingPolledError as error:
            raise Conflict(f"nothing to poll: {error}") from error
        except PollRunningError as error:
            raise Conflict("a poll of this instance is running: try again in a moment") from error
        return Response({"polls": [_shown(report) for report in reports]})


class PollerRecordsView(ElementTokenView):
    @documented(
        "List what is polled of the instance",
        answer=schema.RECORDS,
        example=schema.RECORDS_EXAMPLE,
        pages=WHOLE,
    )
    def get(self, request: Request) -> Response:
        """One record for each resource of event.poller.configuration, by name.

        A resource that is left out of that configuration has no record any more.
        """
        return whole_list(records_of(self.instance(request)))


def _resource(request: Request, instance: ElementInstance) -> str | None:
    """The canonical name of the resource asked for in the query, if one is."""
    name: str | None = request.query_params.get("resource")
    if name is None:
        return None
    resource = element_of(instance).resource(name)
    if resource is None:
        raise NotFound(f"No resource found with name {name[:100]}")
    return resource.name


def _shown(report: PollReport) -> dict[str, Any]:
    return {
        "resource": report.resource,
        "status": report.status,
        "found": report.found,
        "created": report.created,
        "updated": report.updated,
        "deleted": report.deleted,
        "missing": report.missing,
        "putAside": report.put_aside,
        "events": list(report.events),
        "error": report.error or None,
        "recoveredGapSeconds": report.gap_seconds,
    }
