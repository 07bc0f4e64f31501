from django.apps import AppConfig


class InstancesConfig(AppConfig):
    name = "instances"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from api.authentication import register_instances
        from elements.signals import element_deleting, element_redirecting
        from instances import audited
        from instances.lookup import ALONG_WITH_CALLERS
        from instances.needing import instances_of, led_elsewhere

        audited.begin()
        register_instances(ALONG_WITH_CALLERS)
        element_deleting.connect(instances_of, dispatch_uid="instances.instances_of")
        element_redirecting.connect(led_elsewhere, dispatch_uid="instances.led_elsewhere")
