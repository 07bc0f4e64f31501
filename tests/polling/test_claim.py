"""Rows are claimed once, fairly, and come back when their holder dies."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from accounts.models import Organization, User
from instances.models import ElementInstance
from polling import claim, due_now
from polling.claim import LEASE, DueOrganizations, PollRunningError, claim_due, claim_instance
from polling.models import PollingResource
from polling.told import poll_at_once
from tests.patience import PATIENCE
from worker import wakeups

from .conftest import new_organization

T = TypeVar("T")


def rows(organization: Organization, count: int, due: datetime | None = None) -> None:
    """Many due resources, each of an instance of its own, due a millisecond after each other."""
    user = User.objects.filter(organization=organization).first()
    assert user is not None
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH instances AS (
                INSERT INTO instances_elementinstance (
                    organization_id, user_id, element_key, name, tags, token, token_digest,
                    configuration, secrets, external_authentication, enabled, valid, problem,
                    events_enabled, vendor_type, refresh_interval, created_at, updated_at
                )
                SELECT %(organization)s, %(user)s, 'ledger', 'many', '[]', '', gen_random_uuid(),
                       '{}', '', 'none', true, true, '', true, 'polling', 1, %(due)s, %(due)s
                FROM generate_series(1, %(count)s)
                RETURNING id
            )
            INSERT INTO polling_pollingresource (
                organization_id, instance_id, name, configuration, interval, enabled, active,
                next_poll_at, cursor, failures, error, created_at
            )
            SELECT %(organization)s, id, 'entries', '{}', 60, true, true,
                   %(due)s + row_number() OVER (ORDER BY id) * interval '1 millisecond',
                   '0', 0, '', %(due)s
            FROM instances
            """,
            {
                "organization": organization.pk,
                "user": user.pk,
                "count": count,
                "due": due or timezone.now() - timedelta(hours=1),
            },
        )


def elsewhere(work: Callable[[], T]) -> T:
    """Runs `work` on another database connection."""

    def run() -> T:
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result(PATIENCE)


@pytest.mark.django_db(transaction=True)
def test_two_at_once_never_claim_the_same_row(organization: Organization) -> None:
    rows(organization, 300)
    claimed: list[int] = []
    start = threading.Barrier(4)

    def work() -> list[int]:
        try:
            start.wait()
            mine = []
            while found := claim_due(20, timezone.now()):
                mine += [resource.id for resource in found]
            return mine
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(work) for _ in range(4)]:
            claimed += future.result(PATIENCE)
    assert len(claimed) == len(set(claimed)) == 300


@pytest.mark.django_db(transaction=True)
def test_a_locked_row_is_passed_over_without_waiting(organization: Organization) -> None:
    rows(organization, 2)
    with transaction.atomic():
        locked = PollingResource.objects.select_for_update().order_by("next_poll_at").first()
        assert locked is not None
        found = elsewhere(lambda: claim_due(10, timezone.now()))
    assert len(found) == 1
    assert found[0].id != locked.pk


@pytest.mark.django_db
def test_each_organization_gets_its_share(organization: Organization) -> None:
    rows(organization, 100, due=timezone.now() - timedelta(hours=2))
    others = [new_organization() for _ in range(3)]
    for other in others:
        rows(other, 30)
    shares = Counter(resource.organization_id for resource in claim_due(40, timezone.now()))
    assert shares == dict.fromkeys([organization.pk, *(other.pk for other in others)], 10)


@pytest.mark.django_db
def test_one_organization_alone_gets_everything_oldest_first(organization: Organization) -> None:
    rows(organization, 30)
    oldest = list(
        PollingResource.objects.order_by("next_poll_at").values_list("pk", flat=True)[:20]
    )
    assert {resource.id for resource in claim_due(20, timezone.now())} == set(oldest)


@pytest.mark.django_db
def test_organizations_that_wait_longest_come_first_when_there_are_many(
    organization: Organization,
) -> None:
    others = [new_organization() for _ in range(5)]
    now = timezone.now()
    for place, other in enumerate(others):
        rows(other, 3, due=now - timedelta(minutes=10 - place))
    assert [
        resource.organization_id for resource in sorted(claim_due(2, now), key=lambda one: one.due)
    ] == [others[0].pk, others[1].pk]


@pytest.mark.django_db
def test_an_organization_that_is_left_out_is_not_claimed_from(organization: Organization) -> None:
    other = new_organization()
    rows(organization, 3)
    rows(other, 3)
    found = claim_due(10, timezone.now(), left_out=[organization.pk])
    assert {resource.organization_id for resource in found} == {other.pk}


