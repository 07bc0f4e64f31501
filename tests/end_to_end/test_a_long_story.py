"""Two thousand random changes, with faults of every kind: at the end, lost 0, doubled 0."""

from __future__ import annotations

import json
import random
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from events.models import Event
from polling.models import PollingResource, PutAsideObject
from polling.tasks import poll_all_due
from tests.end_to_end.line import MAILBOX, RESOURCE, Line
from tests.end_to_end.story import Story
from tests.events.receiver import Notification, Reply

CHANGES = 2000
STEP = timedelta(seconds=20)  # between two polls; all of the story is within an hour
ENOUGH = 60
PROVIDER_FAULTS: list[tuple[dict[str, object], dict[str, object], int]] = [
    ({"path": "/gmail/v1/users/me/history"}, {"status": 500}, 3),
    ({"path": "/gmail/v1/users/me/history"}, {"status": 429}, 3),
    ({"path": "/gmail/v1/users/me/history"}, {"cut": "mid-body"}, 1),
    ({"path_regex": "/messages/[^/]+$"}, {"status": 503}, 7),
    ({"path_regex": "/messages/[^/]+$"}, {"cut": "before"}, 5),
    ({"path_regex": "/messages/[^/]+$"}, {"html": True, "status": 200}, 1),
    ({"path_regex": "/messages/[^/]+$"}, {"status": 401}, 1),
    ({"path": "/token"}, {"status": 500}, 1),
]


@pytest.mark.parametrize("seed", [1])
def test_lost_0_doubled_0(connected: Line, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - a story, not a secret
    story = Story(connected.control, dice)
    connected.receiver.answer = lambda _: Reply(dice.choice([200, 200, 200, 200, 500]))
    with time_machine.travel(timezone.now(), tick=True) as clock:
        while story.changes < CHANGES:
            for _ in range(dice.randrange(1, 25)):
                story.go_on()
            trouble(story, connected, dice)
            clock.shift(STEP)
            poll_and_judge(connected, story, by_worker=dice.random() < 0.5)
            if dice.random() < 0.3:
                connected.retry()
        assert connected.shown()["valid"] is True
        connected.control.clear_faults()
        story.heal_all()
        connected.receiver.always(200)
        for _ in range(ENOUGH):
            clock.shift(timedelta(minutes=10))
            poll_and_judge(connected, story, by_worker=False)
            connected.retry()
            if not story.touched and not Event.objects.exclude(status="NOTIFIED").exists():
                break
    assert story.touched == set()
    assert story.told == set(story.present)
    assert min(story.happened.values()) >= 2, story.happened
    assert_the_customer_has_the_whole_story(connected, story)


def trouble(story: Story, line: Line, dice: random.Random) -> None:
    if dice.random() < 0.1:
        story.lose_history()
    if dice.random() < 0.3:
        match, answer, times = dice.choice(PROVIDER_FAULTS)
        line.control.add_fault(match, answer, times=times)
        story.happened["provider fault"] += 1
    if dice.random() < 0.1:
        line.control.expire_access_tokens(MAILBOX)
        story.happened["token expired"] += 1
    if dice.random() < 0.06:
        story.burst(dice.choice([205, 230]))
        story.happened["large burst"] += 1


def poll_and_judge(line: Line, story: Story, *, by_worker: bool) -> None:
    before = Event.objects.count()
    failures = PollingResource.objects.get().failures
    if by_worker:
        PollingResource.objects.update(next_poll_at=timezone.now())
        poll_all_due()
    else:
        line.poll()
    resource = PollingResource.objects.get()
    assert resource.lease_id is None
    found = [
        (one["objectId"], one["eventType"])
        for event in Event.objects.order_by("pk")[before:]
        for one in event.objects_found
    ]
    if resource.failures > failures:
        story.happened["failed poll"] += 1
        # Chunks of a large find that came before the failure are stored.
        assert resource.error
    settled = resource.failures == 0 and not PutAsideObject.objects.exists()
    story.hear(found, settled=settled)
    line.deliver()


def assert_the_customer_has_the_whole_story(line: Line, story: Story) -> None:
    """Played one after another, the events that arrived give the mailbox as it is."""
    arrived: dict[int, Notification] = {}
    webhook_ids: dict[str, int] = {}
    for notification in line.receiver.received:
        event_id = json.loads(notification.body)["message"]["eventId"]
        assert arrived.setdefault(event_id, notification).body == notification.body
        assert webhook_ids.setdefault(notification.webhook_id, event_id) == event_id
    assert len(webhook_ids) == len(arrived) == Event.objects.count()
    mailbox: dict[str, set[str]] = {}
    states = set()
    for _, notification in sorted(arrived.items()):
        for record in json.loads(notification.body)["message"]["raw"][RESOURCE]:
            state = (record["id"], record["changeType"], record.get("historyId"))
            assert state not in states, f"{state} was told twice"
            states.add(state)
            if record["changeType"] == "DELETED":
                mailbox.pop(record["id"], None)
            else:
                mailbox[record["id"]] = set(record["labelIds"])
    assert mailbox == story.present
