import django.contrib.postgres.indexes
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_roles_of_first_users"),
        ("events", "0004_callback_headers_and_retired_keys"),
        ("instances", "0004_account_of_a_credential"),
    ]

    operations = [
        migrations.AddField(
            model_name="event",
            name="poll_run",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddIndex(
            model_name="event",
            index=django.contrib.postgres.indexes.GinIndex(
                fields=["objects_found"], name="event_of_object", opclasses=["jsonb_path_ops"]
            ),
        ),
    ]
