"""Finds what changed while Gmail's history is lost: its ids are kept for about a week.

The window since the last good poll is listed anew and compared with what is known:

1. The profile first: its history id is the new cursor, so that whatever happens from here on is
   found by the next poll.
2. Every message since the last good poll, less a margin, but none of before events were switched
   on; spam and trash too: ids only.
3. A message that is not known is CREATED. A known one is fetched and UPDATED when its fingerprint
   differs. A known one of the window that is not listed is asked for: gone means DELETED.
4. What is beyond the fetches of one poll is put aside, as in any poll.

Not found this way: label changes and deletions of messages that are older than the window, and
messages imported meanwhile under an older date. Gmail offers no way to ask for them.

https://developers.google.com/workspace/gmail/api/guides/sync
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from elements.calls import Changes, ChangeType, Gap, PollCall
from integrations.gmail.history import current_history_id, is_safe_id
from integrations.gmail.messages import DELETED_FINGERPRINT, MESSAGES, fetch_messages
from integrations.gmail.page import next_token, objects
from integrations.gmail.units import UNITS
from transport.errors import MalformedAnswer
from transport.types import KnownObjects, QueryValue, Request, Response, Steps

MARGIN = timedelta(hours=1)  # mail is dated by its sender's side and may be listed late
METHOD = "messages.list"
IDS_A_PAGE = 500  # the most that Gmail gives


def recover(call: PollCall) -> Steps[Changes]:
    """Answers a poll whose cursor Gmail no longer knows."""
    cursor = yield from current_history_id()
    since = (call.last_success_at or call.started_at) - MARGIN
    if call.watched_since is not None:  # mail of before the watch began is no news
        since = max(since, call.watched_since)
    listed = yield from messages_since(since)
    put_aside = {waiting.object_id: waiting.change_type for waiting in call.unfetched}
    known: Mapping[str, str] = yield KnownObjects(
        ids=tuple(dict.fromkeys((*listed, *put_aside))), since=since
    )
    wanted = _compare(put_aside, listed, known)
    fetched = yield from fetch_messages(wanted, call.configuration, known)
    return Changes(
        changes=tuple(fetched.changes.values()),
        cursor=cursor,
        unfetched=tuple(fetched.unfetched),
        missing=tuple(fetched.missing),
        unchanged=tuple(fetched.unchanged),
        gap=Gap(since, call.started_at),
    )


def _compare(
    put_aside: Mapping[str, ChangeType], listed: list[str], known: Mapping[str, str]
) -> dict[str, ChangeType]:
    """What to fetch and what it is taken for: the put aside first, then the oldest."""
    wanted = dict(put_aside)
    for message_id in listed:
        if message_id not in known:
            wanted[message_id] = ChangeType.CREATED
        elif known[message_id] != DELETED_FINGERPRINT:
            wanted.setdefault(message_id, ChangeType.UPDATED)
    present = set(listed)
    for message_id, fingerprint in known.items():
        if message_id not in present and fingerprint != DELETED_FINGERPRINT:
            wanted[message_id] = ChangeType.DELETED
    return wanted


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
        for message in objects(page, "messages", METHOD):
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
