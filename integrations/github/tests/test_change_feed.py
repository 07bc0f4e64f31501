"""What polls of GitHub's lists tell: every change once, whatever happens while they are read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elements.errors import ParameterError
from integrations.github import change_feed, objects
from integrations.github.sandbox.world import Json
from integrations.github.tests.asked import Polled, answer, at, issue
from integrations.github.tests.lists import Listed
from transport.errors import MalformedAnswer, ProviderError
from transport.types import Request, Response

SHA = {name: name * 40 for name in "abc"}


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_feed, "PAGE", 3)
    monkeypatch.setattr(change_feed, "PAGES_A_POLL", 2)


@pytest.fixture
def listed() -> Listed:
    return Listed()


# --- One change ----------------------------------------------------------------------------------


def test_the_first_poll_tells_nothing(listed: Listed) -> None:
    listed.change(1)
    polled = Polled("issues", listed)

    assert polled.told() == []
    assert polled.told() == []


def test_what_is_new_is_created_and_what_changes_is_updated(listed: Listed) -> None:
    listed.change(1)
    polled = Polled("issues", listed)
    polled.poll()

    listed.change(2)
    assert polled.told() == [("2", "CREATED")]
    listed.change(2)  # within the same second
    listed.second = 90
    listed.change(1)
    assert polled.told() == [("2", "UPDATED"), ("1", "UPDATED")]
    assert polled.told() == []


@pytest.mark.parametrize("name", ["issues", "pull-requests"])
@pytest.mark.parametrize("pages", [1, 2])
def test_a_date_of_the_future_hides_nothing(
    name: str, pages: int, listed: Listed, small_pages: None
) -> None:
    """Who imports issues says when they were changed."""
    polled = Polled(name, listed)
    listed.change(1)
    polled.poll()
    listed.second = 500_000_000
    listed.change(2)
    listed.records[3] = {**listed.records[2], "number": 3}
    listed.clock = listed.second = 100
    for number in range(10, 10 + 2 * pages):
        listed.change(number)
    told = polled.told()
    assert len(told) == len({id_ for id_, _ in told}) == 2 + 2 * pages

    for number in range(20, 24):
        listed.clock = listed.second = listed.second + 1000
        listed.change(number)
        assert polled.told() == [(str(number), "CREATED")]
        assert polled.told() == []


def test_a_first_poll_that_sees_a_date_of_the_future_starts_from_now(listed: Listed) -> None:
    listed.second = 500_000_000
    listed.change(1)
    listed.clock = listed.second = 100
    listed.change(2)
    polled = Polled("issues", listed)
    polled.poll()

    listed.clock = listed.second = 200
    listed.change(3)
    assert polled.told() == [("3", "CREATED")]


def test_an_empty_list_may_fill_up(listed: Listed) -> None:
    polled = Polled("comments", listed)
    polled.poll()

    listed.change(1)
    assert polled.told() == [("1", "CREATED")]


def test_nothing_new_is_a_304(listed: Listed) -> None:
    listed.change(1)
    polled = Polled("issues", listed)
    for _ in range(5):
        polled.poll()

    assert listed.statuses == [200, 200, 304, 304, 304]
    listed.second = 200
    listed.change(1)
    assert polled.told() == [("1", "UPDATED")]
    listed.statuses.clear()
    for _ in range(4):
        assert polled.poll().changes == ()
    assert listed.statuses == [200, 200, 304, 304]  # read once more, and from a later `since`


def test_a_pull_request_is_no_issue() -> None:
    records: list[Json] = []
    polled = Polled("issues", lambda _: answer(records))
    polled.poll()

    records += [issue(2, 20, pull_request={}), issue(1, 10)]
    assert polled.told() == [("1", "CREATED")]


def test_a_pull_requests_repository_is_none_of_its_state(listed: Listed) -> None:
    listed.change(1)
    listed.records[1]["base"] = {"ref": "main", "repo": {"open_issues_count": 1}}
    polled = Polled("pull-requests", listed)
    polled.poll()

    listed.records[1]["base"]["repo"]["open_issues_count"] = 2
    assert polled.told() == []
    listed.records[1]["base"]["ref"] = "next"
    assert polled.told() != []


def test_each_push_is_told() -> None:
    entries: list[Json] = []

    def pushed(before: str, after: str, ref: str = "refs/heads/main") -> None:
        number = len(entries) + 1
        entries.insert(
            0,
            {"id": number, "ref": ref, "before": before, "after": after, "timestamp": at(number)},
        )

    polled = Polled("pushes", lambda _: answer(entries))
    polled.poll()
    pushed(SHA["a"], SHA["b"])
    pushed(SHA["b"], SHA["a"])
    pushed(SHA["a"], SHA["b"])
    pushed(SHA["b"], "0" * 40, "refs/heads/old")  # deleted
    pushed(SHA["b"], SHA["c"], "refs/tags/v1")

    main = [f"refs/heads/main:{SHA[name]}" for name in "bab"]
    assert [id_ for id_, _ in polled.told()] == main
    assert polled.told() == []
    pushed(SHA["b"], SHA["c"])
    found = polled.poll().changes
    assert [one.object_id for one in found] == [f"refs/heads/main:{SHA['c']}"]
    assert found[0].record["id"] == found[0].object_id
    assert found[0].record["activityId"] == 6


# --- Many ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("name", ["issues", "pull-requests"])
def test_more_than_one_poll_reads_is_read_by_the_next_ones(name: str, listed: Listed) -> None:
    polled = Polled(name, listed)
    polled.poll()
    for number in range(1, 31):
        listed.second = number * 10
        listed.change(number)

    assert polled.poll().more
    rest = polled.told()
    assert sorted(polled.known, key=int) == [str(number) for number in range(1, 31)]
    assert {kind for _, kind in rest} == {"CREATED"}
    assert polled.told() == []


@pytest.mark.usefixtures("small_pages")
def test_more_than_a_page_may_change_within_one_second(listed: Listed) -> None:
    polled = Polled("issues", listed)
    polled.poll()
    for number in range(1, 31):
        listed.change(number)

    assert sorted(int(id_) for id_, _ in polled.told()) == [*range(1, 31)]
    assert polled.told() == []


STEPS = st.lists(
    st.tuples(
        st.integers(0, 40),  # seconds that pass
        st.lists(st.integers(1, 12), max_size=8),  # what is changed then
        st.lists(st.integers(1, 12), max_size=4),  # what is changed after each page of the poll
        st.sets(st.integers(1, 12), max_size=2),  # what is deleted then
    ),
    max_size=8,
)


def change_next(listed: Listed, waiting: Iterator[int]) -> None:
    listed.second += 1
    for number in waiting:
        listed.change(number)
        return


@pytest.mark.parametrize("name", ["issues", "pull-requests"])
@given(steps=STEPS)
@settings(max_examples=60, deadline=None)
def test_nothing_is_lost_and_nothing_told_twice(name: str, steps: list[tuple]) -> None:  # type: ignore[type-arg]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(change_feed, "PAGE", 3)
        patch.setattr(change_feed, "PAGES_A_POLL", 2)
        listed = Listed()
        for number in (1, 2, 3, 4, 5):
            listed.change(number)
        polled = Polled(name, listed)
        polled.poll()
        told: list[tuple[str, str]] = []
        for seconds, changed, changed_meanwhile, deleted in steps:
            listed.second += seconds
            for number in changed:
                listed.change(number)
            if name == "issues":  # a pull request stays
                for number in deleted:
                    listed.records.pop(number, None)
            listed.meanwhile = partial(change_next, listed, iter(changed_meanwhile))
            found = polled.poll()
            told += [(one.object_id, one.fingerprint) for one in found.changes]
        listed.meanwhile = lambda: None
        for _ in range(2):  # what goes on over several polls is of how it stood at first
            found = polled.poll()
            while found.more:
                told += [(one.object_id, one.fingerprint) for one in found.changes]
                found = polled.poll()
            told += [(one.object_id, one.fingerprint) for one in found.changes]
        assert polled.poll().changes == ()

    sighting = objects.LISTS[name].sighting
    for record in listed.records.values():
        seen = sighting(json.loads(json.dumps(record)))
        assert seen is not None
        if record["version"] > 1 or record["number"] > 5:
            assert polled.known[seen.object_id] == seen.fingerprint
    assert len(told) == len(set(told))


# --- What cannot be polled -----------------------------------------------------------------------


def test_another_repository_begins_anew(listed: Listed) -> None:
    listed.change(1)
    polled = Polled("issues", listed)
    polled.poll()
    polled.repository = "octocat/another"
    listed.change(2)

    assert polled.told() == []
    assert polled.asked[-1].url == "/repos/octocat/another/issues"
    assert polled.known.keys() == {"1", "2"}


@pytest.mark.parametrize("repository", ["", "  ", "../hello", "octocat/.."])
def test_without_a_repository_nothing_is_asked(repository: str, listed: Listed) -> None:
    with pytest.raises(ParameterError, match=r"configuration\.github\.repository"):
        Polled("issues", listed, repository).poll()
    assert listed.statuses == []


def test_a_refusal_leaves_the_cursor_and_says_when_to_come_again(listed: Listed) -> None:
    polled = Polled("issues", listed)
    polled.poll()
    before = polled.cursor
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "90"}
    polled.github = lambda _: Response(403, headers, b'{"message": "API rate limit exceeded"}')

    with pytest.raises(ProviderError) as raised:
        polled.poll()

    assert raised.value.retry_after == 90.0
    assert polled.cursor == before


@pytest.mark.parametrize(
    "records",
    [{}, [1], [{}], [{"number": "1"}], [issue(1, 1) | {"number": True}],
     [issue(1, 1) | {"updated_at": "yesterday"}], [issue(1, 1) | {"created_at": None}]],
)  # fmt: skip
def test_what_is_no_list_of_issues_is_refused(records: object) -> None:
    with pytest.raises(MalformedAnswer):
        Polled("issues", lambda _: answer(records)).poll()


def test_an_etag_that_cannot_be_sent_is_not(listed: Listed) -> None:
    def answered(request: Request) -> Response:
        response = listed(request)
        return Response(response.status, {"etag": '"a\nb"'}, response.body)

    polled = Polled("issues", answered)
    polled.poll()
    polled.poll()
    polled.poll()
    assert all("If-None-Match" not in one.headers for one in polled.asked)
