"""Reading a where-clause: what it says, and what is refused and where."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ceql import And, Comparison, Condition, In, IsNull, Like, Or, Value, WhereError, parse

from .clauses import NAMES, conditions, written


def equal(field: str, value: Value) -> Comparison:
    return Comparison(field, "=", value)


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("a='x'", equal("a", "x")),
        ("a = 'it''s'", equal("a", "it's")),
        ('a = "it\'s"', equal("a", "it's")),
        ("a = ''", equal("a", "")),
        (r"a = 'C:\'", equal("a", "C:\\")),
        ("a = ' x '", equal("a", " x ")),
        ("a = '-- no comment'", equal("a", "-- no comment")),
        ("a = 5", equal("a", 5)),
        ("a = -5", equal("a", -5)),
        ("a = 1.50", equal("a", Decimal("1.50"))),
        ("a = TRUE", equal("a", True)),
        ("a=false", equal("a", False)),
        ("config.url = 'x'", equal("config.url", "x")),
        ("`config.url` = 'x'", equal("config.url", "x")),
        ("'Modified Time'>'2026-01-31'", Comparison("Modified Time", ">", "2026-01-31")),
        ('"Modified Time" != 1', Comparison("Modified Time", "!=", 1)),
        ("`a``b` <> 1", Comparison("a`b", "!=", 1)),
        ("größe <= 1", Comparison("größe", "<=", 1)),
        ("from = 'x'", equal("from", "x")),
        ("KEY in ('a', 2)", In("KEY", ("a", 2))),
        ("in In ('a')", In("in", ("a",))),
        ("not = 1 and NOT not = 2", And((equal("not", 1), Comparison("not", "!=", 2)))),
        ("select = 1", equal("select", 1)),
        ("is.date < 1", Comparison("is.date", "<", 1)),
        ("a NOT IN ('x')", In("a", ("x",), negated=True)),
        ("a LIKE '%x_'", Like("a", "%x_")),
        ("a not like 'x'", Like("a", "x", negated=True)),
        ("NOT a LIKE 'x'", Like("a", "x", negated=True)),
        ("NOT a NOT LIKE 'x'", Like("a", "x")),
        ("a is null", IsNull("a")),
        ("a IS NOT NULL", IsNull("a", negated=True)),
        ("NOT (a IS NOT NULL)", IsNull("a")),
        ("a=1 and b=2 AND c=3", And((equal("a", 1), equal("b", 2), equal("c", 3)))),
        ("a=1 or b=2 and c=3", Or((equal("a", 1), And((equal("b", 2), equal("c", 3)))))),
        ("(a=1 or b=2) and c=3", And((Or((equal("a", 1), equal("b", 2))), equal("c", 3)))),
        (
            "not (a=1 and (b<2 or c is null))",
            Or((Comparison("a", "!=", 1), And((Comparison("b", ">=", 2), IsNull("c", True))))),
        ),
        ("\n a\t=\n1 ", equal("a", 1)),
    ],
)
def test_a_clause_is_read(text: str, condition: Condition) -> None:
    assert parse(text) == condition


@pytest.mark.parametrize(
    ("text", "says", "position"),
    [
        ("", "is empty", None),
        (" \n", "is empty", None),
        ("1=1", 'a field\'s name is expected here, not "1"', 1),
        ("a=1 or 1=1", "a field's name is expected here", 8),
        ("true", "true is compared with nothing", 1),
        ("a", "a is compared with nothing", 1),
        ("a=1 and", "cannot be read", 5),
        ("and a=1", '"a" is not expected here', 5),
        ("a=", "cannot be read", 2),
        ("a='x", "a quote is never closed", 3),
        ("a='x' and b='it''s", "a quote is never closed", 13),
        ("`a=1", "a quote is never closed", 1),
        ("(a=1", "a bracket is never closed", 1),
        ("((a=1)", "a bracket is never closed", 1),
        ("a=1)", "this bracket closes nothing", 4),
        ("()", "a field's name is expected here", 2),
        ("a in (1", "a bracket is never closed", 6),
        ("a in ()", "IN needs a list", 1),
        ("a in 1", "cannot be read", 1),
        ("a in ('x' and b=1)", "one value is expected here", 7),
        ("a in (select b from c)", "a subquery is not allowed", 7),
        ("a = (select b)", "a bracket is not expected here", 5),
        ("select a from b", "a subquery is not allowed", 1),
        ("exists (select 1)", "a function call is not allowed", 1),
        ("a=1 union select 1", '"union" is not expected here', 5),
        ("a=1; drop table a", '";" is not expected here', 4),
        ("a=1 -- b", "a comment is not allowed", 5),
        ("a=1 # b", "a comment is not allowed", 5),
        ("/* a */ a=1", "a comment is not allowed", 1),
        ("a=1 /*+ a */ and b=1", "a comment is not allowed", 5),
        ("a=1 /* b", "a comment is not allowed", 5),
        ("a=1 {# b #}", "a comment is not allowed", 5),
        ("sleep(5)", "a function call is not allowed", 1),
        ("upper(a)='X'", "a function call is not allowed", 1),
        ("a=now()", "a function call is not allowed", 3),
        ("a=b", '"b" is not expected here: a text stands in single quotes', 3),
        ("a=user@example.com", "a text stands in single quotes", 3),
        ("a=`b`", "a text stands in single quotes", 3),
        ("'x'=a", "a text stands in single quotes", 5),
        ("a='x' 'y'", "one value is expected here", 3),
        ("a=1 b=2", '"b" is not expected here', 5),
        ("a=1 2", "cannot be read", 5),
        ("a=1=1", "a field's name is expected to the left", 1),
        ("(a)=1", "a field's name is expected to the left", 2),
        ("a=1+1", '"+" is not expected here', 4),
        ("a=1-1", "cannot be read", 4),
        ("a=- -1", '"-" is not expected here', 3),
        ("a=1e5", "a number has digits", 3),
        ("a=0x10", '"x10" is not expected here', 4),
        ("a=" + "9" * 31, "at most 30", 3),
        ("a=null", "write IS NULL", None),
        ("a in (null)", "write IS NULL", None),
        ("a is true", "IS can only be followed by NULL", 1),
        ("a is 'x'", "IS can only be followed by NULL", 1),
        ("a like 5", "LIKE needs a text", 8),
        (f"a like '%{'x_' * 26}%'", "LIKE with _ between two %", 8),
        (f"a like '%{'x' * 30}_%' or b like '%{'x' * 30}_%'", "LIKE with _ between two %", 54),
        ("a between 1 and 2", '"between" is not expected here', 3),
        ("a regexp 'x'", '"regexp" is not expected here', 3),
        ("a <=> 1", "cannot be read", 5),
        ("a = 'x' escape 'y'", '"escape" is not expected here', 9),
        ("a || 'x' = 'y'", '"|" is not expected here', 3),
        ("a = @@version", "is not expected here", 5),
        ("a = ?", "is not expected here", 5),
        ("a = :b", "is not expected here", 5),
        ("a..b=1", "a field's name is expected here", 3),
        ("a.=1", "a field's name is expected here", 3),
        ("a.", "a field's name ends with a dot", 1),
        ("''=1", "a field's name is empty", 1),
        ("not not a=1", "NOT stands twice", 5),
        ("a='\0'", "a character that is no text", 4),
        ("a='\ud800'", "a character that is no text", 4),
        ("(" * 13 + "a=1" + ")" * 13, "more than 12 brackets", 13),
        ("not (" * 13 + "a=1" + ")" * 13, "more than 12 brackets", 65),
        (" or ".join(["a=1"] * 101), "more than 100 conditions", 700 + 1 - 3),
        ("a in (" + ",".join(["1"] * 4000) + ")", "has 8003 words and signs", 2504),
        ("a='" + "x" * 100_000 + "'", "has 100004 characters; 10000 are allowed", None),
    ],
)
def test_what_is_no_clause_is_refused_with_its_place(
    text: str, says: str, position: int | None
) -> None:
    with pytest.raises(WhereError) as caught:
        parse(text)
    assert says in str(caught.value)
    assert caught.value.position == position


def test_the_largest_clauses_are_read() -> None:
    deep = "not (" * 12 + "a=1" + ")" * 12
    assert parse(deep) == equal("a", 1)
    wide = parse(" and ".join(["a=1"] * 100))
    assert isinstance(wide, And)
    assert len(wide.conditions) == 100


def test_a_deep_clause_is_read_from_deep_within_a_program() -> None:
    def deeper(frames: int) -> Condition:
        return deeper(frames - 1) if frames else parse("not (" * 12 + "a=1" + ")" * 12)

    assert deeper(400) == equal("a", 1)


PIECES = st.sampled_from(
    ["a", "from", "'x'", '"y"', "`z`", "1", "-", ".", ",", "(", ")", "=", "<", "!=", ">=", "like",
     "in", "is", "not", "null", "and", "or", "true", "--", "/*", "*/", "#", ";", "select", "'", '"',
     "`", "\\", "%", "{#", "{{", "@", "$", ":", "case", "when", "cast", "interval", "date", "\n"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=40).map(" ".join) | st.lists(PIECES, max_size=40).map("".join))
@example("a=1 or (b like 'x' and not c in (1, 'y'))")
def test_nothing_but_a_refusal_is_raised_by_sql_in_any_order(text: str) -> None:
    _read_or_refused(text)


@given(st.text(max_size=200))
def test_nothing_but_a_refusal_is_raised_by_any_text(text: str) -> None:
    _read_or_refused(text)


def _read_or_refused(text: str) -> None:
    try:
        condition = parse(text)
    except WhereError as error:
        place = error.position or 1
    else:
        place = 1
        assert parse(written(condition)) == condition
    assert 1 <= place <= max(1, len(text))


@given(conditions(NAMES))
def test_what_is_written_is_read_again(condition: Condition) -> None:
    assert parse(written(condition)) == condition
