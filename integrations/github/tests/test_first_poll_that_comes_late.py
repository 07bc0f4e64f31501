"""A first poll that succeeds some time after the connection tells what changed in between."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from integrations.github import change_feed
from integrations.github.tests.asked import NOW, Polled, answer, issue
from transport.errors import ProviderError
from transport.types import Request, Response

CONNECTED = 100  # seconds after NOW; the first poll that succeeds is at 400
DISABLED = answer({"message": "Issues has been disabled in this repository."}, status=410)


def dated(response: Response, second: int = 400) -> Response:
    date = format_datetime(NOW + timedelta(seconds=second), usegmt=True)
    return Response(response.status, {**response.headers, "date": date}, response.body)


def late(*issues: Any, name: str = "issues") -> Polled:
    newest_first = sorted(issues, key=lambda one: str(one["updated_at"]), reverse=True)
    polled = Polled(name, lambda request: dated(listed(newest_first, request)))
    polled.watched_since = NOW - timedelta(seconds=300)  # polled at NOW, 400 by GitHub's clock
    return polled


def listed(newest_first: list[Any], request: Request) -> Response:
    """A page as GitHub answers it: newest first, or oldest first where that is asked for."""
    since = str(request.query.get("since", ""))
    found = [one for one in newest_first if str(one["updated_at"]) >= since]
    if request.query.get("direction") == "asc":
        found.reverse()
    size, page = int(str(request.query["per_page"])), int(str(request.query.get("page", 1)))
    start = (page - 1) * size
    more = {**request.query, "page": page + 1} if start + size < len(found) else None
    return answer(found[start : start + size], more=more)


@pytest.mark.parametrize("name", ["issues", "comments", "pull-requests"])
def test_what_changed_since_the_connection_is_told(name: str) -> None:
    polled = late(
        issue(1, 10), issue(2, 95), issue(3, 150, made=20), issue(4, 160), issue(5, 399), name=name
    )
    ids = {"comments": 1000}.get(name, 0)
    assert polled.told() == [
        (str(ids + 3), "UPDATED"), (str(ids + 4), "CREATED"), (str(ids + 5), "CREATED"),
    ]  # fmt: skip
    assert polled.told() == []


@pytest.mark.parametrize("name", ["issues", "pull-requests"])
def test_more_than_a_page_is_told(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_feed, "PAGE", 3)
    old = [issue(number, number) for number in range(1, 10)]
    new = [issue(number, 100 + number) for number in range(10, 30)]
    polled = late(*old, *new, name=name)
    assert sorted(polled.told()) == [(str(number), "CREATED") for number in range(10, 30)]


def test_where_nothing_is_newer_nothing_is_told() -> None:
    polled = late(issue(1, 10), issue(2, 95))
    assert polled.told() == []
    assert len(polled.asked) == 1


def test_a_list_that_was_switched_off_is_empty_and_its_first_record_news() -> None:
    polled = late()
    polled.github = lambda _: dated(DISABLED)
    assert polled.told() == []
    assert polled.told() == []  # still off
    records = [issue(2, 450), issue(1, 10)]
    polled.github = lambda request: dated(listed(records, request), 500)
    assert polled.told() == [("2", "CREATED")]


def test_another_repository_begins_with_the_first_poll_of_it() -> None:
    polled = late(issue(1, 150))
    polled.told()
    polled.repository = "octocat/other"
    assert polled.told() == []


def test_other_errors_are_errors() -> None:
    polled = late()
    polled.github = lambda _: dated(answer({"message": "Not Found"}, status=404))
    with pytest.raises(ProviderError):
        polled.poll()
