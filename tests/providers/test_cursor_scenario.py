"""Every element with a change cursor, through the same story: nothing lost, nothing twice."""

from __future__ import annotations

import pytest

from integrations.sandbox.faults import Fault
from integrations.sandbox.provider import ALL
from tests.providers.customer import Customer, Told

pytestmark = pytest.mark.django_db(transaction=True)


def changes(customer: Customer) -> list[Told]:
    """Three records are made, one is changed and one deleted; returns what is to be told."""
    records = customer.records
    first, second, *_ = records.records
    made = [records.put(f"Made {number}") for number in range(3)]
    records.put("Changed", first)
    records.delete(second)
    return sorted([*((id_, "CREATED") for id_ in made), (first, "UPDATED"), (second, "DELETED")])


def test_the_baseline_is_told_to_nobody(customer: Customer) -> None:
    assert customer.told() == []
    assert customer.poll()["status"] == "idle"
    assert customer.told() == []


@pytest.mark.parametrize("limit", [ALL, 2])
def test_each_change_is_told_once(customer: Customer, limit: int) -> None:
    customer.records.page_limit = limit
    expected = changes(customer)
    assert customer.poll()["status"] == "found"
    assert customer.told() == expected
    assert customer.poll()["status"] == "idle"
    assert customer.told() == []


@pytest.mark.parametrize("limit", [2, -1], ids=["pages of two", "one below the asked size"])
def test_a_baseline_of_several_pages_is_whole(customer: Customer, limit: int) -> None:
    limit = limit % customer.page_size
    for number in range(limit * 2):
        customer.records.put(f"More {number}")
    customer.records.page_limit = limit
    customer.connect()
    customer.poll()
    assert customer.told() == []
    first = next(iter(customer.records.records))
    customer.records.put("Changed", first)
    customer.poll()
    assert customer.told() == [(first, "UPDATED")]


def test_more_changes_than_a_page_holds_are_all_told(customer: Customer) -> None:
    customer.records.page_limit = customer.page_size - 1
    made = [customer.records.put(f"Made {number}") for number in range(250)]
    customer.poll()
    assert customer.told() == [(id_, "CREATED") for id_ in made]


@pytest.mark.parametrize("limit", [ALL, 2])
def test_an_expired_cursor_leaves_no_gap(customer: Customer, limit: int) -> None:
    customer.records.page_limit = limit
    expected = changes(customer)
    customer.records.expire()
    customer.poll()
    assert customer.told() == expected
    assert customer.row.reconciliation is None
    last = next(reversed(customer.records.records))
    customer.records.put("Changed afterwards", last)
    assert customer.poll()["status"] == "found"
    assert customer.told() == [(last, "UPDATED")]


def test_a_reconciliation_that_is_asked_for_tells_nothing_twice(customer: Customer) -> None:
    expected = changes(customer)
    customer.poll()
    assert customer.told() == expected
    customer.call("POST", f"/instances/{customer.instance['id']}/reconcile")
    customer.poll()
    assert customer.told() == []
    assert customer.row.reconciliation is None


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault(status=429, retry_after="1"), id="429"),
        pytest.param(Fault(status=503), id="503"),
        pytest.param(Fault(status=200), id="a 200 that says it failed"),
        pytest.param(Fault(malformed=True), id="a 200 that is no JSON"),
        pytest.param(Fault(status=410), id="410, also without a cursor"),
    ],
)
def test_a_refusal_loses_nothing(customer: Customer, fault: Fault) -> None:
    expected = changes(customer)
    rule = customer.fault(fault)
    report = customer.poll()
    assert report["status"] == "failed", report
    assert customer.told() == []
    customer.provider.faults.remove(rule.rule_id)
    customer.poll()
    assert customer.told() == expected


def test_a_rejected_token_is_renewed(customer: Customer) -> None:
    expected = changes(customer)
    customer.provider.tokens.clear()
    customer.poll()
    assert customer.told() == expected
    assert customer.account.valid


def test_a_lost_grant_is_shown_until_it_is_given_anew(customer: Customer) -> None:
    expected = changes(customer)
    customer.provider.tokens.clear()
    customer.provider.granted = False
    customer.call("POST", f"/instances/{customer.instance['id']}/polls")
    assert not customer.account.valid
    assert customer.told() == []

    customer.provider.granted = True
    customer.connect_again()
    customer.poll()
    assert customer.account.valid
    assert customer.told() == expected
