from django.apps import AppConfig


class WatchingConfig(AppConfig):
    name = "watching"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts.signals import access_changed
        from instances.cleanup import register
        from instances.signals import grant_lost, instance_deleting, instance_saved
        from watching.keep import stop_gone
        from watching.wish import (
            STOP,
            follow_access,
            keep_in_step,
            stop_before_revoking,
            withdraw,
        )

        instance_saved.connect(keep_in_step, dispatch_uid="watching.keep_in_step")
        grant_lost.connect(withdraw, dispatch_uid="watching.withdraw")
        access_changed.connect(follow_access, dispatch_uid="watching.follow_access")
        instance_deleting.connect(stop_before_revoking, dispatch_uid="watching.stop")
        register(STOP, stop_gone)
