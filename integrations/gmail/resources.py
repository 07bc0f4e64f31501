"""What Gmail offers at a path."""

from __future__ import annotations

from typing import Any

from elements.errors import ParameterError
from elements.types import Call, Operation, Page, Paging, Parameter, Resource
from integrations.gmail.changed_messages import changed_messages, list_changed_messages
from integrations.gmail.history import HISTORY, PROFILE, RECORDS_A_PAGE, is_safe_id
from integrations.gmail.messages import FORMATS, MESSAGES
from integrations.gmail.query import search
from integrations.gmail.units import UNITS
from transport.errors import MalformedAnswer
from transport.types import QueryValue, Request, Response, Steps

LABELS = "/gmail/v1/users/me/labels"


def list_messages(call: Call) -> Steps[Page]:
    """One page of messages, newest first: id and threadId of each, as Gmail lists them."""
    query = search(call)
    query["maxResults"] = max(1, min(call.page_size, 500))
    if call.page_token:
        query["pageToken"] = call.page_token
    response: Response = yield Request("GET", MESSAGES, query, units=UNITS["messages.list"])
    answer = response.object()
    records = answer.get("messages") or []
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise MalformedAnswer("messages in Gmail's messages.list is not a list of objects")
    token = answer.get("nextPageToken")
    return Page(records, token if isinstance(token, str) else "")


def get_message(call: Call) -> Steps[dict[str, Any]]:
    if not is_safe_id(call.object_id):
        raise ParameterError("id", "must be a message id as Gmail gives it")
    query: dict[str, QueryValue] = {}
    if wanted := call.query.get("format"):
        if wanted not in FORMATS:
            raise ParameterError("format", f"must be one of {', '.join(FORMATS)}")
        query["format"] = wanted
    if headers := call.query.get("metadataHeaders"):
        query["metadataHeaders"] = [name.strip() for name in headers.split(",") if name.strip()]
    response: Response = yield Request(
        "GET", f"{MESSAGES}/{call.object_id}", query, units=UNITS["messages.get"]
    )
    return response.object()


PROFILE_RESOURCE = Resource(
    name="profile",
    description="The mailbox's address, its counts and its current history id.",
    id_field="emailAddress",
    operations=(Operation("GET", "/profile", PROFILE, units=UNITS["getProfile"]),),
)

MESSAGES_RESOURCE = Resource(
    name="messages",
    description="Messages: listed by id, newest first, and read one by one.",
    lists_ids_only=True,
    operations=(
        Operation(
            "GET",
            "/messages",
            MESSAGES,
            listing=True,
            root_key="messages",
            paging=Paging(),
            parameters=(
                Parameter("where", description="Conditions joined by AND: from='user@example.com'"),
                Parameter("q", description="Gmail's own search words"),
                Parameter("labelIds", description="Comma-separated ids of labels it must have"),
                Parameter("includeSpamTrash", description="true also lists spam and trash"),
            ),
            units=UNITS["messages.list"],
            steps=list_messages,
        ),
        Operation(
            "GET",
            "/messages/{id}",
            f"{MESSAGES}/{{id}}",
            parameters=(
                Parameter("format", description=f"One of {', '.join(FORMATS)}"),
                Parameter(
                    "metadataHeaders", description="Comma-separated headers, with format=metadata"
                ),
            ),
            units=UNITS["messages.get"],
            steps=get_message,
        ),
    ),
)

LABELS_RESOURCE = Resource(
    name="labels",
    description="The mailbox's labels.",
    operations=(
        Operation(
            "GET", "/labels", LABELS, listing=True, root_key="labels", units=UNITS["labels.list"]
        ),
    ),
)

HISTORY_RESOURCE = Resource(
    name="history",
    description="The mailbox's history records since a history id, as Gmail gives them.",
    operations=(
        Operation(
            "GET",
            "/history",
            HISTORY,
            listing=True,
            root_key="history",
            paging=Paging(largest=RECORDS_A_PAGE),
            parameters=(
                Parameter(
                    "startHistoryId", description="The history id to start after", required=True
                ),
                Parameter("labelId", description="Only records of messages with this label"),
                Parameter(
                    "historyTypes", description="Only records of this kind, such as messageAdded"
                ),
            ),
            units=UNITS["history.list"],
        ),
    ),
)

CHANGED_MESSAGES_RESOURCE = Resource(
    name="changed-messages",
    description="Every message that was added, labelled or deleted since a history id.",
    aliases=("changed-message",),
    operations=(
        Operation(
            "GET",
            "/changed-messages",
            HISTORY,
            listing=True,
            parameters=(
                Parameter("historyId", description="The history id to start after"),
                Parameter("where", description="historyId>'<a history id>'"),
            ),
            units=UNITS["history.list"],
            steps=list_changed_messages,
        ),
    ),
    changes=changed_messages,
)

RESOURCES = (
    PROFILE_RESOURCE,
    MESSAGES_RESOURCE,
    LABELS_RESOURCE,
    HISTORY_RESOURCE,
    CHANGED_MESSAGES_RESOURCE,
)
