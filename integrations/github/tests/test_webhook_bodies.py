"""What GitHub's webhooks tell, by the kind of event and the action."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from elements.calls import ChangeType, Received, Told
from elements.errors import UnreadableWebhookError
from integrations.github import webhook

CREATED, UPDATED, DELETED = ChangeType
AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
WHEN = {"created_at": "2026-11-01T11:00:00Z", "updated_at": "2026-11-01T12:00:00Z"}
ISSUE = {"id": 1001, "number": 7, **WHEN}
COMMENT = {"id": 1002, **WHEN}
PULL = {"id": 1003, "number": 8, **WHEN}
SHA, NOTHING = "a" * 40, "0" * 40
PUSH = {"ref": "refs/heads/main", "before": "b" * 40, "after": SHA, "pusher": {"name": "octocat"}}


def told(kind: str, body: Any) -> list[Told]:
    return webhook.read(Received(body, {"X-GitHub-Event": kind}))


@pytest.mark.parametrize(
    ("action", "change"),
    [("opened", CREATED), ("edited", UPDATED), ("closed", UPDATED), ("labeled", UPDATED),
     ("deleted", DELETED), ("transferred", DELETED), ("an action to come", UPDATED)],
)  # fmt: skip
def test_an_issue_is_told_by_its_number(action: str, change: ChangeType) -> None:
    date = None if change is DELETED else AT
    body = {"action": action, "issue": ISSUE}
    assert told("issues", body) == [Told("issues", "7", change, date)]


@pytest.mark.parametrize(
    ("action", "change"), [("created", CREATED), ("edited", UPDATED), ("deleted", DELETED)]
)
def test_a_comment_is_told_by_its_id(action: str, change: ChangeType) -> None:
    date = None if change is DELETED else AT
    body = {"action": action, "issue": ISSUE, "comment": COMMENT}
    assert told("issue_comment", body) == [Told("comments", "1002", change, date)]


@pytest.mark.parametrize(
    ("action", "change"), [("opened", CREATED), ("synchronize", UPDATED), ("closed", UPDATED)]
)
def test_a_pull_request_is_told_by_its_number(action: str, change: ChangeType) -> None:
    body = {"action": action, "pull_request": PULL}
    assert told("pull_request", body) == [Told("pull-requests", "8", change, AT)]


def test_a_push_is_told_by_branch_and_commit() -> None:
    body = {**PUSH, "repository": {"pushed_at": int(AT.timestamp())}}
    assert told("push", body) == [Told("pushes", f"refs/heads/main:{SHA}", CREATED, AT)]
    assert told("push", PUSH) == [Told("pushes", f"refs/heads/main:{SHA}", CREATED)]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("ping", {"zen": "Keep it simple."}),
        ("star", {"action": "created"}),
        ("push", {**PUSH, "after": NOTHING}),  # a branch is gone
        ("push", {**PUSH, "ref": "refs/tags/v1"}),
    ],
)
def test_there_is_nothing_to_tell_of(kind: str, body: Any) -> None:
    assert told(kind, body) == []


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("", {"action": "opened", "issue": ISSUE}),
        # The kind stands in a header that nobody signs: each has another's body.
        ("issues", {"action": "created", "issue": ISSUE, "comment": COMMENT}),
        ("issues", {"action": "opened", "issue": {**ISSUE, "pull_request": {}}}),
        ("issue_comment", {"action": "opened", "issue": ISSUE}),
        ("pull_request", {"action": "opened", "issue": ISSUE}),
        ("push", {"action": "opened", "issue": ISSUE}),
        ("issue_comment", {"action": "created", "comment": COMMENT}),  # of a commit
        # Nonsense.
        ("issues", []),
        ("issues", None),
        ("issues", {"action": "opened", "issue": []}),
        ("issues", {"action": "opened", "issue": {"number": "7", **WHEN}}),
        ("issues", {"action": "opened", "issue": {"number": 7}}),
        ("issues", {"issue": ISSUE}),
        ("push", {**PUSH, "ref": 7}),
        ("push", {**PUSH, "repository": 7}),
        ("push", {**PUSH, "repository": {"pushed_at": 10**30}}),
    ],
)
def test_what_isnt_understood_is_refused(kind: str, body: Any) -> None:
    with pytest.raises(UnreadableWebhookError, match=kind or "X-GitHub-Event is missing"):
        told(kind, body)
