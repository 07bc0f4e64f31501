"""Google's discovery documents, as its own Python client brings them along."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import googleapiclient
import jsonschema

FOLDER = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents"
# What the JSON form of 64-bit numbers and bytes looks like.
PATTERNS = {"uint64": r"^\d+$", "int64": r"^-?\d+$", "byte": r"^[A-Za-z0-9_=-]*$"}
RANGES = {"int32": (-(2**31), 2**31 - 1), "uint32": (0, 2**32 - 1)}


class Discovery:
    """The document of an API such as "gmail.v1"."""

    def __init__(self, api: str) -> None:
        self.document: dict[str, Any] = json.loads((FOLDER / f"{api}.json").read_text("utf-8"))
        self._definitions = {
            name: strict(schema)
            for name, schema in self.document["schemas"].items()
            if schema["type"] == "object" and "properties" in schema
        }

    def conforms(self, answer: object, schema: str) -> None:
        """Fails where the answer has other fields than the schema, or other types."""
        of = {"$ref": f"#/$defs/{schema}", "$defs": self._definitions}
        jsonschema.Draft202012Validator(of).validate(answer)


def strict(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON schema of a discovery schema, which allows no other fields."""
    if "$ref" in schema:
        return {"$ref": f"#/$defs/{schema['$ref']}"}
    found: dict[str, Any] = {"type": schema["type"]}
    if schema["type"] == "object" and "properties" in schema:
        properties = {name: strict(part) for name, part in schema["properties"].items()}
        found |= {"properties": properties, "additionalProperties": False}
    if schema["type"] == "array":
        found["items"] = strict(schema["items"])
    if "enum" in schema:
        found["enum"] = schema["enum"]
    if schema.get("format") in PATTERNS and schema["type"] == "string":
        found["pattern"] = PATTERNS[schema["format"]]
    if schema.get("format") in RANGES:
        found["minimum"], found["maximum"] = RANGES[schema["format"]]
    return found
