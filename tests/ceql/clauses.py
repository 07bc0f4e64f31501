"""Conditions of any form, and their text."""

from __future__ import annotations

from hypothesis import strategies as st

from ceql import And, Comparison, Condition, In, IsNull, Like, Operator, Or, Value


def written(condition: Condition) -> str:
    """The condition as a where-clause."""
    if isinstance(condition, And | Or):
        word = " AND " if isinstance(condition, And) else " OR "
        return word.join(f"({written(part)})" for part in condition.conditions)
    name = "`" + condition.field.replace("`", "``") + "`"
    if isinstance(condition, Comparison):
        return f"{name} {condition.operator} {literal(condition.value)}"
    negation = " NOT" if condition.negated else ""
    if isinstance(condition, In):
        return f"{name}{negation} IN ({', '.join(map(literal, condition.values))})"
    if isinstance(condition, Like):
        return f"{name}{negation} LIKE {literal(condition.pattern)}"
    return f"{name} IS{negation} NULL"


def literal(value: Value) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value).lower()


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=9)
NAMES = TEXTS.filter(bool)
VALUES: st.SearchStrategy[Value] = TEXTS | st.integers(-(10**29), 10**29) | st.booleans()
OPERATORS: st.SearchStrategy[Operator] = st.sampled_from(["=", "!=", "<", ">", "<=", ">="])


def conditions(
    names: st.SearchStrategy[str], values: st.SearchStrategy[Value] = VALUES
) -> st.SearchStrategy[Condition]:
    leaves: st.SearchStrategy[Condition] = (
        st.builds(Comparison, names, OPERATORS, values)
        | st.builds(In, names, st.lists(values, min_size=1, max_size=3).map(tuple), st.booleans())
        | st.builds(Like, names, TEXTS, st.booleans())
        | st.builds(IsNull, names, st.booleans())
    )
    return st.recursive(leaves, _joined, max_leaves=12)


def _joined(parts: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    several = st.lists(parts, min_size=2, max_size=3).map(tuple)
    return st.builds(And, several) | st.builds(Or, several)
