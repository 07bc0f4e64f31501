from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("instances", "0003_tags_index"),
    ]

    operations = [
        migrations.AddField(
            model_name="credential",
            name="account",
            field=models.CharField(blank=True, default="", max_length=64),
        ),
        migrations.AddIndex(
            model_name="credential",
            index=models.Index(
                condition=models.Q(("account", ""), _negated=True),
                fields=["account"],
                name="credential_account",
            ),
        ),
    ]
