"""The claim's index has the due time alone, and no lease: a claim changes nothing that is indexed."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("polling", "0010_reconciliation")]

    operations = [
        AddIndexConcurrently(
            model_name="pollingresource",
            index=models.Index(
                condition=models.Q(("active", True)),
                fields=["organization", "next_poll_at"],
                name="polling_resource_due",
            ),
        ),
        RemoveIndexConcurrently(model_name="pollingresource", name="polling_resource_claimable"),
    ]
