from django.apps import AppConfig
from django.db.models.signals import post_migrate


class WorkerConfig(AppConfig):
    name = "worker"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django_q.signals import post_spawn

        from worker.cluster import end_lines_on_sigterm, raise_file_limit
        from worker.schedules import keep_schedules, wake_lines

        post_migrate.connect(keep_schedules, sender=self, dispatch_uid="keep-schedules")
        post_spawn.connect(end_lines_on_sigterm, dispatch_uid="end-lines-on-sigterm")
        post_spawn.connect(raise_file_limit, dispatch_uid="raise-file-limit")
        post_spawn.connect(wake_lines, dispatch_uid="wake-lines")
