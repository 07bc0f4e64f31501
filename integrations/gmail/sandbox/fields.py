"""Partial responses: the `fields` mask of Google's APIs, such as `messages(id,payload/headers)`.

Source: https://developers.google.com/workspace/gmail/api/guides/performance#partial
"""

import re
from typing import Any

MAX_DEPTH = 20  # brackets within brackets
_TOKEN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[*,/()]")

Mask = dict[str, "Mask"]  # an empty one keeps the whole value


class BadMaskError(ValueError):
    """The mask cannot be read."""


def read(text: str) -> Mask:
    """Read a mask. Raises BadMaskError."""
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != re.sub(r"\s+", "", text) or not tokens:
        raise BadMaskError(text)
    mask, rest = _list(tokens, 0)
    if rest:
        raise BadMaskError(text)
    return mask


def apply(mask: Mask, value: Any) -> Any:
    """What the mask leaves of a value; a list is masked item by item.

    None where a mask goes deeper than the value does.
    """
    if not mask:
        return value
    if isinstance(value, list):
        return [apply(mask, item) for item in value if isinstance(item, dict)]
    if not isinstance(value, dict):
        return None
    every = mask.get("*")
    kept: dict[str, Any] = {}
    for key, item in value.items():
        inner = mask.get(key, every)
        left = None if inner is None else apply(inner, item)
        if left is not None and (left or not inner):
            kept[key] = left
    return kept


def _list(tokens: list[str], depth: int) -> tuple[Mask, list[str]]:
    if depth > MAX_DEPTH:
        raise BadMaskError("too deep")
    mask: Mask = {}
    while True:
        tokens = _path(tokens, mask, depth)
        if not tokens or tokens[0] != ",":
            return mask, tokens
        tokens = tokens[1:]


def _path(tokens: list[str], mask: Mask, depth: int) -> list[str]:
    """Read `a/b(c,d)` into the mask; returns the tokens after it."""
    while True:
        if not tokens or tokens[0] in ",/()":
            raise BadMaskError("a name is missing")
        name, tokens = tokens[0], tokens[1:]
        inner: Mask = {}
        whole = name in mask and not mask[name]
        if tokens and tokens[0] == "/":
            mask = mask.setdefault(name, inner) if not whole else inner
            tokens = tokens[1:]
            continue
        if tokens and tokens[0] == "(":
            inner, tokens = _list(tokens[1:], depth + 1)
            if not tokens or tokens[0] != ")":
                raise BadMaskError("a closing bracket is missing")
            tokens = tokens[1:]
            if not whole:
                mask.setdefault(name, {}).update(inner)
        else:
            mask[name] = {}
        return tokens
