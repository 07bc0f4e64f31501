"""Half of each page is left for the claimed states of its rows: a claim then stays on its page, and
writes no index."""

from django.db import migrations


class Migration(migrations.Migration):
    rolling = "it changes where PostgreSQL puts new rows, under a lock that holds nobody up"
    dependencies = [("events", "0017_claims_write_no_index")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE events_delivery SET (fillfactor = 50)",
            "ALTER TABLE events_delivery RESET (fillfactor)",
        ),
    ]
