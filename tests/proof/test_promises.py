"""The proof can fail: what is lost, repeated or out of place in what was told is noticed."""

from __future__ import annotations

import pytest

from tests.proof.customer import Customer, Told
from tests.proof.ledger import Story
from tests.proof.verdict import Gap, Promise, Verdict, check_states, overtaken

WATCHED_FROM = 10
INBOX, STARRED = frozenset({"INBOX"}), frozenset({"INBOX", "STARRED"})


def story(*changes: tuple[int, str]) -> Story:
    kinds = {"+": "messagesAdded", "-": "messagesDeleted", "*": "labelsAdded"}
    labels = {id_: STARRED if kind == "*" else INBOX for id_, kind in changes}
    return Story([(id_, kinds[kind]) for id_, kind in changes], labels)


def told(*changes: tuple[str, int | None, frozenset[str]]) -> list[Told]:
    return [Told("a@example.com", "m", *change) for change in changes]


def broken(happened: Story, heard: list[Told], *gaps: Gap, past: bool = False) -> list[str]:
    return list(Promise(happened, list(gaps), WATCHED_FROM, past).broken(heard))


KEPT: dict[str, tuple[Story, list[Told]]] = {
    "added": (story((11, "+")), told(("CREATED", 11, INBOX))),
    "added and labelled at once": (story((11, "+"), (12, "*")), told(("CREATED", 12, STARRED))),
    "added, then labelled": (
        story((11, "+"), (12, "*")),
        told(("CREATED", 11, INBOX), ("UPDATED", 12, STARRED)),
    ),
    "came and went": (story((11, "+"), (12, "-")), told(("DELETED", 12, INBOX))),
    "was there before": (story((9, "+"), (12, "*")), told(("UPDATED", 12, STARRED))),
}
BROKEN: dict[str, tuple[Story, list[Told]]] = {
    "nothing is told": (story((11, "+")), []),
    "an old state is the last": (story((11, "+"), (12, "*")), told(("CREATED", 11, INBOX))),
    "new twice": (story((11, "+")), told(("CREATED", 11, INBOX), ("CREATED", 11, INBOX))),
    "never new": (story((11, "+")), told(("UPDATED", 11, INBOX))),
    "new, and was there before": (story((9, "+"), (12, "*")), told(("CREATED", 12, STARRED))),
    "gone, and is there": (
        story((11, "+")),
        told(("CREATED", 11, INBOX), ("DELETED", None, INBOX)),
    ),
    "its end is not told": (story((11, "+"), (12, "-")), told(("CREATED", 11, INBOX))),
    "came and went in silence": (story((11, "+"), (12, "-")), []),
}


@pytest.mark.parametrize(("happened", "heard"), KEPT.values(), ids=KEPT)
def test_a_kept_promise(happened: Story, heard: list[Told]) -> None:
    assert broken(happened, heard) == []


@pytest.mark.parametrize(("happened", "heard"), BROKEN.values(), ids=BROKEN)
def test_a_broken_promise(happened: Story, heard: list[Told]) -> None:
    assert broken(happened, heard) != []


GAP = Gap(start=20, end=30)
KNOWN = told(("CREATED", 11, INBOX))


@pytest.mark.parametrize(
    ("happened", "past", "promised"),
    [
        (story((25, "+")), False, True),
        (story((25, "+")), True, False),
        (story((25, "+"), (26, "-")), False, False),
        (story((9, "+"), (25, "*")), False, False),
        (story((9, "+"), (25, "-")), False, False),
        (story((9, "+"), (25, "*"), (31, "*")), False, True),
        (story((25, "+"), (31, "*")), True, True),
    ],
)
def test_of_a_gap_only_what_a_comparison_shows_is_promised(
    happened: Story, past: bool, promised: bool
) -> None:
    assert bool(broken(happened, [], GAP, past=past)) == promised


@pytest.mark.parametrize("past", [False, True])
def test_who_was_told_of_a_message_is_told_of_its_end_within_a_gap(*, past: bool) -> None:
    happened = story((11, "+"), (25, "-"))
    assert broken(happened, KNOWN, GAP, past=past) == ["its end is not told"]


@pytest.mark.parametrize("past", [False, True])
def test_who_was_told_of_a_message_is_told_of_its_labels_within_a_gap(*, past: bool) -> None:
    happened = story((11, "+"), (25, "*"))
    assert broken(happened, KNOWN, GAP, past=past) == [
        "its last state that can be known, 25, is not told"
    ]
    heard = [*KNOWN, *told(("UPDATED", 25, STARRED))]
    assert broken(happened, heard, GAP, past=past) == []


def test_of_labels_that_came_and_went_within_a_gap_nothing_is_promised() -> None:
    happened = story((11, "+"), (25, "*"), (26, "*"))
    happened.labels[26] = INBOX
    assert broken(happened, KNOWN, GAP) == []
    happened.changes.append((31, "labelsAdded"))  # the history tells of it
    happened.labels[31] = INBOX
    assert broken(happened, KNOWN, GAP) != []


@pytest.mark.parametrize(
    "heard",
    [
        told(("CREATED", 11, STARRED)),
        told(("CREATED", 13, INBOX)),
        told(("UPDATED", 12, STARRED), ("CREATED", 11, INBOX)),
        told(("CREATED", 11, INBOX), ("UPDATED", 11, INBOX)),
        told(("DELETED", None, INBOX)),
    ],
    ids=["other labels", "at another time", "backwards", "twice", "gone"],
)
def test_what_never_was_is_untrue(heard: list[Told]) -> None:
    verdict = Verdict()
    check_states(verdict, "m", story((11, "+"), (12, "*")), heard)
    assert verdict.untrue != []


@pytest.mark.parametrize(
    ("heard", "taken", "wrong"),
    [
        ({"first": 1, "second": 3}, {"first": 2, "second": 3}, False),
        ({"first": 1, "second": 2}, {"first": 3, "second": 4}, True),
        ({"first": 2, "second": 1}, {"first": 2, "second": 1}, True),
        ({"first": 1, "second": 2}, {"second": 2}, True),
    ],
    ids=["in order", "tried meanwhile", "the other way round", "the first never arrived"],
)
def test_an_event_is_overtaken_by_a_later_one_of_its_message(
    customer: Customer, heard: dict[str, int], taken: dict[str, int], wrong: bool
) -> None:
    change = told(("UPDATED", 11, INBOX))
    customer.told = {"second": change, "first": change}
    customer.events = {"second": 2, "first": 1}
    customer.heard, customer.taken = heard, taken
    assert bool(list(overtaken(customer, {"a@example.com"}))) == wrong
    assert not list(overtaken(customer, {"b@example.com"}))
