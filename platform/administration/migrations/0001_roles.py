from __future__ import annotations

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def make_roles(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Their permissions come after all migrations, when there are any: administration.roles."""
    for name in ("Operator", "Read-only"):
        apps.get_model("auth", "Group").objects.get_or_create(name=name)


class Migration(migrations.Migration):
    dependencies = [("auth", "0012_alter_user_first_name_max_length")]

    operations = [migrations.RunPython(make_roles, migrations.RunPython.noop)]
