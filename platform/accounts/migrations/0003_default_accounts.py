from django.db import migrations

MAKE = """
INSERT INTO accounts_account (organization_id, name, description, external_id, active, is_default,
                              failure_policy, created_at, updated_at)
SELECT id, name, name, '', TRUE, TRUE, failure_policy, created_at, created_at
  FROM accounts_organization
"""
MOVE_IN = """
UPDATE accounts_user u SET account_id = a.id
  FROM accounts_account a
 WHERE a.organization_id = u.organization_id AND a.is_default
"""
MOVE_OUT = "UPDATE accounts_user SET account_id = NULL"
GIVE_POLICY_BACK = """
UPDATE accounts_organization o SET failure_policy = a.failure_policy
  FROM accounts_account a
 WHERE a.organization_id = o.id AND a.is_default
"""
REMOVE = "DELETE FROM accounts_account"


class Migration(migrations.Migration):
    """Every organization gets its default account, with its failure policy and its users."""

    dependencies = [
        ("accounts", "0002_account"),
    ]

    operations = [
        migrations.RunSQL([MAKE, MOVE_IN], [MOVE_OUT, GIVE_POLICY_BACK, REMOVE]),
    ]
