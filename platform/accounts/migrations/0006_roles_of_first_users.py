from django.db import migrations

GRANT = """
INSERT INTO accounts_rolegrant (user_id, key, granted_at)
SELECT first.id, role.key, now()
  FROM (SELECT min(id) AS id FROM accounts_user
         WHERE organization_id IS NOT NULL GROUP BY organization_id) first,
       (VALUES ('org-admin'), ('admin')) role (key)
"""


class Migration(migrations.Migration):
    """The first user of each organization administers it."""

    dependencies = [
        ("accounts", "0005_roles"),
    ]

    operations = [
        migrations.RunSQL(GRANT, migrations.RunSQL.noop),
    ]
