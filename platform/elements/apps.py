from django.apps import AppConfig


class ElementsConfig(AppConfig):
    """Loads the catalogue as the process starts: a broken element is an error then, not later."""

    name = "elements"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from elements import audited, built_in, checks  # noqa: F401 - registers the checks

        audited.begin()
        built_in.elements()
