"""The first poll of a mailbox: where its history stands, and the mail since the watch began.

A watch begins when the account is connected, and its first poll may come much later: Gmail was
away, the project's API was not switched on yet. History is kept from the first poll on, so that
what came before is listed by its date, and only what Gmail itself dates later is told as CREATED.
What else happened until then (labels, deletions) cannot be asked for.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from elements.calls import Changes, ChangeType, PollCall
from integrations.gmail.history import current_history_id, is_safe_id
from integrations.gmail.messages import MESSAGES, fetch_messages
from integrations.gmail.page import listed, next_token
from integrations.gmail.units import UNITS
from transport.errors import MalformedAnswer, ProviderError
from transport.types import QueryValue, Request, Response, Steps

METHOD = "messages.list"
IDS_A_PAGE = 500  # the most that Gmail gives
FORBIDDEN = 403  # the scope gmail.metadata may not search


def begin(call: PollCall) -> Steps[Changes]:
    """Answer a poll that has no cursor."""
    cursor = yield from current_history_id()
    beginning = Changes((), cursor, unfetched=call.unfetched)
    since = call.watched_since
    if since is None:
        return beginning
    try:
        ids = yield from messages_since(since)
    except ProviderError as error:
        if error.status != FORBIDDEN or error.is_rate_limit:
            raise
        return beginning
    if not ids:
        return beginning
    wanted = {one.object_id: one.change_type for one in call.unfetched}
    fetched = yield from fetch_messages(
        {**dict.fromkeys(ids, ChangeType.CREATED), **wanted}, call.configuration
    )
    return replace(
        beginning,
        changes=tuple(
            one
            for one in fetched.changes.values()
            if one.object_id in wanted or (one.occurred_at is not None and one.occurred_at >= since)
        ),
        unfetched=tuple(fetched.unfetched),
        missing=tuple(one for one in fetched.missing if one in wanted),
    )


def messages_since(since: datetime) -> Steps[list[str]]:
    """The ids of all messages dated after `since`, oldest first."""
    newest_first: list[str] = []
    tokens: set[str] = set()
    query: dict[str, QueryValue] = {
        "q": f"after:{int(since.timestamp())}",
        "includeSpamTrash": "true",
        "maxResults": IDS_A_PAGE,
    }
    while True:
        response: Response = yield Request(
            "GET", MESSAGES, dict(query), units=UNITS["messages.list"]
        )
        page = response.object()
        for message in listed(page, "messages", METHOD):
            if not is_safe_id(message.get("id")):
                raise MalformedAnswer("Gmail's messages.list names a message without a usable id")
            newest_first.append(message["id"])
        token = next_token(page, METHOD)
        if not token:
            return newest_first[::-1]
        if token in tokens:
            raise MalformedAnswer("Gmail's messages.list gave the same nextPageToken twice")
        tokens.add(token)
        query["pageToken"] = token
