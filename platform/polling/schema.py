"""The shapes of what /instances/{id}/polls answers."""

from __future__ import annotations

from typing import Any

from api.schema import (
    AN_OBJECT,
    FLAG,
    NUMBER,
    TEXT,
    TIME,
    Schema,
    described,
    listed,
    nullable,
    query,
    shape,
)

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
RECONCILIATION_FIELDS = {
    "resource": TEXT,
    "reason": described(TEXT, "expired (the provider forgot where polling stood) or requested"),
    "sinceDate": described(nullable(TIME), "an unknown object that is dated before is no news"),
    "startedDate": nullable(TIME),
    "counts": described(
        AN_OBJECT,
        "so far: listed, known of these, labels, compared, asked for, and what was found: created, "
        "updated, deleted, deferred (to be read later), refusedLabels",
    ),
}
RECONCILIATION = shape(
    "Reconciliation",
    RECONCILIATION_FIELDS,
    "The comparison of all that the provider has with what events have told.",
)
RECEIPT = shape(
    "ReconciliationReceipt",
    {
        **RECONCILIATION_FIELDS,
        "finishedDate": nullable(TIME),
        "notKnown": described(listed(TEXT), "what no comparison can find"),
    },
    "What a reconciliation came to.",
)
RECONCILIATIONS = shape("Reconciliations", {"reconciliations": listed(RECONCILIATION)})
RECONCILIATIONS_EXAMPLE: dict[str, Any] = {
    "reconciliations": [
        {
            "resource": "changed-messages",
            "reason": "requested",
            "sinceDate": "2026-01-01T08:00:00Z",
            "startedDate": "2026-01-05T09:45:00Z",
            "counts": {},
        }
    ]
}
RECONCILED_RESOURCE = query("resource", "reconciles this one only", example="changed-messages")
POLLED_STATE = shape(
    "PollingState",
    {
        "resource": TEXT,
        "active": FLAG,
        "lastPolledDate": nullable(TIME),
        "lastSuccessDate": nullable(TIME),
        "nextPollDate": nullable(TIME),
        "waitsForUnitsUntilDate": described(
            nullable(TIME), "put off until then: the provider's quota had no units left"
        ),
        "failures": described(NUMBER, "in a row"),
        "error": nullable(TEXT),
        "note": described(nullable(TEXT), "what the last poll could not do as it was asked"),
        "reconciliation": described(nullable(RECONCILIATION), "the one that is under way"),
        "putAside": listed(PUT_ASIDE),
        "missingScopes?": described(
            listed(TEXT), "any one of them is enough to read it, and the account granted none"
        ),
    },
)
RUN_FIELDS = {
    "id": NUMBER,
    "resource": TEXT,
    "status": described(TEXT, "found, failed, recovered, reconciled or started"),
    "startedDate": nullable(TIME),
    "finishedDate": nullable(TIME),
    "found": NUMBER,
    "missing": described(NUMBER, "changed objects that were gone before they could be read"),
    "putAside": NUMBER,
    "recoveredGapSeconds": GAP,
    "units": described(NUMBER, "of the provider's quota that it cost"),
    "receipt": described(nullable(RECEIPT), "of the reconciliation that it ended"),
    "error": nullable(TEXT),
}
RUN = shape("PollRun", RUN_FIELDS, "A poll that had something to tell; idle ones leave no record.")
WATCH = shape(
    "Watch",
    {
        "status": described(
            TEXT,
            "starting, on, silent (polls find what it does not tell), failed, stopping or off",
        ),
        "startedDate": nullable(TIME),
        "expiresDate": nullable(TIME),
        "lastHeardDate": nullable(TIME),
        "nextTryDate": described(nullable(TIME), "when it is renewed, or tried again"),
        "failures": described(NUMBER, "in a row"),
        "error": nullable(TEXT),
    },
    "What the provider was asked to tell of by itself.",
)
POLLING = shape(
    "Polling",
    {
        "resources": listed(POLLED_STATE),
        "runs": listed(RUN),
        "watch": described(nullable(WATCH), "null where none was ever wanted"),
    },
)
DRY_RUN = shape(
    "DryRun",
    {
        "firstPoll": described(FLAG, "it would be the first poll"),
        "wouldSend": described(FLAG, "whether anything of it would be sent now"),
        "notes": described(listed(TEXT), "what keeps events from being found or sent"),
        "changes": described(
            listed(shape("DryRunChange", {"objectId": TEXT, "eventType": TEXT})),
            "what events would tell, the first hundred",
        ),
        "missingObjects": described(listed(TEXT), "gone before they could be read"),
        "putAsideObjects": described(
            listed(
                shape(
                    "DryRunPutAside",
                    {"objectId": TEXT, "eventType": TEXT, "error": nullable(TEXT)},
                )
            ),
            "those that could not be read, or wait their turn",
        ),
        "filteredObjects": described(
            listed(shape("DryRunFiltered", {"objectId": TEXT, "rule": TEXT})),
            "some of what a rule of the entry leaves out",
        ),
        "listed": described(nullable(NUMBER), "how many records the first poll would note"),
        "more": described(FLAG, "another poll would follow at once"),
        "notifications": described(NUMBER, "how many events it would be"),
        "payloads": described(
            listed(AN_OBJECT), "the bodies of the first three, up to 1 MB; their eventId is 0"
        ),
        "sample": described(
            nullable(AN_OBJECT),
            "of a first poll: what would be sent if a record of the listing were created later",
        ),
    },
    "What a poll would have found and sent. Nothing of it is stored.",
)
REPORT = shape(
    "PollReport",
    {
        "resource": TEXT,
        "status": described(
            TEXT, "found, idle, started, recovered, reconciled, failed, waiting or dropped"
        ),
        "found": NUMBER,
        "created": NUMBER,
        "updated": NUMBER,
        "deleted": NUMBER,
        "missing": NUMBER,
        "putAside": NUMBER,
        "events": described(listed(NUMBER), "the ids of the events that it made"),
        "error": nullable(TEXT),
        "recoveredGapSeconds": GAP,
        "dryRun?": DRY_RUN,
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

MINUTE = shape("UnitsOfAMinute", {"used": NUMBER, "limit": nullable(NUMBER)})
TODAY = shape(
    "UnitsOfADay",
    {
        "used": NUMBER,
        "polls": NUMBER,
        "calls": described(NUMBER, "of hub calls and bulk jobs on the same account"),
        "limit": nullable(NUMBER),
        "forecast": described(NUMBER, "what will have been used at the end of the day"),
    },
    "A day as the provider counts them.",
)
BUCKET = shape(
    "UnitsUsed",
    {
        "minute": MINUTE,
        "today": TODAY,
        "closedUntilDate": described(
            nullable(TIME), "nothing is asked until then: the provider itself has said so"
        ),
    },
)
WAITING = shape("WaitingForUnits", {"resource": TEXT, "untilDate": nullable(TIME)})
UNITS = shape(
    "Units",
    {
        "day": described(TEXT, "the provider's day, as a date"),
        "account": BUCKET,
        "project": described(
            nullable(BUCKET), "all instances of the same application; for its administrators"
        ),
        "waiting": listed(WAITING),
    },
    "Units of the provider's quota.",
)

RESOURCE = query("resource", "polls this one only", example="changed-messages")
IS_DRY_RUN = query("dryRun", "says what would be found and sent, and changes nothing", FLAG)
WANTED = shape(
    "PollWanted",
    {
        "resource?": described(TEXT, "as in the query"),
        "configuration?": described(
            AN_OBJECT,
            "an entry as event.poller.configuration has it, to be tried: for a dry run of one "
            "resource",
        ),
    },
)
WANTED_EXAMPLE = {"resource": "changed-messages"}

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
    "units": 42,
    "receipt": None,
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
            "waitsForUnitsUntilDate": None,
            "failures": 0,
            "error": None,
            "note": None,
            "reconciliation": None,
            "putAside": [],
        }
    ],
    "runs": [RUN_EXAMPLE],
    "watch": {
        "status": "on",
        "startedDate": "2026-01-05T09:30:01Z",
        "expiresDate": "2026-01-12T09:30:01Z",
        "lastHeardDate": "2026-01-05T09:44:59Z",
        "nextTryDate": "2026-01-06T08:12:40Z",
        "failures": 0,
        "error": None,
    },
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
UNITS_EXAMPLE: dict[str, Any] = {
    "day": "2026-01-05",
    "account": {
        "minute": {"used": 2, "limit": 6000},
        "today": {"used": 2340, "polls": 2300, "calls": 40, "limit": None, "forecast": 3990},
        "closedUntilDate": None,
    },
    "project": {
        "minute": {"used": 1200, "limit": 1200000},
        "today": {
            "used": 23000000,
            "polls": 22000000,
            "calls": 1000000,
            "limit": 80000000,
            "forecast": 39000000,
        },
        "closedUntilDate": None,
    },
    "waiting": [],
}
