import django.contrib.postgres.indexes
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("instances", "0002_idempotency_keys"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="elementinstance",
            index=django.contrib.postgres.indexes.GinIndex(
                fields=["tags"], name="instance_tags", opclasses=["jsonb_path_ops"]
            ),
        ),
    ]
