"""Lists of instances by their state, and the first page, look for the few receivers that are off."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("events", "0018_room_in_pages")]

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
