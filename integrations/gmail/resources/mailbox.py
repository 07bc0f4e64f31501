"""The mailbox as a whole: its profile, its history, and the messages that changed."""

from __future__ import annotations

from typing import Any

from elements.calls import Call, Page
from elements.errors import ParameterError
from elements.types import Field, Operation, Paging, Parameter, Resource
from integrations.gmail.changed_messages import changed_messages, list_changed_messages
from integrations.gmail.decoded_message import title_of
from integrations.gmail.history import HISTORY, METHOD, PROFILE, RECORDS_A_PAGE
from integrations.gmail.page import listed, next_token
from integrations.gmail.resources.messages import FIELDS
from integrations.gmail.units import UNITS
from transport.types import QueryValue, Request, Response, Steps

KINDS = ("messageAdded", "messageDeleted", "labelAdded", "labelRemoved")

PROFILE_RESOURCE = Resource(
    name="profile",
    description="The mailbox's address, its counts and its current history id.",
    id_field="emailAddress",
    fields=(
        Field("emailAddress", description="The address of the mailbox", read_only=True),
        Field("messagesTotal", "integer", "How many messages there are", read_only=True),
        Field("threadsTotal", "integer", "How many threads there are", read_only=True),
        Field("historyId", description="Where the history stands now", read_only=True),
    ),
    operations=(
        Operation("GET", "/profile", PROFILE, "Reads the profile.", units=UNITS["getProfile"]),
    ),
)


def list_history(call: Call) -> Steps[Page]:
    """One page of history records, the oldest first."""
    start = call.query.get("startHistoryId", "").strip()
    if not (start.isascii() and start.isdecimal()) or len(start) > 20:
        raise ParameterError("startHistoryId", "must be a history id as Gmail gives it")
    query: dict[str, QueryValue] = {"startHistoryId": start}
    if kinds := [one.strip() for one in call.query.get("historyTypes", "").split(",") if one]:
        if set(kinds) - set(KINDS):
            raise ParameterError("historyTypes", f"must be of {', '.join(KINDS)}")
        query["historyTypes"] = kinds
    if label_id := call.query.get("labelId", "").strip():
        query["labelId"] = label_id
    query["maxResults"] = max(1, min(call.page_size, RECORDS_A_PAGE))
    if call.page_token:
        query["pageToken"] = call.page_token
    response: Response = yield Request("GET", HISTORY, query, units=UNITS["history.list"])
    answer: dict[str, Any] = response.object()
    records = listed(answer, "history", METHOD)
    return Page(records, next_token(answer, METHOD))


HISTORY_RESOURCE = Resource(
    name="history",
    description="The mailbox's history records since a history id, as Gmail gives them.",
    fields=(
        Field("id", description="The history id of the record", read_only=True),
        Field("messages", "array", "The messages that changed", read_only=True),
        Field("messagesAdded", "array", "Messages that were added", read_only=True),
        Field("messagesDeleted", "array", "Messages that were deleted for good", read_only=True),
        Field("labelsAdded", "array", "Messages that got labels", read_only=True),
        Field("labelsRemoved", "array", "Messages that lost labels", read_only=True),
    ),
    operations=(
        Operation(
            "GET",
            "/history",
            HISTORY,
            "Lists the records after a history id, the oldest first.",
            listing=True,
            root_key="history",
            paging=Paging(largest=RECORDS_A_PAGE),
            parameters=(
                Parameter(
                    "startHistoryId", description="The history id to start after", required=True
                ),
                Parameter("labelId", description="Only records of messages with this label"),
                Parameter(
                    "historyTypes",
                    description=f"Only records of these kinds, comma-separated: {', '.join(KINDS)}",
                ),
            ),
            units=UNITS["history.list"],
            steps=list_history,
        ),
    ),
)

CHANGED_MESSAGES_RESOURCE = Resource(
    name="changed-messages",
    description="Every message that was added, labelled or deleted since a history id.",
    aliases=("changed-message",),
    title=title_of,
    fields=(
        *(one for one in FIELDS if one.name in ("id", "threadId", "historyId", "labelIds")),
        Field("changeType", description="CREATED, UPDATED or DELETED", read_only=True),
        Field("nextHistoryId", description="Where to start the next time", read_only=True),
    ),
    operations=(
        Operation(
            "GET",
            "/changed-messages",
            HISTORY,
            "Lists what changed since a history id, one record a message.",
            listing=True,
            parameters=(
                Parameter("historyId", description="The history id to start after"),
                Parameter("where", description="`historyId>'<a history id>'`"),
            ),
            units=UNITS["history.list"],
            steps=list_changed_messages,
        ),
    ),
    changes=changed_messages,
    reconciles=True,
)
