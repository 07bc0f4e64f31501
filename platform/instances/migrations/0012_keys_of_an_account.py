"""An idempotency key is an account's own: its answer holds a token."""

import django.db.models.deletion
from django.db import migrations, models

# Of those who share an organization so far; keys are kept for a day.
TO_THE_DEFAULT_ACCOUNT = """
UPDATE instances_idempotencykey k SET account_id = a.id
  FROM accounts_account a
 WHERE a.organization_id = k.organization_id AND a.is_default
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0010_addresses_verified"),
        ("instances", "0011_called_instances"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="idempotencykey", name="one_use_of_a_key"),
        migrations.AddField(
            model_name="idempotencykey",
            name="account",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                to="accounts.account",
            ),
        ),
        migrations.RunSQL(TO_THE_DEFAULT_ACCOUNT, migrations.RunSQL.noop),
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="idempotencykey",
            name="account",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                to="accounts.account",
            ),
        ),
        migrations.RemoveField(model_name="idempotencykey", name="organization"),
        migrations.AddConstraint(
            model_name="idempotencykey",
            constraint=models.UniqueConstraint(fields=("account", "key"), name="one_use_of_a_key"),
        ),
    ]
