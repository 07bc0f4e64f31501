"""/hubs/{hub}/bulk/… and the short form /bulk/…: downloads that the worker runs.

Jobs belong to the Element token's instance: those of others are not there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import StreamingHttpResponse
from django.utils import timezone
from rest_framework.parsers import FormParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from api.errors import Conflict, NotFound
from api.fields import id_in_path, json_object, text
from api.paging import page_of
from api.parsers import StrictJSONParser
from api.renderers import JSONRenderer
from api.schema import PAGED, TEXT, documented, listed
from bulk import commit, download, schema, statement
from bulk.models import BulkError, BulkJob
from bulk.representation import error_of, job_of
from bulk.start import start
from instances import configuration as keys
from instances.view import ElementTokenView

LARGE = ("query", "parameters", "page_token", "columns")  # columns of a job
JSON_LINES = "application/jsonl"
CSV = "text/csv"
# Names by which JSON lines are asked for, and the name they are answered with.
NAMES_OF_JSON_LINES = {
    JSON_LINES: JSON_LINES,
    "application/x-ndjson": "application/x-ndjson",
    "application/x-jsonlines": "application/x-jsonlines",
    "application/json": JSON_LINES,
}


class BulkView(ElementTokenView):
    """A view on the jobs of the Element token's instance."""

    def job(self, request: Request, bulk_id: str) -> BulkJob:
        """Raises NotFound, also for another instance's."""
        instance = self.enabled_instance(request)
        job = BulkJob.objects.filter(
            pk=id_in_path(bulk_id), instance=instance, organization=instance.organization_id
        ).first()
        if job is None:
            raise NotFound(f"No bulk job found with id {bulk_id[:20]}")
        return job


class JobsView(BulkView):
    @documented(
        "List the bulk jobs",
        answer=listed(schema.JOB),
        example=[schema.JOB_EXAMPLE],
        pages=PAGED,
    )
    def get(self, request: Request, **path: str) -> Response:
        """Of the element instance, newest first; none is an empty list."""
        listing = page_of(
            request,
            BulkJob.objects.filter(instance=self.enabled_instance(request)).order_by("-id"),
            large=LARGE,
        )
        return Response([job_of(job) for job in listing.rows], headers=listing.headers)


class QueryView(BulkView):
    parser_classes = [StrictJSONParser, FormParser]

    @documented(
        "Start a bulk download",
        request=schema.WANTED,
        request_example=schema.WANTED_EXAMPLE,
        request_types=["application/json", "application/x-www-form-urlencoded"],
        answer=schema.CREATED,
        example=schema.CREATED_EXAMPLE,
        parameters=[schema.Q],
        errors=[404, 409],
    )
    def post(self, request: Request, **path: str) -> Response:
        """The resource's own parameters may be added (labelIds, format …).

        409 when the instance has too many unfinished jobs.
        """
        instance = self.enabled_instance(request)
        given = {**_given(request)}
        query = text(given, "q", required=True, longest=statement.LONGEST)
        job = start(instance, statement.parse(query), query, given, timezone.now())
        return Response({"id": job.pk, "status": job.status})


class StatusView(BulkView):
    @documented("Read how a bulk job goes", answer=schema.JOB, example=schema.JOB_EXAMPLE)
    def get(self, request: Request, bulk_id: str, **path: str) -> Response:
        return Response(job_of(self.job(request, bulk_id)))


class ErrorsView(BulkView):
    @documented(
        "List the records that could not be read",
        answer=listed(schema.ERROR),
        example=[schema.ERROR_EXAMPLE],
        pages=PAGED,
    )
    def get(self, request: Request, bulk_id: str, **path: str) -> Response:
        job = self.job(request, bulk_id)
        listing = page_of(request, BulkError.objects.filter(job=job).order_by("id"))
        return Response([error_of(error) for error in listing.rows], headers=listing.headers)


class CancelView(BulkView):
    @documented(
        "Cancel a bulk job",
        answer=schema.JOB,
        example={**schema.JOB_EXAMPLE, "status": "CANCELLED"},
        errors=[409],
    )
    def put(self, request: Request, bulk_id: str, **path: str) -> Response:
        """What was read until then can be downloaded. Cancelling again changes nothing.

        409 when the job has ended otherwise.
        """
        job = commit.cancel(self.job(request, bulk_id), timezone.now())
        if job is None:
            raise NotFound(f"No bulk job found with id {bulk_id[:20]}")
        if job.status != "CANCELLED":
            raise Conflict(f"the bulk job has ended already: it is {job.status}")
        return Response(job_of(job))


class _Streamed(BaseRenderer):
    """Takes part in the choice by the Accept header; what is streamed is not rendered."""

    charset = None

    def render(self, data: Any, *args: Any, **kwargs: Any) -> bytes:
        return JSONRenderer().render(data)


def _renderer(name: str) -> type[_Streamed]:
    return type("Streamed", (_Streamed,), {"media_type": name, "format": name})


class ResultView(BulkView):
    renderer_classes = [_renderer(name) for name in (*NAMES_OF_JSON_LINES, CSV)]

    @documented(
        "Download the records of a bulk job",
        answer=TEXT,
        example='{"id":"18c2f0b1a2d3e4f5","threadId":"18c2f0b1a2d3e4f5"}\n',
        answer_types=[*dict.fromkeys(NAMES_OF_JSON_LINES.values()), CSV],
        errors=[409],
    )
    def get(
        self, request: Request, bulk_id: str, resource: str, **path: str
    ) -> StreamingHttpResponse:
        """A JSON object a line (Accept: application/jsonl), or a table (Accept: text/csv).

        409 until the job has ended. Of one that was cancelled or ended with an error, what was
        read until then.
        """
        job = self.job(request, bulk_id)
        found = keys.element_of(self.enabled_instance(request)).resource(resource)
        if (found.name if found is not None else resource) != job.resource:
            raise NotFound(f"bulk job {job.pk} has no {resource[:100]}: it is of {job.resource}")
        if not job.finished:
            raise Conflict(f"the bulk job is {job.status}: its status says when it has ended")
        wanted = getattr(request.accepted_renderer, "media_type", JSON_LINES)
        pieces: Iterator[bytes]
        if wanted == CSV:
            content_type, ending, pieces = f"{CSV}; charset=utf-8", "csv", download.csv_rows(job)
        else:
            content_type, ending, pieces = (
                NAMES_OF_JSON_LINES.get(wanted, JSON_LINES),
                "jsonl",
                download.json_lines(job),
            )
        name = f"{job.resource}-{job.pk}.{ending}"
        response = StreamingHttpResponse(pieces, content_type=content_type)
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        response["Elements-Returned-Count"] = str(job.records_count)
        response["Elements-Total-Count"] = str(job.records_count)
        return response

    def handle_exception(self, exc: Exception) -> Response:
        """Errors are JSON, whatever the records would have been."""
        response = super().handle_exception(exc)
        self.request.accepted_renderer = JSONRenderer()
        self.request.accepted_media_type = JSONRenderer.media_type
        return response


def _given(request: Request) -> dict[str, Any]:
    """The parameters of the query string and of the body; the former win."""
    body = request.data
    fields = (
        {name: ",".join(body.getlist(name)) for name in body}
        if hasattr(body, "getlist")
        else json_object(body)
    )
    query = request.query_params
    return {**fields, **{name: ",".join(query.getlist(name)) for name in query}}
