"""Many rows at once, in the product's own tables and with its own defaults and sealed tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, models
from django.utils import timezone

from accounts.models import Organization, User
from benchmarks.mailboxes import SIGNATURE_KEY
from encryption.fields import context_of
from encryption.keys import seal
from events.models import Delivery, Event, Subscription
from instances.models import Credential, ElementInstance
from polling.models import PollingResource

ORGANIZATIONS = 100
SUBSCRIPTIONS = 100
INTERVAL = 900  # seconds between two polls of a resource
CURSOR = "987654321"
ENTRY = {"url": "/hubs/general/changed-messages", "idField": "id"}
# Rows lie in another order than they fall due in, as they do where accounts come and go: row `n`
# of `count` falls due as number `n * SCATTER % count`.
SCATTER = 618_033_989
OWNER = f"1 + (n::bigint * {SCATTER}) %% {{count}} %% {{organizations}}"


def insert_mailboxes(
    count: int, first_due: datetime, spread: timedelta, organizations: int = ORGANIZATIONS
) -> None:
    """Connected Gmail accounts, each with its resource, which fall due evenly within `spread`.

    So do those of each organization: any stretch of time holds as many of one as of another.
    """
    owner = OWNER.format(count=count, organizations=organizations)
    insert(Organization(name="Bench"), organizations, {"secret_digest": "'organization ' || n"})
    insert(
        User(password="!"),  # noqa: S106 - no password at all
        organizations,
        {
            "username": "'user' || n || '@example.com'",
            "secret_digest": "'user ' || n",
            "organization_id": "n",
        },
    )
    insert(
        ElementInstance(pk=0, element_key="gmail", tags=["bench"], events_enabled=True),
        count,
        {
            "name": "'Mailbox ' || n",
            "token": f"'{seal('x' * 43, 'nobody reads it')}'",
            "token_digest": "'instance ' || n",
            "configuration": f"""jsonb_build_object(
            'oauth.api.key', 'client-of-organization-' || {owner},
            'oauth.callback.url', 'https://example.com/oauth',
            'event.notification.enabled', 'true',
            'event.vendor.type', 'polling',
            'event.notification.type', 'webhook',
            'event.notification.callback.url', 'https://example.com/events',
            'event.poller.refresh_interval', '15')""",
            "organization_id": owner,
            "user_id": owner,
        },
    )
    seal_all("access", "instances_credential", "access_token", count, access_token)
    insert(
        Credential(pk=0, refresh_token="", expires_at=timezone.now() + timedelta(days=1)),
        count,
        {"instance_id": "n", "access_token": "sealed"},
        source="sealed_access",
    )
    insert(
        PollingResource(
            name="changed-messages", configuration=ENTRY, interval=INTERVAL, cursor=CURSOR
        ),
        count,
        {
            "instance_id": "n",
            "organization_id": owner,
            "next_poll_at": (
                f"'{first_due.isoformat()}'::timestamptz + interval '{spread.total_seconds()} s'"
                f" * (((n::bigint * {SCATTER}) %% {count}) / {count}::float8)"
            ),
        },
    )


def insert_subscriptions(url: str, count: int) -> None:
    """The callback of each of the mailboxes that were inserted, all at one URL."""
    seal_all(
        "signature_key", "events_subscription", "signature_key", count, lambda _: SIGNATURE_KEY
    )
    owner = OWNER.format(count=count, organizations=ORGANIZATIONS)
    insert(
        Subscription(pk=0, url=url, origin=url.removesuffix("/events")),
        count,
        {"instance_id": "n", "organization_id": owner, "signature_key": "sealed"},
        source="sealed_signature_key",
    )


def insert_deliveries(count: int, url: str, body: str, due: str = "now()") -> None:
    """Deliveries to one URL, each of an event of its own, of SUBSCRIPTIONS in turn.

    They were made when they are due, which is SQL in terms of `n`, the number of a delivery.
    """
    now = timezone.now()
    insert_mailboxes(SUBSCRIPTIONS, now + timedelta(days=1), timedelta(seconds=INTERVAL))
    insert_subscriptions(url, SUBSCRIPTIONS)
    insert_notifications(count, body, due)


def insert_notifications(count: int, body: str, due: str) -> None:
    """The deliveries of `insert_deliveries`, to subscriptions that are there."""
    now = timezone.now()
    subscription = f"1 + n %% {SUBSCRIPTIONS}"
    owner = f"(SELECT s.organization_id FROM events_subscription s WHERE s.id = {subscription})"  # noqa: S608
    insert(
        Event(object_type="changed-messages", body=body, created_at=now, status="DISPATCHED"),
        count,
        {"instance_id": subscription, "organization_id": owner},
    )
    insert(
        Delivery(),
        count,
        {
            "created_at": due,
            "next_attempt_at": due,
            "event_id": "n",
            "subscription_id": subscription,
            "organization_id": owner,
            "webhook_id": "'msg_' || lpad(n::text, 32, '0')",
        },
    )


def access_token(number: int) -> str:
    """As long as Google's are."""
    return f"ya29.{number:0200d}"


def seal_all(name: str, table: str, column: str, count: int, clear: Callable[[int], str]) -> None:
    """A table `sealed_{name}` with `clear` of each number, sealed for a row's column."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE sealed_{name} (n bigint PRIMARY KEY, sealed text)")
        with cursor.copy(f"COPY sealed_{name} FROM STDIN") as copy:
            for number in range(1, count + 1):
                context = context_of(table, number, column)
                copy.write_row((number, seal(clear(number), context)))


def insert(
    template: models.Model,
    count: int,
    different: Mapping[str, str],
    *,
    source: str = "generate_series(1, %s) AS n",
    ids: bool = True,
) -> None:
    """Rows like `template` but for the `different` columns: SQL in terms of `n`, which counts
    from 1 and is the id too unless `different` says otherwise, or comes from a table `source`.
    Without `ids` the table has no column of that name."""
    expressions = {**({"id": "n"} if ids else {}), **different}
    values: list[Any] = []
    columns: list[str] = []
    terms: list[str] = []
    for field in template._meta.local_concrete_fields:
        column = str(field.column)
        columns.append(connection.ops.quote_name(column))
        if column in expressions:
            terms.append(expressions.pop(column))
        else:
            terms.append("%s")
            value = field.pre_save(template, add=True)
            values.append(field.get_db_prep_save(value, connection))
    if expressions:
        raise ValueError(f"{template._meta.db_table} has no column {', '.join(expressions)}")
    table = connection.ops.quote_name(template._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(terms)} "  # noqa: S608
            f"FROM {source}",
            [*values, *([count] if "%s" in source else [])],
        )
