from django.apps import AppConfig
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


class EncryptionConfig(AppConfig):
    name = "encryption"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Refuses to start with unusable keys, and in production with published ones."""
        from encryption import checks
        from encryption.keys import key_ring

        key_ring()
        if settings.PRODUCTION and (faults := checks.published_secrets()):
            raise ImproperlyConfigured(" ".join(faults))
