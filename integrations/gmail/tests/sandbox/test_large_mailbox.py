"""A large mailbox costs no more a page than a small one: every page is found by an index."""

import pytest

from integrations.gmail.sandbox.mailbox import Mailbox
from integrations.gmail.sandbox.mime import Draft
from integrations.gmail.sandbox.search import NOT_SPAM_OR_TRASH
from integrations.gmail.sandbox.stand_in import DEFAULT_MAILBOX, StandIn, deliver, open_stand_in

COUNT = 1_000


@pytest.fixture(scope="module")
def stand_in() -> StandIn:
    opened = open_stand_in(seed="large")
    with opened.store.transaction():
        for number in range(COUNT):
            draft = Draft("sender@example.com", DEFAULT_MAILBOX, f"Mail {number}", "Text")
            deliver(opened, DEFAULT_MAILBOX, draft, ["INBOX"])
    return opened


@pytest.fixture(scope="module")
def mailbox(stand_in: StandIn) -> Mailbox:
    return stand_in.mailboxes.open(DEFAULT_MAILBOX)


def _steps(stand_in: StandIn, work: object) -> int:
    """How many instructions of SQLite's machine the work takes: time, without a clock."""
    count = 0

    def tick() -> int:
        nonlocal count
        count += 1
        return 0

    stand_in.store._connection.set_progress_handler(tick, 100)
    try:
        assert callable(work)
        work()
    finally:
        stand_in.store._connection.set_progress_handler(None, 0)
    return count


@pytest.mark.parametrize("threads", [False, True])
def test_last_page_of_a_list_costs_what_the_first_does(
    stand_in: StandIn, mailbox: Mailbox, threads: bool
) -> None:
    everything = mailbox.search(NOT_SPAM_OR_TRASH, COUNT + 10, None)
    late = everything[-40]
    first = _steps(stand_in, lambda: mailbox.search(NOT_SPAM_OR_TRASH, 20, None, threads=threads))
    last = _steps(
        stand_in,
        lambda: mailbox.search(
            NOT_SPAM_OR_TRASH, 20, (late.internal_date, late.row_id), threads=threads
        ),
    )
    whole = _steps(stand_in, lambda: mailbox.search(NOT_SPAM_OR_TRASH, COUNT, None))
    assert whole > 3 * first
    assert last <= 2 * first


def test_last_page_of_history_costs_what_the_first_does(
    stand_in: StandIn, mailbox: Mailbox
) -> None:
    start = mailbox.overview().history_floor
    ids = [record.history_id for record in mailbox.history(start, 0)]
    few = _steps(stand_in, lambda: list(mailbox.history(start, ids[-20])))
    many = _steps(stand_in, lambda: list(mailbox.history(start, 0)))
    assert len(ids) == COUNT + 3
    assert many > 5 * max(few, 1)


def test_delivery_into_a_large_mailbox_costs_what_the_first_did(stand_in: StandIn) -> None:
    draft = Draft("sender@example.com", "new@example.com", "One", "Text")
    stand_in.mailboxes.create("new@example.com")
    small = _steps(stand_in, lambda: deliver(stand_in, "new@example.com", draft, ["INBOX"]))
    large = _steps(stand_in, lambda: deliver(stand_in, DEFAULT_MAILBOX, draft, ["INBOX"]))
    assert large <= 2 * small + 2
