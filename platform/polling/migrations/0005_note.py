from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("polling", "0004_stalls_that_were_told")]

    operations = [
        migrations.AddField(
            model_name="pollingresource",
            name="note",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
    ]
