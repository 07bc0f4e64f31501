"""An idempotency key is an account's own: its answer holds a token.

The version before knows the column `organization_id` alone and goes on with it: a trigger gives
each of its rows the default account, and gives what is the default account's its organization. So a
request that is sent twice, once to either version, is answered alike. The version after this one
drops the trigger with its function, and the column where it exists.
"""

import django.db.models.deletion
from django.db import migrations, models

# Of those who share an organization so far; keys are kept for a day.
TO_THE_DEFAULT_ACCOUNT = """
UPDATE instances_idempotencykey k SET account_id = a.id
  FROM accounts_account a
 WHERE a.organization_id = k.organization_id AND a.is_default
"""
OF_BOTH_VERSIONS = """
CREATE FUNCTION instances_idempotencykey_of_both_versions() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.account_id IS NULL THEN
        SELECT id INTO NEW.account_id FROM accounts_account
         WHERE organization_id = NEW.organization_id AND is_default;
    ELSE
        SELECT organization_id INTO NEW.organization_id FROM accounts_account
         WHERE id = NEW.account_id AND is_default;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER of_both_versions BEFORE INSERT ON instances_idempotencykey
   FOR EACH ROW EXECUTE FUNCTION instances_idempotencykey_of_both_versions()
"""
OF_ONE_VERSION = """
DROP TRIGGER of_both_versions ON instances_idempotencykey;
DROP FUNCTION instances_idempotencykey_of_both_versions()
"""


class Migration(migrations.Migration):
    rolling = (
        "the trigger fills in what the version before does not write, and the table holds the "
        "keys of a day: it is read and locked for a moment"
    )
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
        migrations.AlterField(
            model_name="idempotencykey",
            name="organization",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                to="accounts.organization",
            ),
        ),
        migrations.RunSQL(TO_THE_DEFAULT_ACCOUNT, migrations.RunSQL.noop),
        migrations.RunSQL(OF_BOTH_VERSIONS, OF_ONE_VERSION),
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
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveField(model_name="idempotencykey", name="organization")
            ]
        ),
        migrations.AddConstraint(
            model_name="idempotencykey",
            constraint=models.UniqueConstraint(fields=("account", "key"), name="one_use_of_a_key"),
        ),
    ]
