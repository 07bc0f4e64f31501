import django.contrib.postgres.indexes
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("polling", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="pollrun",
            name="untold",
            field=models.JSONField(db_default=[], default=list),
        ),
        migrations.AddIndex(
            model_name="pollrun",
            index=django.contrib.postgres.indexes.GinIndex(
                condition=models.Q(("untold", []), _negated=True),
                fields=["untold"],
                name="poll_run_untold",
                opclasses=["jsonb_path_ops"],
            ),
        ),
    ]
