"""The page of bulk jobs: how far each is, its records for download, and a button that ends it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_safe

from accounts.models import User
from accounts.reach import Reach
from bulk import commit, download
from bulk.models import BulkJob, JobStatus
from bulk.representation import job_of
from console import fragment
from console.fragment import Fragment
from console.members import for_buttons, for_members, instance_of
from console.paging import number, page_of
from instances.models import ElementInstance

# By the ending of the address: what it is called, and what writes it.
KINDS = {
    "jsonl": ("application/jsonl", download.json_lines),
    "csv": ("text/csv; charset=utf-8", download.csv_rows),
}
TONES: Mapping[str, str] = {
    JobStatus.COMPLETED: "good",
    JobStatus.ERROR: "bad",
    JobStatus.CANCELLED: "",
}


@require_safe
@for_members
def jobs(request: HttpRequest, user: User, reach: Reach) -> HttpResponse:
    """All within reach, or those of the instance that the query names."""
    rows = reach.rows(BulkJob)
    instance: ElementInstance | None = None
    if (named := number(request.GET.get("instance", ""))) is not None:
        instance = instance_of(reach, named)
        rows = rows.filter(instance=instance)
    page = page_of(rows.select_related("instance"), request.GET)
    context = {
        "instance": instance,
        "page": page,
        "query": f"instance={instance.pk}" if instance is not None else "",
        "jobs": [
            {**job_of(job), "row": job, "tone": TONES.get(job.status, "")} for job in page.rows
        ],
    }
    part = Fragment.of(request, "console/bulk_jobs_list.html", context)
    if fragment.is_wanted(request):
        return part.answer(request)
    return render(request, "console/bulk_jobs.html", {**context, "list": part})


@for_buttons
def cancel(request: HttpRequest, user: User, reach: Reach, job_id: int) -> HttpResponse:
    job = commit.cancel(_job(reach, job_id), timezone.now())
    if job is None:
        raise Http404
    if job.status == JobStatus.CANCELLED:
        messages.success(request, "Cancelled. What was read until then can be downloaded.")
    else:
        messages.error(request, f"It has ended already: it is {job.status}.")
    return redirect("console:bulk-jobs")


@require_GET
@for_members
def records(
    request: HttpRequest, user: User, reach: Reach, job_id: int, kind: str
) -> HttpResponseBase:
    """The records of a job that has ended, as the API streams them."""
    job = _job(reach, job_id)
    if not job.finished:
        messages.error(request, "It is still running: its records can be downloaded at its end.")
        return redirect("console:bulk-jobs")
    content_type, write = KINDS[kind]
    pieces: Iterator[bytes] = write(job)
    answer = StreamingHttpResponse(pieces, content_type=content_type)
    answer["Content-Disposition"] = f'attachment; filename="{job.resource}-{job.pk}.{kind}"'
    return answer


def _job(reach: Reach, job_id: int) -> BulkJob:
    job = reach.rows(BulkJob).filter(pk=job_id).first()
    if job is None:
        raise Http404
    return job
