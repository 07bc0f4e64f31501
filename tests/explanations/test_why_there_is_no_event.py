"""Of an object that nobody was told of: what is known of it, and what keeps it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Organization
from accounts.reach import Reach
from elements.calls import Changes, Filtered
from events.models import Subscription
from explanations.absence import absences_of, reasons_of
from explanations.scope import Scope
from instances import scopes
from instances.models import ElementInstance
from polling import claim, commit, poll_now
from polling.models import PolledObject, PollingResource, PollRun, PutAsideObject
from polling.poll import Succeeded
from tests.events.receiver import Receiver
from tests.polling.conftest import connect_shelf
from tests.polling.ledger import Ledger
from tests.polling.shelf import ShelfServer

from .conftest import Ask, change

pytestmark = pytest.mark.django_db


def reasons(answer: Any) -> dict[str, str]:
    """Messages by code, of the one instance."""
    [instance] = answer["instances"]
    return {one["code"]: one["message"] for one in instance["reasons"]}


def test_what_cannot_be_read_is_put_aside(
    ask: Ask, instance: ElementInstance, ledger: Ledger
) -> None:
    ledger.add("bad")
    ledger.poisoned.add("bad")
    poll_now.poll_now(instance)

    answer = ask(objectId="bad")

    assert answer["events"] == []
    assert "this entry cannot be read" in reasons(answer)["put-aside"]
    [resource] = answer["instances"][0]["resources"]
    assert (resource["putAside"]["eventType"], resource["putAside"]["attempts"]) == ("CREATED", 1)
    assert resource["putAside"]["nextTryDate"] in reasons(answer)["put-aside"]


def test_what_waits_its_turn_is_put_aside_too(ask: Ask, resource: PollingResource) -> None:
    PutAsideObject.objects.create(
        resource=resource, object_id="a", change_type="CREATED", next_try_at=timezone.now()
    )
    assert "waits its turn" in reasons(ask(objectId="a"))["put-aside"]


def test_what_was_gone_before_it_could_be_read_is_missing(
    ask: Ask, instance: ElementInstance, ledger: Ledger
) -> None:
    ledger.add("here", "gone")
    del ledger.versions["gone"]
    poll_now.poll_now(instance)

    answer = ask(objectId="gone")

    assert "gone before it could be read" in reasons(answer)["missing"]
    [note] = answer["instances"][0]["resources"][0]["untold"]
    assert (note["why"], note["rule"], note["poll"]["missing"]) == ("missing", None, 1)
    assert "missing" not in reasons(ask(objectId="here"))


def test_what_a_rule_left_out_names_the_rule(ask: Ask, instance: ElementInstance) -> None:
    commit_found(instance, Filtered("hidden", "where: status='open'"), missing=("other",))
    answer = ask(objectId="hidden")
    assert "where: status='open'" in reasons(answer)["filtered"]
    assert answer["instances"][0]["resources"][0]["untold"][0]["rule"] == "where: status='open'"


def test_what_a_where_leaves_out_is_noted_with_what_is_found(
    ask: Ask, organization: Organization, shelves: ShelfServer
) -> None:
    shelf = shelves.shelves["secret"]
    poller = {"items": {"url": "/hubs/general/items?where=colour='red'", "idField": "id"}}
    instance = connect_shelf(organization, "secret", poller)
    poll_now.start_new(instance.pk)
    shelf.put("blue", colour="blue")
    shelf.put("red", colour="red")
    poll_now.poll_now(instance)
    assert "the where of its url" in reasons(ask(objectId="blue"))["filtered"]


def test_a_poll_that_only_left_out_is_noted_once(ask: Ask, instance: ElementInstance) -> None:
    before = PollRun.objects.count()
    hidden, late = (Filtered(id_, "where: status='open'") for id_ in ("hidden", "late"))
    for left_out in ([hidden, late], [late, hidden], [], [hidden, late]):
        commit_found(instance, *left_out)
    assert PollRun.objects.count() == before + 1
    assert "status='open'" in reasons(ask(objectId="hidden"))["filtered"]
    commit_found(instance, late)
    assert PollRun.objects.count() == before + 2


def commit_found(
    instance: ElementInstance, *filtered: Filtered, missing: tuple[str, ...] = ()
) -> None:
    now = timezone.now()
    [held] = claim.claim_instance(instance.pk, now)
    found = Changes((), "1", filtered=filtered, missing=missing)
    commit.commit(Succeeded(held, now, found), now)


def test_notes_of_one_poll_are_bounded(instance: ElementInstance) -> None:
    many = [Filtered(f"o{number}", "r" * 2000) for number in range(500)]
    commit_found(instance, *many, missing=tuple(f"m{number}" for number in range(3000)))
    run = PollRun.objects.latest("pk")
    assert run.missing == 3000
    assert len(run.untold) == 1100
    assert max(len(one.get("rule", "")) for one in run.untold) == 500


@pytest.mark.parametrize(
    ("columns", "code", "said"),
    [
        ({"enabled": False}, "disabled", "disabled"),
        ({"valid": False, "problem": "it was revoked"}, "grant-lost", "it was revoked"),
        ({"events_enabled": False}, "events-off", "event.notification.enabled"),
        ({"vendor_type": "webhook"}, "webhooks", "not polled"),
        ({"callback": ""}, "no-callback-url", "event.notification.callback.url"),
    ],
)
def test_what_keeps_the_instance_from_telling_comes_first(
    ask: Ask, instance: ElementInstance, columns: dict[str, Any], code: str, said: str
) -> None:
    change(instance, **columns)
    [shown] = ask(instance.pk, objectId="a")["instances"]
    assert shown["reasons"][0]["code"] == code
    assert said in shown["reasons"][0]["message"]


def test_a_deactivated_subscription_says_why(ask: Ask, instance: ElementInstance) -> None:
    Subscription.objects.update(
        active=False, deactivated_at=timezone.now(), deactivation_reason="it failed ten times"
    )
    assert "it failed ten times" in reasons(ask(instance.pk, objectId="a"))["deactivated"]


def test_the_owner_may_be_switched_off(ask: Ask, instance: ElementInstance) -> None:
    instance.user.is_active = False
    instance.user.save()
    [absence] = absences_of(Scope(Reach(instance.organization), instance.pk), "a", set())
    assert reasons_of(absence, "a")[0].code == "owner-deactivated"


def test_what_nobody_has_seen_says_when_was_looked_and_where(
    ask: Ask, instance: ElementInstance, resource: PollingResource
) -> None:
    poll_now.poll_now(instance)
    answer = ask(instance.pk, objectId="a")
    said = reasons(answer)
    assert list(said) == ["not-seen", "not-polled"]
    [shown] = answer["instances"][0]["resources"]
    assert shown["lastPolledDate"] in said["not-seen"]
    assert shown["nextPollDate"] in said["not-seen"]
    assert "/hubs/general/entries" in said["not-seen"]
    assert said["not-polled"] == "not polled on this instance: drafts"
    assert ask(objectId="a")["instances"] == []


def test_a_poll_that_should_have_run_and_did_not_says_so(
    ask: Ask, instance: ElementInstance, resource: PollingResource
) -> None:
    hours_ago = timezone.now() - timedelta(hours=5)
    PollingResource.objects.update(next_poll_at=hours_ago, last_polled_at=hours_ago)
    assert "entries" in reasons(ask(instance.pk, objectId="a"))["problem"]


def test_what_the_account_did_not_grant_is_said(
    ask: Ask, instance: ElementInstance, resource: PollingResource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scopes, "needed_to_read", lambda *_: ("read.entries",))
    said = reasons(ask(instance.pk, objectId="a"))
    assert said["not-granted"] == "entries: the account granted none of read.entries"


def test_polls_that_fail_say_so(ask: Ask, instance: ElementInstance, ledger: Ledger) -> None:
    ledger.faults = [403]
    poll_now.poll_now(instance)
    assert "403" in reasons(ask(instance.pk, objectId="a"))["poll-failing"]


def test_a_resource_that_has_not_started_says_so(
    ask: Ask, instance: ElementInstance, resource: PollingResource
) -> None:
    PollingResource.objects.update(cursor=None)
    assert "not-started" in reasons(ask(instance.pk, objectId="a"))


def test_what_the_first_poll_knew_is_unchanged(
    ask: Ask, organization: Organization, shelves: ShelfServer
) -> None:
    shelves.shelves["secret"].put("a", colour="red")
    poller = {"items": {"url": "/hubs/general/items", "idField": "id"}}
    instance = connect_shelf(organization, "secret", poller)
    poll_now.start_new(instance.pk)
    assert PolledObject.objects.filter(object_id="a").exists()
    answer = ask(objectId="a")
    assert "no change was found since" in reasons(answer)["unchanged"]
    assert answer["instances"][0]["instanceId"] == instance.pk


def test_all_instances_that_know_of_it_are_named(
    ask: Ask,
    instance: ElementInstance,
    connect: Callable[..., ElementInstance],
    ledger: Ledger,
    provider: Any,
    receiver: Receiver,
) -> None:
    other = connect("second")
    connect("third")
    poll_now.start_new(other.pk)
    ledger.add("a")
    second = provider.ledgers["second"]
    second.add("a")
    second.poisoned.add("a")
    for one in (instance, other):
        poll_now.poll_now(one)

    answer = ask(objectId="a")

    assert [one["instanceId"] for one in answer["events"]] == [instance.pk]
    codes = {
        one["instanceId"]: [reason["code"] for reason in one["reasons"]]
        for one in answer["instances"]
    }
    assert codes == {instance.pk: [], other.pk: ["no-callback-url", "put-aside"]}
