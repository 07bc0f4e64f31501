import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0013_what_was_given_up_is_listed"),
        ("instances", "0013_refused_renewals"),
    ]

    operations = [
        migrations.CreateModel(
            name="RefusedWebhook",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("digest", models.CharField(max_length=64)),
                ("reason", models.TextField()),
                ("media_type", models.CharField(blank=True, max_length=100)),
                ("headers", models.JSONField(default=dict)),
                ("size", models.PositiveIntegerField()),
                ("body", models.BinaryField()),
                ("times", models.PositiveIntegerField(default=1)),
                ("created_at", models.DateTimeField()),
                ("last_received_at", models.DateTimeField()),
                (
                    "instance",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="instances.elementinstance",
                    ),
                ),
            ],
            options={
                "indexes": [
                    django.contrib.postgres.indexes.BrinIndex(
                        fields=["last_received_at"], name="refused_webhook_age"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("instance", "digest"), name="one_row_a_refused")
                ],
            },
        ),
    ]
