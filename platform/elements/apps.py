from django.apps import AppConfig


class ElementsConfig(AppConfig):
    """Loads the catalogue as the process starts: a broken element is an error then, not later.

    So are the settings by which requests leave: networks, proxy and certificates.
    """

    name = "elements"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from elements import audited, built_in, checks  # noqa: F401 - registers the checks
        from transport import guard, trust

        guard.default_guard()
        trust.context()
        audited.begin()
        built_in.elements()
