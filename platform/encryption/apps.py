from django.apps import AppConfig


class EncryptionConfig(AppConfig):
    name = "encryption"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Refuse to start with unusable keys. Production's must be more (config.production)."""
        from encryption.keys import key_ring

        key_ring()
