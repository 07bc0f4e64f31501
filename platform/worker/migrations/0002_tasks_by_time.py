from __future__ import annotations

from django.db import migrations

# django-q2 lists its tasks, and asks for the last that went well after each, without an index.
MAKE = "CREATE INDEX IF NOT EXISTS task_by_time ON django_q_task (success, stopped, id)"


class Migration(migrations.Migration):
    dependencies = [
        ("worker", "0001_initial"),
        ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more"),
    ]

    operations = [migrations.RunSQL(MAKE, "DROP INDEX task_by_time")]
