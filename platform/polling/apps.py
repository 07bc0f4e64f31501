from django.apps import AppConfig


class PollingConfig(AppConfig):
    name = "polling"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from instances.signals import grant_lost, instance_saved
        from polling.schedule import keep_in_step, stop

        instance_saved.connect(keep_in_step, dispatch_uid="polling-keep-in-step")
        grant_lost.connect(stop, dispatch_uid="polling-stop")
