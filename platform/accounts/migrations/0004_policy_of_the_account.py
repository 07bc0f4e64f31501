from django.db import migrations


class Migration(migrations.Migration):
    """The failure policy is the account's; the organization's has been copied there."""

    dependencies = [
        ("accounts", "0003_default_accounts"),
    ]

    operations = [
        migrations.RemoveField(model_name="organization", name="failure_policy"),
    ]
