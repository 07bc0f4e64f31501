"""What can go wrong with elements: a name nobody knows, or a value that cannot be used."""

from __future__ import annotations


class ElementNotFound(Exception):
    """No element has this key or id (404)."""

    def __init__(self, key: str | int) -> None:
        super().__init__(f"No element found with key {key}")
        self.key = key


class ConfigurationError(Exception):
    """A configuration value cannot be used (400).

    `path` names the place, such as `event.poller.configuration.changed-messages.url`.
    """

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message


class ParameterError(ConfigurationError):
    """A parameter of a hub call cannot be used (400). Raised by a resource's steps.

    `path` is the parameter's name.
    """


class ElementConflict(Exception):
    """What is asked for an element does not go with what there is (409): its key is taken, say."""


class ElementReadOnly(Exception):
    """The element is everybody's, or another account's that shares it: not to be changed (403)."""

    def __init__(self, name: str, *, shared: bool = False) -> None:
        whose = "is shared with your account and" if shared else "is built in and"
        super().__init__(f"{name} {whose} cannot be changed: clone it, and change the clone")


class PatternError(ValueError):
    """A pattern of dates cannot be used. The message begins with a verb: "is longer than …"."""


class ZoneError(ValueError):
    """Nobody knows a time zone of this name."""


class UnreadableWebhookError(Exception):
    """A webhook that is proven, and not of the form that the provider documents.

    Says what was looked for. What is only nothing to tell of raises nothing.
    """
