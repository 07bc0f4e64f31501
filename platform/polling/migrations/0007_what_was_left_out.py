from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("polling", "0006_units"),
    ]

    operations = [
        migrations.AddField(
            model_name="pollingresource",
            name="left_out",
            field=models.CharField(db_default="", default="", max_length=32),
        ),
    ]
