"""Many polls draw from all their buckets in one statement, and no bucket gives too much."""

from __future__ import annotations

from django.db import connection
from django.test.utils import CaptureQueriesContext

from quota import bucket
from quota.models import QuotaBucket
from quota.purse import TRY_AGAIN, Payer, Payment
from transport.types import Bucket, Quota

from .conftest import World

QUOTA = Quota("mail", account=Bucket(6_000), project=Bucket(60_000, 500_000))
MESSAGE = 20  # units


def payments(count: int, *, share: float = 1.0, account: str = "") -> list[Payment]:
    """One each of so many accounts, or all of one."""
    payers = [
        Payer(QUOTA, "project", account or f"account {n}", share, polls=True) for n in range(count)
    ]
    return [Payment(payer, MESSAGE, MESSAGE) for payer in payers]


def test_the_statements_do_not_grow_with_the_accounts(world: World) -> None:
    purse = world.purse()
    assert purse.draw_many(payments(100)) == [0] * 100  # makes the rows
    world.at(60)
    with CaptureQueriesContext(connection) as queries:
        assert purse.draw_many(payments(100)) == [0] * 100
    assert len(queries) == 2  # the project's bucket, and those of all accounts
    used = bucket.used([f"account {n}" for n in range(100)], "UTC")
    assert {one.minute for one in used.values()} == {MESSAGE}


def test_together_no_more_is_paid_than_the_project_has(world: World) -> None:
    purse = world.purse()
    world.at(1)
    waits = purse.draw_many(payments(60_000 // MESSAGE + 50))
    assert waits.count(0) == 60_000 // MESSAGE
    assert all(0 < wait <= 60 for wait in waits[-50:])
    assert bucket.used(["project"], "UTC")["project"].minute == 60_000


def test_together_no_more_is_paid_than_an_account_has(world: World) -> None:
    purse = world.purse()
    limit = bucket.of_accounts(QUOTA.account).minute + bucket.small_change(QUOTA.account)
    waits = [wait for _ in range(20) for wait in purse.draw_many(payments(20, account="a"))]
    assert waits.count(0) == limit // MESSAGE
    assert QuotaBucket.objects.get(pk="a").drawn <= bucket.of_accounts(QUOTA.account).minute


def test_requests_side_by_side_draw_what_they_want_together_and_not_more(world: World) -> None:
    """Each says what it and those behind it want."""
    purse = world.purse()
    payer = Payer(QUOTA, "project", "a", polls=True)
    together = [Payment(payer, MESSAGE, MESSAGE * (50 - n)) for n in range(50)]
    assert purse.draw_many(together) == [0] * 50
    assert QuotaBucket.objects.get(pk="a").drawn == 50 * MESSAGE


def test_a_bucket_is_asked_once_in_a_statement_by_payers_of_other_parts_too(
    world: World,
) -> None:
    purse = world.purse()
    whole, half = payments(1, account="a"), payments(1, share=0.5, account="a")
    assert purse.draw_many([*whole, *half]) in ([0, 0], [0, TRY_AGAIN])
    assert purse.draw_many(half) == [0]
    paid = QuotaBucket.objects.get(pk="a").drawn
    assert paid in {2 * MESSAGE, 3 * MESSAGE}


def updates() -> tuple[int, int]:
    """Of buckets, by this connection; the second are those that wrote no index."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_stat_get_xact_tuples_updated(oid), pg_stat_get_xact_tuples_hot_updated(oid)"
            " FROM pg_class WHERE relname = 'quota_quotabucket'"
        )
        updated, hot = cursor.fetchone()
        return updated, hot


def test_a_draw_writes_no_index(world: World) -> None:
    """There is room for a row's next state in its page."""
    before = updates()
    world.purse().draw_many(payments(200))
    updated, hot = (now - then for now, then in zip(updates(), before, strict=True))
    assert hot == updated >= 200
