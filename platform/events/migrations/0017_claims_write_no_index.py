"""The claim's index has the due time alone, and no lease: a claim changes nothing that is indexed."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("events", "0016_webhook_ids_are_asked_for_whole")]

    operations = [
        AddIndexConcurrently(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("status__in", ["created", "retry"])),
                fields=["subscription", "next_attempt_at"],
                name="delivery_due",
            ),
        ),
        RemoveIndexConcurrently(model_name="delivery", name="delivery_claimable"),
    ]
