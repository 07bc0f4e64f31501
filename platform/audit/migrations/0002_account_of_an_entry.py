"""An entry names the account that its subject belonged to; of those from before none is known."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="auditentry",
            name="account_id",
            field=models.BigIntegerField(null=True),
        ),
    ]
