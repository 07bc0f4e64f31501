from django.apps import AppConfig


class UpgradingConfig(AppConfig):
    name = "upgrading"
    default_auto_field = "django.db.models.BigAutoField"
