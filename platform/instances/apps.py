from django.apps import AppConfig


class InstancesConfig(AppConfig):
    name = "instances"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from api.authentication import register_element_lookup
        from elements.signals import element_deleting, element_redirecting
        from instances.needing import instances_of
        from instances.token import find_by_token

        register_element_lookup(find_by_token)
        element_deleting.connect(instances_of, dispatch_uid="instances.instances_of")
        element_redirecting.connect(instances_of, dispatch_uid="instances.instances_of")
