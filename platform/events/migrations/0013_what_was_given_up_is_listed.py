"""Both indexes are of tables that grow for years: they are made while others write to them."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [
        ("accounts", "0010_addresses_verified"),
        ("events", "0012_notifications_of_an_account"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="event",
            index=models.Index(
                condition=models.Q(("account__isnull", False)),
                fields=["account"],
                name="event_of_account",
            ),
        ),
        RemoveIndexConcurrently(
            model_name="delivery",
            name="delivery_that_failed",
        ),
        AddIndexConcurrently(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("status__in", ["retry", "queued", "failed"])),
                fields=["organization", "created_at", "id"],
                name="delivery_that_failed",
            ),
        ),
    ]
