"""Half of each page is left for the claimed states of its rows: a claim then stays on its page, and
writes no index."""

from django.db import migrations


class Migration(migrations.Migration):
    rolling = "it changes where PostgreSQL puts new rows, under a lock that holds nobody up"
    dependencies = [("polling", "0011_claims_write_no_index")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE polling_pollingresource SET (fillfactor = 50)",
            "ALTER TABLE polling_pollingresource RESET (fillfactor)",
        ),
    ]