@pytest.mark.django_db
def test_what_is_not_due_or_not_active_is_not_claimed(organization: Organization) -> None:
    rows(organization, 3)
    now = timezone.now()
    first, second, third = PollingResource.objects.order_by("pk")
    PollingResource.objects.filter(pk=first.pk).update(next_poll_at=now + timedelta(seconds=1))
    PollingResource.objects.filter(pk=second.pk).update(active=False)
    assert [resource.id for resource in claim_due(10, now)] == [third.pk]


@pytest.mark.django_db
def test_a_lease_holds_until_it_runs_out(organization: Organization) -> None:
    rows(organization, 1)
    now = timezone.now()
    [mine] = claim_due(1, now)
    assert claim_due(1, now + LEASE - timedelta(seconds=1)) == []
    [theirs] = claim_due(1, now + LEASE)
    assert theirs.id == mine.id
    assert theirs.lease_id != mine.lease_id


@pytest.mark.django_db
def test_a_renewed_lease_holds_longer_and_a_lost_one_is_not_renewed(
    organization: Organization,
) -> None:
    rows(organization, 1)
    now = timezone.now()
    [mine] = claim_due(1, now)
    later = now + timedelta(seconds=50)
    assert claim.renew([mine], later) == 1
    assert claim_due(1, now + LEASE) == []
    [_theirs] = claim_due(1, later + LEASE)
    assert claim.renew([mine], later + LEASE) == 0
    assert claim.release([mine]) == 0


@pytest.mark.django_db
def test_a_released_row_is_due_as_before(organization: Organization) -> None:
    rows(organization, 1)
    now = timezone.now()
    before = PollingResource.objects.get().next_poll_at
    [mine] = claim_due(1, now)
    assert claim.release([mine]) == 1
    [again] = claim_due(1, now)
    assert again.due == before


@pytest.mark.django_db
def test_an_instance_is_claimed_whole_or_not_at_all(organization: Organization) -> None:
    rows(organization, 1)
    instance = ElementInstance.objects.get()
    PollingResource.objects.create(
        organization=organization, instance=instance, name="drafts", interval=60,
        next_poll_at=timezone.now() + timedelta(hours=1),
    )  # fmt: skip
    now = timezone.now()
    [held] = claim_due(10, now)
    with pytest.raises(PollRunningError):
        claim_instance(instance.pk, now)
    assert [one.name for one in claim_instance(instance.pk, now, name="drafts")] == ["drafts"]
    claim.release([held])
    later = now + LEASE
    assert {one.name for one in claim_instance(instance.pk, later)} == {"entries", "drafts"}


def many(monkeypatch: pytest.MonkeyPatch, due: datetime) -> list[int]:
    """Organizations of which one is visited in turn, each with a row that falls due then."""
    monkeypatch.setattr(claim, "VISITS", 1)
    monkeypatch.setattr(claim, "TURN_SHARE", 0)
    made = [new_organization() for _ in range(5)]
    for one in made:
        rows(one, 1, due=due)
    return [one.pk for one in made]


@pytest.mark.django_db
def test_organizations_are_found_in_time_however_far_their_turn_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = timezone.now()
    made = many(monkeypatch, now + timedelta(seconds=10))
    among = DueOrganizations()
    assert among.find(10, now) == []
    assert among.find(10, now + timedelta(seconds=5)) == []
    assert sorted(among.find(10, now + timedelta(seconds=11))) == made


@pytest.mark.django_db
def test_what_became_due_meanwhile_is_found_within_a_round_of_turns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = timezone.now()
    made = many(monkeypatch, now + timedelta(hours=1))
    among = DueOrganizations()
    assert among.find(10, now) == []
    PollingResource.objects.filter(organization=made[3]).update(next_poll_at=now)
    looks = [among.find(10, now) for _ in range(Organization.objects.count() + 1)]
    assert [made[3]] in looks
    assert among.find(10, now) == [made[3]]  # as long as it is due


@pytest.mark.django_db
def test_an_organization_that_is_expected_is_visited_at_the_next_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = timezone.now()
    made = many(monkeypatch, now + timedelta(hours=1))
    among = DueOrganizations()
    among.find(10, now)
    PollingResource.objects.filter(organization=made[4]).update(next_poll_at=now)
    among.expect(made[4], now)
    assert among.find(10, now) == [made[4]]


