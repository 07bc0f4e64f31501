"""Addresses of instances whose providers do not sign their webhooks."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0014_refused_webhooks"),
        ("instances", "0013_refused_renewals"),
    ]

    operations = [
        migrations.CreateModel(
            name="UnsignedAddress",
            fields=[
                (
                    "instance",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="instances.elementinstance",
                    ),
                ),
                ("key_digest", models.CharField(max_length=64, unique=True)),
                (
                    "networks",
                    django.contrib.postgres.fields.ArrayField(base_field=models.TextField()),
                ),
                ("created_at", models.DateTimeField()),
                ("received_at", models.DateTimeField(null=True)),
                ("refused_at", models.DateTimeField(null=True)),
                ("refused_from", models.GenericIPAddressField(null=True)),
            ],
        ),
    ]
