"""Reads a where-clause into a Condition."""

from __future__ import annotations

import re
from decimal import Decimal

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token

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
)
from ceql.pattern import Pattern
from ceql.words import Ceql, words

OPERATORS: dict[type[exp.Expr], Operator] = {
    exp.EQ: "=", exp.NEQ: "!=", exp.LT: "<", exp.GT: ">", exp.LTE: "<=", exp.GTE: ">=",
}  # fmt: skip
OPPOSITE: dict[Operator, Operator] = {
    "=": "!=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">",
}  # fmt: skip
NUMBER = re.compile(r"-?\d{1,30}(\.\d{1,30})?")
# What a node may hold; anything more is a form of it that isn't part of the language.
PARTS = {"this", "expression", "expressions", "negate"}
MOST_COST = 50  # of a clause's patterns; one costs a second for each million characters asked
UNREADABLE = "cannot be read: it must be conditions such as name='x' joined by AND or OR"


def parse(text: str) -> Condition:
    """Raises WhereError, which says what is wrong and where.

    Operators: = != <> < > <= >= LIKE, NOT LIKE, IN, NOT IN, IS NULL, IS NOT NULL, AND, OR, NOT and
    brackets. On the left stands a field: plain, dotted, in back-ticks or in quotes; on the right
    a value: a text in single (or double) quotes, a quote in it doubled; a number; true; false.
    """
    tree = _tree(text)
    condition = _condition(tree, negated=False)
    _check_cost(tree)
    return condition


def _tree(text: str) -> exp.Expr:
    found = words(text)
    try:
        trees = Ceql().parser().parse_into(exp.Condition, found, text)
    except SqlglotError as error:
        raise WhereError(UNREADABLE, _place(error, found)) from None
    except RecursionError:
        raise WhereError("is too deep") from None
    if len(trees) != 1 or trees[0] is None:
        raise WhereError(UNREADABLE)
    return trees[0]


def _place(error: SqlglotError, found: list[Token]) -> int:
    details = getattr(error, "errors", None) or [{}]
    at = (details[0].get("line"), details[0].get("col"))
    for token in found:
        if (token.line, token.col) == at:
            return token.start + 1
    return found[-1].start + 1


def _condition(node: exp.Expr, *, negated: bool) -> Condition:
    if any(part for name, part in node.args.items() if name not in PARTS):
        raise _refused(node, UNREADABLE)
    if isinstance(node, exp.Paren):
        return _condition(node.this, negated=negated)
    if isinstance(node, exp.Not):
        return _condition(node.this, negated=not negated)
    if isinstance(node, exp.And | exp.Or):
        parts = tuple(_condition(part, negated=negated) for part in _parts(node))
        return And(parts) if isinstance(node, exp.And) is not negated else Or(parts)
    if (operator := OPERATORS.get(type(node))) is not None:
        return Comparison(
            _field(node.this),
            OPPOSITE[operator] if negated else operator,
            _value(node.expression),
        )
    # sqlglot writes `NOT LIKE` as a LIKE with this mark, `NOT IN` as a NOT around it.
    return _predicate(node, negated is not bool(node.args.get("negate")))


def _predicate(node: exp.Expr, negated: bool) -> Condition:
    if isinstance(node, exp.In):
        if not node.expressions:
            raise _refused(node, "IN needs a list of values such as ('a', 'b')")
        return In(_field(node.this), tuple(map(_value, node.expressions)), negated)
    if isinstance(node, exp.Like):
        pattern = _value(node.expression)
        if not isinstance(pattern, str):
            raise _refused(node.expression, "LIKE needs a text in single quotes")
        return Like(_field(node.this), pattern, negated)
    if isinstance(node, exp.Is):
        if not isinstance(node.expression, exp.Null):
            raise _refused(node, "IS can only be followed by NULL or NOT NULL")
        return IsNull(_field(node.this), negated)
    if isinstance(node, exp.Column):
        raise _refused(node, f"{_field(node)} is compared with nothing")
    raise _refused(node, UNREADABLE)


def _check_cost(tree: exp.Expr) -> None:
    cost = 0
    for node in tree.find_all(exp.Like):
        cost += Pattern.of(str(node.expression.this)).cost
        if cost > MOST_COST:
            raise _refused(
                node.expression,
                f"LIKE with _ between two % may have {MOST_COST} characters there in all",
            )


def _parts(node: exp.And | exp.Or) -> list[exp.Expr]:
    """The joined conditions in their order: `a AND b AND c` is a chain to the left."""
    parts: list[exp.Expr] = []
    chain: exp.Expr = node
    while type(chain) is type(node):
        parts.append(chain.expression)
        chain = chain.this
    parts.append(chain)
    return parts[::-1]


def _field(node: exp.Expr) -> str:
    if isinstance(node, exp.Column) and len(node.parts) == 1:  # dotted names are one word here
        return str(node.name)
    raise _refused(node, "a field's name is expected to the left of an operator")


def _value(node: exp.Expr) -> Value:
    if isinstance(node, exp.Boolean):
        return bool(node.this)
    if isinstance(node, exp.Literal):
        return str(node.this) if node.is_string else _number(node)
    if isinstance(node, exp.Null):
        raise _refused(node, "nothing equals NULL: write IS NULL or IS NOT NULL")
    raise _refused(node, "one value is expected here: a text in single quotes, a number, a boolean")


def _number(node: exp.Literal) -> int | Decimal:
    digits = str(node.this)
    if not NUMBER.fullmatch(digits):
        raise _refused(node, "a number has digits, and at most 30 of them on a side of its point")
    return Decimal(digits) if "." in digits else int(digits)


def _refused(node: exp.Expr, message: str) -> WhereError:
    starts = [found.meta["start"] for found in node.walk() if "start" in found.meta]
    return WhereError(message, min(starts) + 1 if starts else None)
