"""An element as JSON: read into an Element, and written back.

The JSON is the element object of `GET /elements/{key}/export`; docs/elements.md describes it.
`element` and `to_json` are inverse to each other: what is read again is equal, and what is written
again is what was written.

Rule 1: nothing is ignored that would change what the element does. What cannot be honoured (hooks,
code, other ways to authenticate) is refused.
Rule 2: an element that `extends` a built-in one takes from it, code included, whatever it doesn't
say itself. It says no more than that, so that it follows the built-in one as that is changed.
"""

from elements.definition.element import element, key_of
from elements.definition.written import to_json

__all__ = ["element", "key_of", "to_json"]
