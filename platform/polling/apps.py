from django.apps import AppConfig


class PollingConfig(AppConfig):
    name = "polling"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts.signals import access_changed
        from instances.signals import grant_lost, instance_saved
        from instances.status import register
        from polling import status
        from polling.owner import follow_access
        from polling.schedule import keep_in_step, stop
        from polling.told import poll_at_once
        from watching.signals import noticed

        register(status)
        instance_saved.connect(keep_in_step, dispatch_uid="polling-keep-in-step")
        grant_lost.connect(stop, dispatch_uid="polling-stop")
        access_changed.connect(follow_access, dispatch_uid="polling-follow-access")
        noticed.connect(poll_at_once, dispatch_uid="polling-poll-at-once")
