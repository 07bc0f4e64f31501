"""Where-clauses (CEQL): SQL's WHERE without the word, read once, never put into SQL as text.

`parse` reads the text of a caller into a Condition and refuses what it doesn't know; `matches`
asks a JSON record. Whoever has a better way to ask (the database, a provider's search) walks the
Condition itself. Nothing here knows a model or does I/O.
"""

from ceql.condition import (
    And,
    Comparison,
    Condition,
    In,
    IsNull,
    Like,
    Operator,
    Or,
    Value,
    WhereError,
    fields_of,
)
from ceql.matching import matches
from ceql.moment import Moment, moment, moment_of
from ceql.parse import parse
from ceql.pattern import Pattern

__all__ = [
    "And",
    "Comparison",
    "Condition",
    "In",
    "IsNull",
    "Like",
    "Moment",
    "Operator",
    "Or",
    "Pattern",
    "Value",
    "WhereError",
    "fields_of",
    "matches",
    "moment",
    "moment_of",
    "parse",
]
