"""The index by the beginning of a webhook id, which Django makes beside each unique one of text, has
no query: they all ask for a whole id. Each delivery wrote three rows of it."""

from django.db import migrations, models

DROP = "DROP INDEX CONCURRENTLY IF EXISTS events_delivery_webhook_id_335075ec_like"
MAKE = """
CREATE INDEX CONCURRENTLY IF NOT EXISTS events_delivery_webhook_id_335075ec_like
ON events_delivery (webhook_id varchar_pattern_ops)
"""


class Migration(migrations.Migration):
    atomic = False
    rolling = "it drops an index that no version asks, while others go on"
    dependencies = [("events", "0015_unsigned_webhooks")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(DROP, MAKE)],
            state_operations=[
                migrations.AlterField(
                    model_name="delivery",
                    name="webhook_id",
                    field=models.CharField(max_length=40),
                ),
                migrations.AddConstraint(
                    model_name="delivery",
                    constraint=models.UniqueConstraint(
                        fields=["webhook_id"], name="events_delivery_webhook_id_key"
                    ),
                ),
            ],
        ),
    ]
