"""An inbox is an account's own; an organization's so far becomes that of its default account.

The version before knows the column `organization_id` alone and goes on with it: a trigger gives
its inboxes the default account, and the default account's inbox its organization. The version after
this one drops the trigger with its function, and the column where it exists.
"""

import django.db.models.deletion
from django.db import migrations, models

TO_THE_DEFAULT_ACCOUNT = """
UPDATE inbox_inbox i SET account_id = a.id
  FROM accounts_account a
 WHERE a.organization_id = i.organization_id AND a.is_default
"""
OF_BOTH_VERSIONS = """
CREATE FUNCTION inbox_inbox_of_both_versions() RETURNS trigger
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
CREATE TRIGGER of_both_versions BEFORE INSERT ON inbox_inbox
   FOR EACH ROW EXECUTE FUNCTION inbox_inbox_of_both_versions()
"""
OF_ONE_VERSION = """
DROP TRIGGER of_both_versions ON inbox_inbox;
DROP FUNCTION inbox_inbox_of_both_versions()
"""


class Migration(migrations.Migration):
    rolling = (
        "the trigger fills in what the version before does not write, and there are no more "
        "inboxes than accounts: they are read and locked for a moment"
    )
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
        migrations.AlterField(
            model_name="inbox",
            name="organization",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="inbox",
                to="accounts.organization",
            ),
        ),
        migrations.RunSQL(TO_THE_DEFAULT_ACCOUNT, migrations.RunSQL.noop),
        migrations.RunSQL(OF_BOTH_VERSIONS, OF_ONE_VERSION),
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
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.RemoveField(model_name="inbox", name="organization")]
        ),
    ]
