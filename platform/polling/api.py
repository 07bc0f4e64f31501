"""/instances/{id}/polls: what polls came to, and polling now; /instances/event-poller-records."""

from __future__ import annotations

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.authority import authority_of
from accounts.roles import Rank
from api.errors import Conflict, NotFound
from api.paging import whole_list
from api.schema import WHOLE, documented
from instances.view import ElementTokenView, addressed_instance
from polling import schema, wish
from polling.claim import PollRunningError
from polling.poll_now import NothingPolledError, poll_now
from polling.reconcile_now import reconcile_now
from polling.representation import (
    dry_runs_of,
    polling_of,
    reconciliation_shown,
    records_of,
    report_shown,
)
from polling.usage import units_of


class PollsView(APIView):
    """Needs User and Organization. The notifications go out by the worker, as always."""

    @documented("Read how polling goes", answer=schema.POLLING, example=schema.POLLING_EXAMPLE)
    def get(self, request: Request, instance_id: str) -> Response:
        """The state of each polled resource, and the latest polls that had something to tell."""
        return Response(polling_of(addressed_instance(request, instance_id)))

    @documented(
        "Poll now",
        request=schema.WANTED,
        request_example=schema.WANTED_EXAMPLE,
        request_required=False,
        answer=schema.REPORTS,
        example=schema.REPORTS_EXAMPLE,
        parameters=[schema.RESOURCE, schema.IS_DRY_RUN],
        errors=[409],
    )
    def post(self, request: Request, instance_id: str) -> Response:
        """Answers 200 when the polls took place, also when one failed: its status says so.

        With `dryRun=true` it says what would be found and sent, and changes nothing: also of
        resources that are not polled just now, and of an entry that is not saved yet.
        409 when nothing is polled or a poll is running.
        """
        instance = addressed_instance(request, instance_id)
        wanted = wish.read(request, instance)
        try:
            if wanted.dry_run:
                return Response({"polls": dry_runs_of(instance, wanted)})
            reports = poll_now(instance, resource=wanted.resource)
        except NothingPolledError as error:
            raise Conflict(f"nothing to poll: {error}") from error
        except PollRunningError as error:
            raise Conflict("a poll of this instance is running: try again in a moment") from error
        return Response({"polls": [report_shown(report) for report in reports]})


class ReconcileView(APIView):
    """Needs User and Organization."""

    @documented(
        "Reconcile an instance",
        answer=schema.RECONCILIATIONS,
        example=schema.RECONCILIATIONS_EXAMPLE,
        parameters=[schema.RECONCILED_RESOURCE],
        errors=[409],
    )
    def post(self, request: Request, instance_id: str) -> Response:
        """Compares all that the provider has with what events have told, and tells what differs.

        The polls of the worker do it, beside their own work; `GET /instances/{id}/polls` shows how
        far it is, and the receipt on the run that ends it. One that is under way is answered as it
        stands. 409 where no resource is polled that can be reconciled.
        """
        instance = addressed_instance(request, instance_id)
        name = wish.named_resource(request, instance)
        try:
            begun = reconcile_now(instance, name, timezone.now())
        except NothingPolledError as error:
            raise Conflict(f"nothing to reconcile: {error}") from error
        return Response({"reconciliations": [reconciliation_shown(*one) for one in begun]})


class UnitsView(APIView):
    """Needs User and Organization."""

    @documented(
        "Read what an instance uses of its provider's quota",
        answer=schema.UNITS,
        example=schema.UNITS_EXAMPLE,
    )
    def get(self, request: Request, instance_id: str) -> Response:
        """In the provider's own units, with a forecast of the day at the present pace.

        `project` is null but for administrators of the organization, and for an application that
        other organizations share. 404 for an element whose provider counts no units.
        """
        instance = addressed_instance(request, instance_id)
        units = units_of(instance, timezone.now(), with_project=_administers(request))
        if units is None:
            raise NotFound(f"the provider of {instance.element_key} counts no units")
        return Response(units)


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


def _administers(request: Request) -> bool:
    """Whether the caller administers the whole organization."""
    return authority_of(request).rank >= Rank.ORGANIZATION
