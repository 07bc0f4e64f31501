"""A private element is an account's own, and may be shared with others."""

import django.db.models.deletion
from django.db import migrations, models

# Seen by all accounts so far, it is now its maker's, who was never written down.
TO_THE_DEFAULT_ACCOUNT = """
UPDATE elements_privateelement e SET account_id = a.id
  FROM accounts_account a
 WHERE a.organization_id = e.organization_id AND a.is_default
"""
WITH_ALL_OTHERS = """
INSERT INTO elements_privateelement_shared_with (privateelement_id, account_id)
SELECT e.id, a.id
  FROM elements_privateelement e
  JOIN accounts_account a ON a.organization_id = e.organization_id AND NOT a.is_default
"""


class Migration(migrations.Migration):
    rolling = (
        "an element that the version before makes has no account and is the organization's own, as "
        "all were; there are so few that their index is made in a moment"
    )
    dependencies = [
        ("accounts", "0010_addresses_verified"),
        ("elements", "0001_private_element"),
    ]

    operations = [
        migrations.AddField(
            model_name="privateelement",
            name="account",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="accounts.account",
            ),
        ),
        migrations.AddField(
            model_name="privateelement",
            name="shared_with",
            field=models.ManyToManyField(related_name="+", to="accounts.account"),
        ),
        migrations.RunSQL(TO_THE_DEFAULT_ACCOUNT, migrations.RunSQL.noop),
        migrations.RunSQL(WITH_ALL_OTHERS, migrations.RunSQL.noop),
    ]
