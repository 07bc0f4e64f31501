"""Whatever happens to a mailbox between polls: every change is told once, and none is lost."""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from elements.calls import ChangeType
from integrations.gmail import history
from integrations.gmail.messages import fingerprint_of
from integrations.gmail.tests.stand_in import NOW, Mailbox, Watched, refusal

RECORDS_A_POLL = 6  # two pages
LABELS = st.sampled_from(["STARRED", "IMPORTANT", "TRASH", "Label_1"])


class MailboxStory(RuleBasedStateMachine):
    """Random histories and polls, with what the platform would commit after each poll."""

    ids = Bundle("ids")

    def __init__(self) -> None:
        super().__init__()
        self.mailbox = Mailbox(page_size=3)
        self.watched = Watched(self.mailbox, str(self.mailbox.history_id), watched_since=NOW)
        self.count = 0
        self.short_polls = patch.object(history, "PAGES_A_POLL", RECORDS_A_POLL // 3)
        self.short_polls.start()

    @rule(target=ids)
    def deliver(self) -> str:
        self.count += 1
        message_id = f"m{self.count}"
        self.mailbox.deliver(message_id, dated=NOW + timedelta(seconds=self.count))
        return message_id

    @rule(message_id=ids, label=LABELS)
    def label(self, message_id: str, label: str) -> None:
        message = self.mailbox.messages.get(message_id)
        if message is None:
            return
        if label in message["labelIds"]:
            self.mailbox.unlabel(message_id, label)
        else:
            self.mailbox.label(message_id, label)

    @rule(message_id=ids)
    def delete(self, message_id: str) -> None:
        if message_id in self.mailbox.messages:
            self.mailbox.delete(message_id)

    @rule(message_id=ids)
    def poison(self, message_id: str) -> None:
        self.mailbox.faults[message_id] = refusal(500, "backendError")

    @rule()
    @precondition(lambda self: self.mailbox.faults)
    def heal(self) -> None:
        self.mailbox.faults.clear()

    @rule()
    def expire(self) -> None:
        self.mailbox.expire()

    @rule()
    def poll(self) -> None:
        self.watched.poll()

    @rule(steps=st.integers(1, 12))
    def poll_cut_short(self, steps: int) -> None:
        """Ended after so many steps, of which its last checkpoint is stored."""
        self.watched.poll(most=steps)

    @invariant()
    def nothing_is_told_twice(self) -> None:
        assert len(self.watched.told) == len(set(self.watched.told))
        created = [id_ for id_, kind, _ in self.watched.told if kind is ChangeType.CREATED]
        assert len(created) == len(set(created))

    @invariant()
    def a_message_is_created_before_it_is_updated(self) -> None:
        seen: set[str] = set()
        for message_id, kind, _ in self.watched.told:
            if kind is ChangeType.UPDATED:
                assert message_id in seen
            seen.add(message_id)

    def teardown(self) -> None:
        """Once nothing fails any more, everything that is there has been told as it is now."""
        self.mailbox.faults.clear()
        for _ in range(2):  # what failed last time is asked for once more
            self.watched.poll_on()
        self.short_polls.stop()
        assert not self.watched.aside
        for message_id, message in self.mailbox.messages.items():
            assert message_id in self.watched.known
            told = [kind for id_, kind, _ in self.watched.told if id_ == message_id]
            assert told[0] is ChangeType.CREATED
            now = fingerprint_of(message["historyId"], message["labelIds"])
            known = self.watched.known[message_id][0]
            if self.mailbox.expired_before:  # a label that came and went within a gap is unknown
                now, known = now.rpartition(":")[2], known.rpartition(":")[2]
            assert now == known
        for message_id, (fingerprint, _) in self.watched.known.items():
            assert (message_id in self.mailbox.messages) == (fingerprint != "deleted")


MailboxStory.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestMailboxStory = MailboxStory.TestCase
