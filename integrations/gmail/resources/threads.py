"""Threads: listed and searched like messages, read, labelled and deleted as a whole."""

from __future__ import annotations

from typing import Any

from elements.calls import Call, Page
from elements.types import Field, Operation, Paging, Resource
from integrations.gmail.decoded_message import decoded
from integrations.gmail.resources.messages import (
    LARGEST_PAGE,
    READ_PARAMETERS,
    flag,
    format_query,
    search_page,
)
from integrations.gmail.resources.steps import (
    LABEL_IDS,
    ROOT,
    SEARCH_PARAMETERS,
    plain,
    relabelling,
    safe_id,
)
from integrations.gmail.units import UNITS
from transport.types import Request, Response, Steps

THREADS = f"{ROOT}/threads"
FORMATS = ("minimal", "metadata", "full")  # Gmail gives no raw threads


def list_threads(call: Call) -> Steps[Page]:
    """One page of threads with a message that the search finds, newest first."""
    return search_page(call, THREADS, "threads")


def get_thread(call: Call) -> Steps[dict[str, Any]]:
    """A thread as Gmail gives it, its messages decoded."""
    sanitize = flag(call, "sanitize")
    query = format_query(call, FORMATS)
    response: Response = yield Request(
        "GET", f"{THREADS}/{safe_id(call)}", query, units=UNITS["threads.get"]
    )
    thread = response.object()
    messages = thread.get("messages")
    if isinstance(messages, list):
        thread["messages"] = [
            decoded(one, sanitize=sanitize) if isinstance(one, dict) else one for one in messages
        ]
    return thread


RESOURCE = Resource(
    name="threads",
    description="Conversations: the messages that belong together.",
    fields=(
        Field("id", description="The thread's id", read_only=True),
        Field("snippet", description="How its newest message begins", read_only=True),
        Field("historyId", description="The history id of its last change", read_only=True),
        Field("messages", "array", "Its messages, the oldest first", read_only=True),
    ),
    operations=(
        Operation(
            "GET",
            "/threads",
            THREADS,
            "Lists threads with a message that a search finds, newest first.",
            listing=True,
            root_key="threads",
            paging=Paging(largest=LARGEST_PAGE),
            parameters=(*SEARCH_PARAMETERS, LABEL_IDS),
            units=UNITS["threads.list"],
            steps=list_threads,
        ),
        Operation(
            "GET",
            "/threads/{id}",
            f"{THREADS}/{{id}}",
            "Reads a thread with its messages, each decoded.",
            parameters=READ_PARAMETERS,
            units=UNITS["threads.get"],
            steps=get_thread,
        ),
        plain("DELETE", "/threads/{id}", "threads.delete", "Deletes all its messages for good."),
        plain("POST", "/threads/{id}/trash", "threads.trash", "Puts it into the trash."),
        plain("POST", "/threads/{id}/untrash", "threads.untrash", "Takes it out of the trash."),
        relabelling("/threads/{id}/labels", "threads.modify", "Adds and removes labels."),
    ),
)
