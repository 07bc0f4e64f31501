"""The types of values: ours, other platforms' names of them, and the names of models."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from elements.definition.reading import Part
from elements.errors import ConfigurationError

TYPES = ("string", "integer", "number", "boolean", "array", "object")
LONGEST_NAME = 200  # characters
# Names that definitions of other platforms have for them, in small letters.
MEANING: Mapping[str, str] = {
    **{name: name for name in TYPES},
    **dict.fromkeys(("text", "date", "datetime", "date-time", "time", "file", "enum"), "string"),
    **dict.fromkeys(("int", "long", "short"), "integer"),
    **dict.fromkeys(("double", "float", "decimal"), "number"),
    "bool": "boolean",
    "list": "array",
    "map": "object",
}
ALIKE = 0.8  # of 1: how much of a name is that of a type that is misspelt


def data_type(part: Part, name: str, *, default: str, model: str) -> str:
    """Return the type that a field names: `default` without one, `model` for the name of a model.

    Raises ConfigurationError for what seems to be a type that is misspelt.
    """
    text = part.text(name, longest=LONGEST_NAME)
    if not text:
        return default
    word = text.lower()
    if word in MEANING:
        return MEANING[word]
    if meant := get_close_matches(word, TYPES, n=1, cutoff=ALIKE):
        raise ConfigurationError(
            part.at(name),
            f"must be one of {', '.join(TYPES)}, or a model: did you mean {meant[0]}?",
        )
    return model
