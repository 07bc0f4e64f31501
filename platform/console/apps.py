from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "console"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from axes.signals import user_locked_out
        from django.contrib.auth.signals import user_logged_in

        from console.signing_in import signed_in, stopped

        user_logged_in.connect(signed_in, dispatch_uid="signed-in")
        user_locked_out.connect(stopped, dispatch_uid="sign-in-stopped")
