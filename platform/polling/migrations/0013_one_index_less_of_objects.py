"""The times of objects are asked for among those of one resource, and by no built-in feed: each known
object wrote an index of them."""

from django.contrib.postgres.operations import RemoveIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("polling", "0012_room_in_pages")]

    operations = [
        RemoveIndexConcurrently(model_name="polledobject", name="polled_object_window"),
    ]
