"""Reads typed values out of the JSON that an element is written in (hostile).

Each method raises ConfigurationError naming the path (`resources[3].vendorPath`) and what would be
right. A value of null is as good as none. Fields that nobody asks for are not looked at here:
known_fields says which there are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from elements.errors import ConfigurationError
from elements.fields import kind_of

LONGEST_TEXT = 1_000  # characters, unless a field has a limit of its own
LONGEST_DESCRIPTION = 4_000  # characters


@dataclass(frozen=True, slots=True)
class Part:
    """One JSON object of a definition, and its path; the path of the whole is empty."""

    value: dict[str, Any]
    path: str = ""

    @classmethod
    def of(cls, value: object, path: str = "") -> Part:
        if not isinstance(value, dict):
            raise ConfigurationError(path or "the body", f"must be an object, not {kind_of(value)}")
        return cls(value, path)

    def has(self, name: str) -> bool:
        return self.value.get(name) is not None

    def at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def refuse(self, name: str, message: str) -> NoReturn:
        raise ConfigurationError(self.at(name), message)

    def text(
        self,
        name: str,
        *,
        required: bool = False,
        longest: int = LONGEST_TEXT,
        default: str = "",
        form: re.Pattern[str] | None = None,
        right: str = "",
    ) -> str:
        """A string without blanks at its ends; where it isn't empty it has the `form`.

        `right` says in words what the form is.
        """
        value = self.value.get(name)
        if value is None:
            value = "" if required else default
        if not isinstance(value, str):
            self.refuse(name, f"must be a string, not {kind_of(value)}")
        text = value.strip()
        if required and not text:
            self.refuse(name, f"is missing{f': it must be {right}' if right else ''}")
        if len(text) > longest:
            self.refuse(name, f"has {len(text)} characters; {longest} are allowed")
        if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
            self.refuse(name, "must not hold null characters or lone surrogates")
        if text and form is not None and form.fullmatch(text) is None:
            self.refuse(name, f"must be {right}")
        return text

    def description(self) -> str:
        return self.text("description", longest=LONGEST_DESCRIPTION)

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self.value.get(name)
        if value is None:
            return default
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.strip().lower() in {"true", "false"}:
            return value.strip().lower() == "true"
        raise ConfigurationError(self.at(name), "must be true or false")

    def number(self, name: str, *, least: int, most: int, default: int | None) -> int | None:
        value = self.value.get(name)
        if value is None or value == "":
            return default
        digits = str(value).strip() if isinstance(value, int | str) else ""
        if isinstance(value, bool) or not re.fullmatch(r"-?[0-9]{1,12}", digits):
            self.refuse(name, f"must be a whole number from {least} to {most}")
        if not least <= int(digits) <= most:
            self.refuse(name, f"must be a whole number from {least} to {most}")
        return int(digits)

    def word(
        self, name: str, choices: Sequence[str], *, default: str = "", required: bool = False
    ) -> str:
        """One of the `choices`, whichever case it is written in."""
        text = self.text(name, required=required, right=f"one of {', '.join(choices)}")
        if not text:
            return default
        for choice in choices:
            if choice.lower() == text.lower():
                return choice
        raise ConfigurationError(self.at(name), f"must be one of {', '.join(choices)}")

    def part(self, name: str) -> Part:
        """The object called `name`; an empty one when there is none."""
        value = self.value.get(name)
        return Part({} if value is None else Part.of(value, self.at(name)).value, self.at(name))

    def parts(self, name: str, *, most: int) -> list[Part]:
        """The objects of a list; none when there is no such list."""
        return [
            Part.of(value, f"{self.at(name)}[{place}]") for place, value in self.items(name, most)
        ]

    def texts(self, name: str, *, most: int, longest: int = 200) -> tuple[str, ...]:
        """The strings of a list, none of them empty."""
        return tuple(
            Part({here: value}).text(here, required=True, longest=longest)
            for place, value in self.items(name, most)
            for here in (f"{self.at(name)}[{place}]",)
        )

    def items(self, name: str, most: int) -> list[tuple[int, Any]]:
        value = self.value.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            self.refuse(name, f"must be a list, not {kind_of(value)}")
        if len(value) > most:
            self.refuse(name, f"has {len(value)} entries; {most} are allowed")
        return list(enumerate(value))

    def nothing(self, name: str, why: str) -> None:
        """Refuses a field that would change what the element does and that we cannot honour."""
        if self.value.get(name) not in (None, "", [], {}, False):
            self.refuse(name, why)
