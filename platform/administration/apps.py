from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AdministrationConfig(AppConfig):
    name = "administration"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from administration.roles import keep_roles

        # This app comes last, so that the permissions of all others are there.
        post_migrate.connect(keep_roles, sender=self, dispatch_uid="keep-roles")
