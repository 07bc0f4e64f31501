import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0002_notifications_subscriptions_of_topics"),
        ("instances", "0003_tags_index"),
    ]

    operations = [
        migrations.CreateModel(
            name="VendorSubscription",
            fields=[
                (
                    "instance",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        serialize=False,
                        to="instances.elementinstance",
                    ),
                ),
                ("element_key", models.CharField(max_length=100)),
                ("vendor_id", models.CharField(max_length=200)),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["element_key", "vendor_id", "instance"],
                        name="vendor_subscription_by_id",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ReceivedWebhook",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("digest", models.CharField(max_length=64)),
                ("received_at", models.DateTimeField()),
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
                        fields=["received_at"], name="received_webhook_age"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("instance", "digest"), name="one_receipt_of_a_webhook"
                    )
                ],
            },
        ),
    ]
