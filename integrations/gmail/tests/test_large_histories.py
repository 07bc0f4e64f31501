"""A history of any length is read in polls that each get somewhere."""

from __future__ import annotations

from collections import Counter

import pytest

from elements.calls import Changes, ChangeType, Unfetched
from integrations.gmail.changed_messages import changed_messages
from integrations.gmail.history import PAGES_A_POLL
from integrations.gmail.tests.stand_in import CutShort, Mailbox, answer, poll_call, refusal
from transport.errors import ProviderError
from transport.types import Request

RECORDS = 3_000
PAGE = 10


@pytest.fixture
def relabelled() -> tuple[Mailbox, str]:
    """A hundred messages that were relabelled thirty times each, and where polling stood."""
    mailbox = Mailbox(page_size=PAGE)
    for number in range(100):
        mailbox.deliver(f"m{number}")
    start = str(mailbox.history_id)
    for turn in range(RECORDS // 100):
        for number in range(100):
            mailbox.label(f"m{number}", f"Label_{turn}")
    mailbox.requests.clear()
    return mailbox, start


def test_a_poll_reads_a_bounded_part_and_asks_for_the_next(relabelled: tuple[Mailbox, str]) -> None:
    mailbox, cursor = relabelled
    told: Counter[tuple[str, str]] = Counter()
    aside: tuple[Unfetched, ...] = ()
    polls, more = 0, True
    while more:
        polls += 1
        mailbox.requests.clear()
        found = mailbox.run(changed_messages(poll_call(cursor, unfetched=aside)))
        assert len(mailbox.asked("history")) <= PAGES_A_POLL
        assert found.cursor != cursor
        told.update((one.object_id, one.fingerprint) for one in found.changes)
        cursor, aside = found.cursor, found.unfetched
        more = found.more or bool(aside)
    assert polls == RECORDS // PAGE // PAGES_A_POLL
    assert cursor == str(mailbox.history_id)
    assert {id_ for id_, _ in told} == set(mailbox.messages)


def test_what_a_poll_that_is_cut_short_has_read_is_kept(relabelled: tuple[Mailbox, str]) -> None:
    """Two pages and no fetch is all that there is time for."""
    mailbox, cursor = relabelled
    places = set()
    for _ in range(10):
        mailbox.checkpoints.clear()
        with pytest.raises(CutShort):
            mailbox.run(changed_messages(poll_call(cursor)), most=4)
        kept = mailbox.checkpoints[-1]
        assert kept.more
        assert {one.change_type for one in kept.unfetched} == {ChangeType.UPDATED}
        cursor = kept.cursor
        places.add(cursor)
    assert len(places) == 10
    read = [one for one in mailbox.history if int(one["id"]) <= int(cursor)]
    assert len(read) == 100 + 10 * 2 * PAGE


def test_each_batch_of_fetches_is_kept(relabelled: tuple[Mailbox, str]) -> None:
    mailbox, cursor = relabelled
    mailbox.run(changed_messages(poll_call(cursor)))
    *_, before, last = [one for one in mailbox.checkpoints if isinstance(one, Changes)]
    assert (len(before.changes), len(before.unfetched)) == (0, 100)
    assert (len(last.changes), len(last.unfetched)) == (50, 50)


def test_pages_before_the_one_that_fails_are_kept(
    relabelled: tuple[Mailbox, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox, cursor = relabelled
    answered = mailbox._history
    monkeypatch.setattr(
        mailbox,
        "_history",
        lambda request: (
            refusal(503, "backendError") if "pageToken" in request.query else answered(request)
        ),
    )
    with pytest.raises(ProviderError):
        mailbox.run(changed_messages(poll_call(cursor)))
    [kept] = mailbox.checkpoints
    assert len(kept.unfetched) == PAGE
    assert kept.cursor != cursor


def test_pages_without_records_are_no_place_to_go_on_from() -> None:
    steps = changed_messages(poll_call("7"))
    next(steps)
    for number in range(PAGES_A_POLL + 1):
        page = answer({"historyId": "9", "nextPageToken": str(number)})
        assert isinstance(steps.send(page), Request)
    with pytest.raises(StopIteration) as end:
        steps.send(answer({"historyId": "9"}))
    assert end.value.value.cursor == "9"
