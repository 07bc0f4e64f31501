from django.apps import AppConfig


class BulkConfig(AppConfig):
    name = "bulk"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from bulk.removal import clear_for_deletion
        from instances.signals import instance_deleting

        instance_deleting.connect(clear_for_deletion, dispatch_uid="bulk.clear_for_deletion")
