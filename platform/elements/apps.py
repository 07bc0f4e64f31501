from django.apps import AppConfig


class ElementsConfig(AppConfig):
    """Loads the catalogue as the process starts: a broken element is an error then, not later."""

    name = "elements"

    def ready(self) -> None:
        from elements import catalogue, checks  # noqa: F401 - registers the checks

        catalogue.all_elements()
