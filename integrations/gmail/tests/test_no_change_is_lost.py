"""Whatever happens to a mailbox between polls: every change is told once, and none is lost."""

from __future__ import annotations

from datetime import datetime, timedelta
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from elements.calls import Changes, ChangeType, PollCall, Unfetched
from integrations.gmail import history
from integrations.gmail.changed_messages import changed_messages
from integrations.gmail.tests.stand_in import NOW, CutShort, Mailbox, poll_call, refusal

RECORDS_A_POLL = 6  # two pages
LABELS = st.sampled_from(["STARRED", "IMPORTANT", "TRASH", "Label_1"])


class MailboxStory(RuleBasedStateMachine):
    """Random histories and polls, with what the platform would commit after each poll."""

    ids = Bundle("ids")

    def __init__(self) -> None:
        super().__init__()
        self.mailbox = Mailbox(page_size=3)
        self.cursor = str(self.mailbox.history_id)
        self.aside: dict[str, Unfetched] = {}
        self.known: dict[str, tuple[str, datetime | None]] = {}
        self.told: list[tuple[str, ChangeType, str]] = []
        self.poisoned: set[str] = set()
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
        self.commit(self.mailbox.run(changed_messages(self.call()), self.known))

    @rule(steps=st.integers(1, 8))
    def poll_cut_short(self, steps: int) -> None:
        """Ended after so many steps, of which its last checkpoint is stored."""
        self.mailbox.checkpoints.clear()
        try:
            found = self.mailbox.run(changed_messages(self.call()), self.known, most=steps)
        except CutShort:
            if self.mailbox.checkpoints:
                self.commit(self.mailbox.checkpoints[-1])
        else:
            self.commit(found)

    def call(self) -> PollCall:
        return poll_call(
            self.cursor,
            unfetched=tuple(self.aside.values()),
            last_success_at=NOW,
        )

    def commit(self, found: Changes) -> None:
        """What a poll's commit does: equal fingerprints are dropped, the rest is told."""
        settled = [change.object_id for change in found.changes]
        settled += [*found.missing, *found.unchanged]
        places = [*settled, *(waiting.object_id for waiting in found.unfetched)]
        assert len(places) == len(set(places)), "each object ends in one place"
        assert set(self.aside) <= set(places), "nothing that was put aside is forgotten"
        for change in found.changes:
            if self.known.get(change.object_id, ("", None))[0] == change.fingerprint:
                continue
            self.told.append((change.object_id, change.change_type, change.fingerprint))
            self.known[change.object_id] = (change.fingerprint, change.occurred_at)
        self.aside = {waiting.object_id: waiting for waiting in found.unfetched}
        self.cursor = found.cursor

    @invariant()
    def nothing_is_told_twice(self) -> None:
        assert len(self.told) == len(set(self.told))
        created = [id_ for id_, kind, _ in self.told if kind is ChangeType.CREATED]
        assert len(created) == len(set(created))

    @invariant()
    def a_message_is_created_before_it_is_updated(self) -> None:
        seen: set[str] = set()
        for message_id, kind, _ in self.told:
            if kind is ChangeType.UPDATED:
                assert message_id in seen
            seen.add(message_id)

    def teardown(self) -> None:
        """Once nothing fails any more, everything that is there has been told as it is now."""
        self.mailbox.faults.clear()
        for _ in range(2 + len(self.mailbox.history) // RECORDS_A_POLL):
            self.poll()
        self.short_polls.stop()
        assert not self.aside
        for message_id, message in self.mailbox.messages.items():
            assert message_id in self.known
            told = [kind for id_, kind, _ in self.told if id_ == message_id]
            assert told[0] is ChangeType.CREATED
            assert f"history:{message['historyId']}:" in self.known[message_id][0]
        for message_id, (fingerprint, _) in self.known.items():
            assert (message_id in self.mailbox.messages) == (fingerprint != "deleted")


MailboxStory.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestMailboxStory = MailboxStory.TestCase
