"""What people fill in to connect an account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from elements import catalogue
from elements.types import ConfigurationField, Element
from instances import configuration as keys

# Which field a key's fault is shown at.
FIELDS = {
    keys.API_KEY: "api_key",
    keys.API_SECRET: "api_secret",
    keys.EVENTS_CALLBACK_URL: "callback_url",
    keys.SIGNATURE_KEY: "signature_key",
    keys.REFRESH_INTERVAL: "interval",
    "name": "name",
    "element": "element",
}


class ConnectForm(forms.Form):
    """Turned into the body of POST /instances. What it lacks is checked there."""

    name = forms.CharField(
        max_length=200, initial="Mailbox", help_text="How the account appears in the list."
    )
    element = forms.ChoiceField(label="Provider")
    api_key = forms.CharField(
        label="API key (client id)", max_length=500, help_text="Of your project at the provider."
    )
    api_secret = forms.CharField(
        label="API secret (client secret)",
        max_length=500,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    events = forms.BooleanField(
        label="Notice changes", required=False, initial=True, help_text="Events are recorded."
    )
    callback_url = forms.CharField(
        label="Callback URL",
        max_length=keys.LONGEST_URL,
        required=False,
        widget=forms.URLInput,
        help_text="Where events are sent. Without it they are recorded only.",
    )
    signature_key = forms.CharField(
        label="Signature key",
        max_length=500,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Signs what is sent, so that the receiver can verify it.",
    )
    interval = forms.CharField(
        label="Look for changes every … minutes",
        initial=str(keys.DEFAULT_INTERVAL),
        max_length=9,
        widget=forms.NumberInput(attrs={"min": 1, "max": keys.LONGEST_INTERVAL}),
    )

    def __init__(self, *args: Any, kept: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        """`kept` is the body of an earlier try: it fills the form, and the secrets left blank."""
        self._kept: Mapping[str, Any] = (kept or {}).get("configuration", {})
        if kept:
            kwargs.setdefault("initial", _initial(kept))
        super().__init__(*args, **kwargs)
        element = self.fields["element"]
        assert isinstance(element, forms.ChoiceField)  # noqa: S101 - as declared
        element.choices = [(found.key, found.name) for found in catalogue.all_elements()]
        for found in catalogue.all_elements():
            for asked in _own_questions(found):
                self.fields[asked.key] = forms.CharField(
                    label=f"{found.name}: {asked.name}",
                    help_text=asked.description,
                    max_length=1_000,
                    required=False,
                    initial=self._kept.get(asked.key, ""),
                )
        for name, key in (("api_secret", keys.API_SECRET), ("signature_key", keys.SIGNATURE_KEY)):
            if self._kept.get(key):
                self.fields[name].help_text = "Left empty, it stays what you typed before."

    def body(self, callback_url: str) -> dict[str, Any]:
        """The body of POST /instances that the valid form stands for."""
        data = self.cleaned_data
        questions = _own_questions(catalogue.find(data["element"]))
        own = {one.key: data[one.key] for one in questions if data[one.key]}
        return {
            "name": data["name"],
            "element": {"key": data["element"]},
            "configuration": {
                keys.API_KEY: data["api_key"],
                keys.API_SECRET: data["api_secret"] or self._kept.get(keys.API_SECRET, ""),
                keys.CALLBACK_URL: callback_url,
                keys.EVENTS_ENABLED: data["events"],
                keys.EVENTS_CALLBACK_URL: data["callback_url"],
                keys.SIGNATURE_KEY: data["signature_key"] or self._kept.get(keys.SIGNATURE_KEY, ""),
                keys.REFRESH_INTERVAL: data["interval"],
                **own,
            },
        }

    def show_fault(self, message: str) -> None:
        """Puts an error of the API at the field that it names, or above the form."""
        own = {key: key for key in self.fields if "." in key}
        for key, name in {**FIELDS, **own}.items():
            if message.startswith((f"{key}:", f"configuration.{key}:", f"{key} ")) or (
                message.startswith("Missing:") and key in message
            ):
                self.add_error(name, message)
                return
        self.add_error(None, message)


def _own_questions(element: Element) -> list[ConfigurationField]:
    """What an element asks of people beside what all do: a text with a name of its own."""
    return [
        one
        for one in element.configuration
        if not (one.hidden or one.secret or one.choices or one.setting or one.required)
        and not one.key.startswith(("oauth.", "event.", "filter."))
    ]


def _initial(kept: Mapping[str, Any]) -> dict[str, Any]:
    configuration = kept.get("configuration", {})
    return {
        "name": kept.get("name", ""),
        "element": kept.get("element", {}).get("key", ""),
        "api_key": configuration.get(keys.API_KEY, ""),
        "events": configuration.get(keys.EVENTS_ENABLED, False),
        "callback_url": configuration.get(keys.EVENTS_CALLBACK_URL, ""),
        "interval": configuration.get(keys.REFRESH_INTERVAL, ""),
    }
