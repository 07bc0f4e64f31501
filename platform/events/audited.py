"""What people change of subscriptions, and what they send again, is written down."""

from __future__ import annotations

from django.db.models import QuerySet

from audit.models import Action
from audit.record import acts, record
from audit.watch import Changes, Subject, watch
from events.models import Delivery, Subscription

KIND = "subscription"
# A URL may have a secret in it, so that none is shown.
NAMED = ["url", "signature_key", "retired_keys", "headers"]


def begin() -> None:
    """What follows an instance's configuration is told of the instance."""
    watch(
        Subscription,
        Subject(
            KIND,
            organization=lambda row: row.organization_id,
            account=_account_of,
            instance=lambda row: row.instance_id,
            name=lambda row: ", ".join(row.topics),
            created=Action.SUBSCRIPTION_CREATED,
            changed=_changed,
            deleted=Action.SUBSCRIPTION_DELETED,
            shown=["topics", "active"],
            named=NAMED,
            matters=lambda row: row.instance_id is None and row.owner_id is None,
        ),
    )


def unsubscribed(rows: QuerySet[Subscription]) -> None:
    """Before the rows are gone."""
    for row in rows.only("organization", "account", "topics"):
        record(
            Action.SUBSCRIPTION_DELETED,
            row.organization_id,
            KIND,
            row.pk,
            ", ".join(row.topics),
            account_id=row.account_id,
        )


def key_ended(subscription_id: int) -> None:
    row = Subscription.objects.select_related("instance__user", "owner").get(pk=subscription_id)
    record(
        Action.SIGNATURE_KEY,
        row.organization_id,
        KIND,
        row.pk,
        ", ".join(row.topics),
        account_id=_account_of(row),
        instance_id=row.instance_id,
        changes={"retired_keys": None},
    )


def sent_again(delivery_ids: list[int]) -> None:
    """Tells of one delivery which; of many how many, and of which subscription if of one."""
    if not (delivery_ids and acts()):
        return
    rows = Delivery.objects.select_related("event", "subscription").defer("event__body")
    first = rows.get(pk=delivery_ids[0])
    many = Delivery.objects.filter(pk__in=delivery_ids)
    alone = not many.exclude(subscription=first.subscription_id).exists()
    record(
        Action.SENT_AGAIN,
        first.organization_id,
        "event",
        first.event_id if len(delivery_ids) == 1 else None,
        account_id=_account_of(first.subscription) if alone else None,
        instance_id=first.event.instance_id if alone else None,
        changes={"deliveries": len(delivery_ids)},
    )


def _changed(row: Subscription, changes: Changes) -> Action | None:
    if row.instance_id is not None and set(changes) != {"active"}:
        return None
    if "active" in changes:
        return Action.SUBSCRIPTION_ON if changes.pop("active")[1] else Action.SUBSCRIPTION_OFF
    if "signature_key" in changes:
        changes.clear()
        return Action.SIGNATURE_KEY
    return Action.SUBSCRIPTION_CHANGED


def _account_of(row: Subscription) -> int | None:
    """Return the account that a subscription belongs to (accounts.reach); None for none."""
    if row.instance is not None:
        return row.instance.user.account_id
    return row.owner.account_id if row.owner is not None else row.account_id
