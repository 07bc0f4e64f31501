from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    operations = [
        migrations.CreateModel(
            name="RequestWindow",
            fields=[
                ("subject", models.CharField(max_length=100, primary_key=True, serialize=False)),
                ("started_at", models.DateTimeField()),
                ("drawn", models.BigIntegerField()),
                ("block", models.BigIntegerField()),
            ],
        ),
        migrations.RunSQL(
            "ALTER TABLE api_requestwindow SET UNLOGGED",
            "ALTER TABLE api_requestwindow SET LOGGED",
        ),
    ]
