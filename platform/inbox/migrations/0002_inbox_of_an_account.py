"""An inbox is an account's own; an organization's so far becomes that of its default account."""

import django.db.models.deletion
from django.db import migrations, models

TO_THE_DEFAULT_ACCOUNT = """
UPDATE inbox_inbox i SET account_id = a.id
  FROM accounts_account a
 WHERE a.organization_id = i.organization_id AND a.is_default
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0010_addresses_verified"),
        ("inbox", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="inbox",
            name="account",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="inbox",
                to="accounts.account",
            ),
        ),
        migrations.RunSQL(TO_THE_DEFAULT_ACCOUNT, migrations.RunSQL.noop),
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="inbox",
            name="account",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="inbox",
                to="accounts.account",
            ),
        ),
        migrations.RemoveField(model_name="inbox", name="organization"),
    ]
