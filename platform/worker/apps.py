from django.apps import AppConfig


class WorkerConfig(AppConfig):
    name = "worker"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django_q.signals import post_spawn

        from worker.cluster import heed_sigterm, raise_file_limit

        post_spawn.connect(heed_sigterm, dispatch_uid="heed-sigterm")
        post_spawn.connect(raise_file_limit, dispatch_uid="raise-file-limit")
