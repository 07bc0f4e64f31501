"""Lists of instances by their state, and the first page, look for the few receivers that are off."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("events", "0019_statuses_that_follow_from_deliveries")]

    operations = [
        AddIndexConcurrently(
            model_name="subscription",
            index=models.Index(
                condition=models.Q(("active", False)),
                fields=["instance"],
                name="subscription_not_active",
            ),
        ),
    ]
