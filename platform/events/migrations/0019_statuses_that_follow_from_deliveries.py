"""Each delivery is in one of two indexes by time, that of what has arrived or that of what has not:
lists of events by status go along them, too, and an event's own index keeps those alone that say
their status themselves. All are of tables that grow for years: made while others write to them."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models

NOT_ARRIVED = ["created", "retry", "queued", "waiting", "failed"]


class Migration(migrations.Migration):
    atomic = False
    dependencies = [
        ("accounts", "0010_addresses_verified"),
        ("events", "0018_room_in_pages"),
        ("instances", "0014_cleanups"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("status", "delivered")),
                fields=["organization", "created_at", "id"],
                name="delivery_arrived",
            ),
        ),
        AddIndexConcurrently(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("status__in", NOT_ARRIVED)),
                fields=["organization", "created_at", "id"],
                name="delivery_on_its_way",
            ),
        ),
        RemoveIndexConcurrently(model_name="delivery", name="delivery_of_organization"),
        AddIndexConcurrently(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("status__in", NOT_ARRIVED[1:])),
                fields=["status", "id"],
                name="delivery_kept_back",
            ),
        ),
        RemoveIndexConcurrently(model_name="delivery", name="delivery_not_arrived"),
        AddIndexConcurrently(
            model_name="event",
            index=models.Index(
                condition=models.Q(
                    ("instance__isnull", False),
                    models.Q(("status", "DISPATCHED"), ("topic", ""), _negated=True),
                ),
                fields=["organization", "status", "created_at", "id"],
                name="event_that_says_its_status",
            ),
        ),
        RemoveIndexConcurrently(model_name="event", name="event_of_status_by_time"),
    ]
