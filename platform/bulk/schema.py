"""The shapes of what /bulk reads and answers; bulk.representation makes the answers."""

from __future__ import annotations

from typing import Any

from api.schema import NUMBER, TEXT, TIME, described, in_path, nullable, one_of, query, shape
from bulk.models import JobStatus

STATUS = one_of(*JobStatus.values)
CREATED = shape("BulkJobCreated", {"id": NUMBER, "status": STATUS})
CREATED_EXAMPLE = {"id": 12, "status": "CREATED"}
JOB = shape(
    "BulkJob",
    {
        "id": NUMBER,
        "status": STATUS,
        "objectName": described(TEXT, "the resource"),
        "query": TEXT,
        "instanceId": NUMBER,
        "recordsCount": described(NUMBER, "records that can be downloaded"),
        "recordsFailedCount": described(NUMBER, "records that could not be read: see errors"),
        "recordsFoundCount": described(NUMBER, "records found so far"),
        "progress": described(nullable(NUMBER), "percent; null while records are being found"),
        "error": described(nullable(TEXT), "why it ended, or what it is waiting for"),
        "createdDate": TIME,
        "startedDate": nullable(TIME),
        "finishedDate": nullable(TIME),
        "nextTryDate": described(nullable(TIME), "while it waits for the provider"),
        "expiresDate": described(nullable(TIME), "when job and result are removed"),
    },
)
JOB_EXAMPLE: dict[str, Any] = {
    "id": 12,
    "status": "RUNNING",
    "objectName": "messages",
    "query": "select * from messages where from='sender@example.com'",
    "instanceId": 1,
    "recordsCount": 1200,
    "recordsFailedCount": 1,
    "recordsFoundCount": 3400,
    "progress": 35,
    "error": None,
    "createdDate": "2026-01-05T09:30:00Z",
    "startedDate": "2026-01-05T09:30:01Z",
    "finishedDate": None,
    "nextTryDate": None,
    "expiresDate": None,
}
ERROR = shape(
    "BulkError",
    {
        "objectId": described(nullable(TEXT), "the provider's id of the record"),
        "message": TEXT,
        "date": TIME,
    },
)
ERROR_EXAMPLE = {
    "objectId": "18c2f0b1a2d3e4f5",
    "message": "the provider answered 404: error - {code=404, message=Requested entity was not "
    "found.}",
    "date": "2026-01-05T09:31:07Z",
}
WANTED = shape("BulkQuery", {"q?": described(TEXT, "the query, unless it is in the address")})
WANTED_EXAMPLE = {"q": "select * from messages where from='sender@example.com'"}
Q = query(
    "q",
    "`select * from <resource> [where <conditions>] [order by <field> [asc|desc]]`; here or in the "
    "body",
    example="select * from messages",
)

in_path("bulk_id", "the id of the bulk job")