@pytest.mark.django_db(transaction=True)
def test_what_another_process_makes_due_is_claimed_at_the_next_look_of_each_engine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A provider's notice, a person, or a host that stops, of any organization."""
    now = timezone.now()
    made = many(monkeypatch, now + timedelta(hours=1))
    instances = {
        row.organization_id: row.instance_id for row in PollingResource.objects.order_by("pk")
    }
    engines = DueOrganizations(), DueOrganizations()
    for among in engines:
        assert among.find(10, now) == []
    for makes_due in (told_of, due_now.make_due):
        elsewhere(partial(makes_due, instances[made[3]], now))
        for among in engines:
            assert among.find(10, now) == [made[3]]
        claimed = claim_due(10, now, among=engines[0])
        assert [one.organization_id for one in claimed] == [made[3]]
        assert engines[1].find(10, now) == []

        elsewhere(partial(claim.release, claimed))
        assert engines[1].find(10, now) == [made[3]]
        PollingResource.objects.update(next_poll_at=now + timedelta(hours=1))
        assert engines[0].find(10, now) == engines[1].find(10, now) == []


def told_of(instance_id: int, now: datetime) -> None:
    poll_at_once(instance_ids=[instance_id], resources=["entries"], now=now)


@pytest.mark.django_db(transaction=True)
def test_a_wake_up_whose_transaction_ends_late_is_read_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = timezone.now()
    made = many(monkeypatch, now + timedelta(hours=1))
    among = DueOrganizations()
    among.find(10, now)
    with transaction.atomic():
        wakeups.wake(wakeups.POLLS, [made[1]], now)
        elsewhere(lambda: wakeups.wake(wakeups.POLLS, [made[3]], now))
        assert elsewhere(among._wakeups.read) == {made[3]: now}
        assert elsewhere(among._wakeups.read) == {}
    assert among._wakeups.read() == {made[1]: now}
    assert among._wakeups.read() == {}


@pytest.mark.django_db
def test_after_a_look_that_failed_all_are_visited(monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    made = many(monkeypatch, now + timedelta(seconds=10))
    among = DueOrganizations()
    among.find(10, now)
    later = now + timedelta(seconds=11)
    with monkeypatch.context() as broken:
        broken.setattr(claim, "VISIT", "SELECT 1 / 0")
        with pytest.raises(DatabaseError), transaction.atomic():
            among.find(10, later)
    assert sorted(among.find(10, later)) == made


@pytest.mark.django_db
def test_those_that_are_more_than_asked_for_come_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    made = many(monkeypatch, now - timedelta(seconds=10))
    among = DueOrganizations()
    found: list[int] = []
    while len(found) < len(made):
        some = among.find(2, now)
        assert some
        PollingResource.objects.filter(organization__in=some).update(next_poll_at=now + LEASE)
        found += some
    assert sorted(found) == made
    assert among.find(2, now) == []


@pytest.mark.parametrize("most", [10, 600])  # an engine of 200 places claims 600 at once
@pytest.mark.django_db
def test_the_claim_reads_no_more_than_it_takes(organization: Organization, most: int) -> None:
    """The plan: index look-ups for what is picked, whatever the number of rows."""
    rows(organization, 20_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE polling_pollingresource, instances_elementinstance")
        now = timezone.now()
        parameters: dict[str, Any] = {
            "organizations": [organization.pk], "share": most, "most": most, "now": now,
            "lease_id": "00000000-0000-0000-0000-000000000000", "lease_until": now + LEASE,
            "after": 0, "visits": 1_000, "expected": [organization.pk], "until": now,
            "since": [now - timedelta(hours=2)],
        }  # fmt: skip
        plans = []
        for statement in (claim.VISIT, claim.CLAIM_FAIR_SHARE):
            cursor.execute(f"EXPLAIN (FORMAT JSON, ANALYZE) {statement}", parameters)
            answer = cursor.fetchone()[0]
            plans.append(json.loads(answer) if isinstance(answer, str) else answer)
    for plan in plans:
        for node in nodes(plan[0]["Plan"]):
            relation = node.get("Relation Name")
            if relation in {"polling_pollingresource", "instances_elementinstance"}:
                assert node["Node Type"] in {"Index Scan", "Index Only Scan", "ModifyTable"}, node
                assert node["Actual Rows"] * node["Actual Loops"] <= most, node


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(found for child in plan.get("Plans", []) for found in nodes(child))]
