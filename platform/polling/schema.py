"""The shapes of what /instances/{id}/polls answers."""

from __future__ import annotations

from typing import Any

from api.schema import FLAG, NUMBER, TEXT, TIME, Schema, described, listed, nullable, query, shape

GAP: Schema = described(nullable(NUMBER), "the width of a gap that was found and recovered")

PUT_ASIDE = shape(
    "PutAsideObject",
    {
        "objectId": TEXT,
        "eventType": TEXT,
        "attempts": NUMBER,
        "error": nullable(TEXT),
        "nextTryDate": nullable(TIME),
        "since": nullable(TIME),
    },
    "A changed object that could not be fetched yet.",
)
POLLED_STATE = shape(
    "PollingState",
    {
        "resource": TEXT,
        "active": FLAG,
        "lastPolledDate": nullable(TIME),
        "lastSuccessDate": nullable(TIME),
        "nextPollDate": nullable(TIME),
        "failures": described(NUMBER, "in a row"),
        "error": nullable(TEXT),
        "putAside": listed(PUT_ASIDE),
        "missingScopes?": described(
            listed(TEXT), "any one of them is enough to read it, and the account granted none"
        ),
    },
)
RUN_FIELDS = {
    "id": NUMBER,
    "resource": TEXT,
    "status": described(TEXT, "found, failed, recovered or started"),
    "startedDate": nullable(TIME),
    "finishedDate": nullable(TIME),
    "found": NUMBER,
    "missing": described(NUMBER, "changed objects that were gone before they could be read"),
    "putAside": NUMBER,
    "recoveredGapSeconds": GAP,
    "error": nullable(TEXT),
}
RUN = shape("PollRun", RUN_FIELDS, "A poll that had something to tell; idle ones leave no record.")
POLLING = shape("Polling", {"resources": listed(POLLED_STATE), "runs": listed(RUN)})
REPORT = shape(
    "PollReport",
    {
        "resource": TEXT,
        "status": described(TEXT, "found, idle, started, recovered, failed or dropped"),
        "found": NUMBER,
        "created": NUMBER,
        "updated": NUMBER,
        "deleted": NUMBER,
        "missing": NUMBER,
        "putAside": NUMBER,
        "events": described(listed(NUMBER), "the ids of the events that it made"),
        "error": nullable(TEXT),
        "recoveredGapSeconds": GAP,
    },
)
REPORTS = shape("PollReports", {"polls": listed(REPORT)})

RECORD = shape(
    "PollerRecord",
    {
        "id": NUMBER,
        "elementInstanceId": NUMBER,
        "objectName": described(TEXT, "the polled resource; the objectType of its events"),
        "url": TEXT,
        "idField": TEXT,
        "active": FLAG,
        "createdDate": nullable(TIME),
        "lastPolledDate": nullable(TIME),
        "lastSuccessDate": nullable(TIME),
        "nextPollDate": nullable(TIME),
        "failures": described(NUMBER, "in a row"),
        "error": nullable(TEXT),
    },
    "One polled resource of an element instance.",
)
RECORDS = listed(RECORD)

RESOURCE = query("resource", "polls this one only", example="changed-messages")

RUN_EXAMPLE: dict[str, Any] = {
    "id": 1,
    "resource": "changed-messages",
    "status": "found",
    "startedDate": "2026-01-05T09:45:00Z",
    "finishedDate": "2026-01-05T09:45:01Z",
    "found": 2,
    "missing": 0,
    "putAside": 0,
    "recoveredGapSeconds": None,
    "error": None,
}
POLLING_EXAMPLE: dict[str, Any] = {
    "resources": [
        {
            "resource": "changed-messages",
            "active": True,
            "lastPolledDate": "2026-01-05T09:45:00Z",
            "lastSuccessDate": "2026-01-05T09:45:00Z",
            "nextPollDate": "2026-01-05T10:00:00Z",
            "failures": 0,
            "error": None,
            "putAside": [],
        }
    ],
    "runs": [RUN_EXAMPLE],
}
REPORTS_EXAMPLE: dict[str, Any] = {
    "polls": [
        {
            "resource": "changed-messages",
            "status": "found",
            "found": 2,
            "created": 2,
            "updated": 0,
            "deleted": 0,
            "missing": 0,
            "putAside": 0,
            "events": [1],
            "error": None,
            "recoveredGapSeconds": None,
        }
    ]
}
RECORDS_EXAMPLE: list[dict[str, Any]] = [
    {
        "id": 7,
        "elementInstanceId": 12,
        "objectName": "changed-messages",
        "url": "/hubs/general/changed-messages",
        "idField": "id",
        "active": True,
        "createdDate": "2026-01-05T09:00:00Z",
        "lastPolledDate": "2026-01-05T09:45:00Z",
        "lastSuccessDate": "2026-01-05T09:45:00Z",
        "nextPollDate": "2026-01-05T10:00:00Z",
        "failures": 0,
        "error": None,
    }
]
