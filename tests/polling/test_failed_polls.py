"""A provider that fails is recorded on the resource and asked again; the cursor does not move."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from instances.models import Credential
from instances.signals import grant_lost
from polling.models import PollingResource, PollRun, PutAsideObject
from tests.all_due import poll_all_due

from .conftest import Connect, saved
from .ledger import Ledger, LedgerServer
from .telling import in_a_hurry, poll, told

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (403, "403"),
        (429, "429"),
        (500, "500"),
        ("cut", "cut the connection"),
        ("html", "not JSON"),
        ("hang", "no whole answer"),
    ],
)
def test_a_fault_is_recorded_and_loses_nothing(
    resource: PollingResource, ledger: Ledger, fault: Any, said: str
) -> None:
    ledger.add("a")
    ledger.faults = [fault] * 9
    with time_machine.travel(timezone.now(), tick=False) as clock:
        with in_a_hurry() if fault == "hang" else nullcontext():
            poll(resource)
        assert said in resource.error
        assert (resource.failures, resource.cursor, resource.lease_id) == (1, "0", None)
        assert resource.next_poll_at == timezone.now() + timedelta(minutes=1)
        assert PollRun.objects.latest("pk").outcome == "failed"
        assert told(resource) == []
        ledger.faults = []
        clock.shift(timedelta(minutes=1))
        poll_all_due()
    resource.refresh_from_db()
    assert (resource.failures, resource.error) == (0, "")
    assert told(resource) == [("a", "CREATED")]


def test_an_answer_that_this_process_has_no_room_for_is_no_failure(
    resource: PollingResource, ledger: Ledger, no_room: Callable[[], None]
) -> None:
    ledger.add("a")
    with time_machine.travel(timezone.now(), tick=False) as clock:
        poll(resource)
        assert (resource.failures, resource.error, resource.cursor) == (0, "", "0")
        assert resource.lease_id is None
        wait = resource.next_poll_at - timezone.now()
        assert timedelta(0) < wait < timedelta(minutes=1)
        assert told(resource) == []
        no_room()
        clock.shift(wait)
        poll_all_due()
    assert told(resource) == [("a", "CREATED")]


@pytest.mark.parametrize("text", ["nul \0 byte", "half \ud800 of a pair"])
def test_an_error_text_that_cannot_be_stored_stops_nobody_elses_polls(
    resource: PollingResource, ledger: Ledger, connect: Connect, provider: LedgerServer, text: str
) -> None:
    others = connect("other")
    poll(resource)
    ledger.faults = [(400, {}, text)]
    ledger.add("a")
    provider.ledgers["other"].add("b")
    PollingResource.objects.update(next_poll_at=timezone.now())
    poll_all_due()
    resource.refresh_from_db()
    assert (resource.failures, resource.lease_id) == (1, None)
    assert text.split()[0] in resource.error
    assert told(PollingResource.objects.get(instance=others)) == [("b", "CREATED")]


@pytest.mark.parametrize("text", ["nul \0 byte", "half \ud800 of a pair"])
def test_an_object_is_put_aside_though_its_error_text_cannot_be_stored(
    resource: PollingResource, ledger: Ledger, text: str
) -> None:
    ledger.add("bad", "good")
    ledger.poisoned.add("bad")
    ledger.poison = text
    poll(resource)
    assert told(resource) == [("good", "CREATED")]
    assert text.split()[0] in PutAsideObject.objects.get().error


def test_failures_in_a_row_pause_longer_and_write_one_run(
    resource: PollingResource, ledger: Ledger
) -> None:
    ledger.faults = [403] * 3 + [400]
    runs = PollRun.objects.count()
    pauses = []
    with time_machine.travel(timezone.now(), tick=False) as clock:
        PollingResource.objects.update(next_poll_at=timezone.now())
        for _ in range(4):
            poll_all_due()
            resource.refresh_from_db()
            pauses.append((resource.next_poll_at - timezone.now()).total_seconds() / 60)
            clock.move_to(resource.next_poll_at)
    assert pauses == [1, 2, 4, 8]
    assert PollRun.objects.count() == runs + 2  # the first, and the one that said something else


def test_retry_after_is_honoured(resource: PollingResource, ledger: Ledger) -> None:
    ledger.faults = [(429, {"Retry-After": "1800"})] * 3
    with time_machine.travel(timezone.now(), tick=False):
        poll(resource)
        assert resource.next_poll_at == timezone.now() + timedelta(minutes=30)


def test_what_cannot_be_stored_is_a_failed_poll(resource: PollingResource, ledger: Ledger) -> None:
    ledger.add("x" * 501)
    poll(resource)
    assert "could not be stored" in resource.error
    assert resource.cursor == "0"


@pytest.mark.django_db(transaction=True)  # as the engine works: each statement for itself
def test_an_unstorable_cursor_holds_up_no_other_idle_poll(
    resource: PollingResource, connect: Connect, provider: LedgerServer
) -> None:
    other = PollingResource.objects.get(instance=connect("other"))
    PollingResource.objects.filter(pk=other.pk).update(cursor="0")
    provider.ledgers["ledger"].cursor = "a\0b"
    poll(resource)
    other.refresh_from_db()
    assert "could not be stored" in resource.error
    assert other.last_success_at is not None


def test_a_faulty_connector_says_so_and_holds_up_no_other(
    resource: PollingResource, ledger: Ledger, connect: Connect, provider: LedgerServer
) -> None:
    other = PollingResource.objects.get(instance=connect("other"))
    PollingResource.objects.filter(pk=other.pk).update(cursor="not a number")
    provider.ledgers["other"].hook = None
    ledger.log.append(("odd", "NO-SUCH-TYPE"))
    provider.ledgers["other"].faults = [403]
    poll(resource)
    other.refresh_from_db()
    assert resource.error == "the connector failed: ValueError"
    assert "403" in other.error


def test_an_element_that_is_gone_or_cannot_be_polled_is_said(resource: PollingResource) -> None:
    PollingResource.objects.update(name="plain")
    poll(resource)
    assert resource.error == "Ledger has no resource plain that can be polled"
    resource.instance.element_key = "removed"
    resource.instance.save()
    poll(resource)
    assert resource.error == "No element found with key removed"


def test_a_token_that_does_not_open_is_said_without_showing_it(resource: PollingResource) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("UPDATE instances_credential SET access_token = 'v1.nothing.here'")
    poll(resource)
    assert resource.error == "the stored access token cannot be decrypted"


@pytest.mark.django_db(transaction=True)
def test_a_rejected_token_without_renewal_stops_polling_until_connected_again(
    resource: PollingResource, ledger: Ledger
) -> None:
    ledger.add("a")
    ledger.faults = [401] * 10
    poll(resource)
    assert resource.active is True  # one may be a mistake of the provider's
    Credential.objects.update(refresh_due_at=timezone.now())
    poll(resource)
    ledger.faults = []
    assert resource.active is False
    assert resource.lease_id is None
    assert "no refresh token" in resource.error
    assert PollRun.objects.latest("pk").error == resource.error
    poll(resource)
    assert told(resource) == []

    instance = resource.instance
    instance.refresh_from_db()
    assert instance.valid is False
    instance.valid = True
    Credential.objects.filter(instance=instance).update(state="ok")
    saved(instance, reauthenticated=True)
    poll_all_due()
    resource.refresh_from_db()
    assert (resource.active, resource.error) == (True, "")
    assert told(resource) == [("a", "CREATED")]


def test_a_lost_grant_takes_the_row_back_from_who_polls_it(resource: PollingResource) -> None:
    from polling.claim import claim_due
    from polling.commit import commit
    from polling.poll import Failed

    PollingResource.objects.update(next_poll_at=timezone.now())
    [claimed] = claim_due(1, timezone.now())
    grant_lost.send(
        sender=None, instance=resource.instance, reason="it was revoked", code="revoked"
    )
    report = commit(Failed(claimed, timezone.now(), "another reason"), timezone.now())
    resource.refresh_from_db()
    assert report is not None
    assert report.status == "dropped"
    assert resource.error == "it was revoked"
