"""The header's pairs are read in every order, case and spacing."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.authorization import MalformedAuthorization, Pairs, parse

secrets = st.text(string.ascii_letters + string.digits + "+/=;-_.", min_size=1)
blanks = st.text(" \t", max_size=3)
some_blanks = st.text(" \t", min_size=1, max_size=3)


@st.composite
def spelled(draw: st.DrawFn, word: str) -> str:
    """The word in any mixture of cases."""
    upper = draw(st.lists(st.booleans(), min_size=len(word), max_size=len(word)))
    return "".join(
        letter.upper() if big else letter.lower() for letter, big in zip(word, upper, strict=True)
    )


@st.composite
def headers(draw: st.DrawFn) -> tuple[str, Pairs]:
    """A header of any of the pairs in any order and shape, and what it says."""
    said = {
        scheme: draw(secrets)
        for scheme in draw(st.sets(st.sampled_from(["user", "organization", "element"])))
    }
    parts = []
    for scheme, secret in draw(st.permutations(list(said.items()))):
        word = draw(st.sampled_from(["element", "token"])) if scheme == "element" else scheme
        pair = f"{draw(spelled(word))}{draw(some_blanks)}{secret}"
        parts.append(f"{draw(blanks)}{pair}{draw(blanks)}")
    parts.extend(draw(st.lists(st.sampled_from(["", " ", "Bearer abc", "Basic", "x=y z"]))))
    return ",".join(draw(st.permutations(parts))), Pairs(**said)


@given(headers())
def test_says_what_was_put_in(case: tuple[str, Pairs]) -> None:
    header, pairs = case
    assert parse(header) == pairs


@given(st.text())
def test_any_text_is_read_or_refused(header: str) -> None:
    refusal = "is given twice"
    try:
        parse(header)
    except MalformedAuthorization as error:
        refusal = str(error)
    assert refusal.endswith(("has no secret", "is given twice"))


@pytest.mark.parametrize(
    "header",
    ["User", "User ,Organization b", "user a, USER b", "Element a, Token b", "Organization\t"],
)
def test_a_pair_without_secret_or_given_twice_is_refused(header: str) -> None:
    with pytest.raises(MalformedAuthorization):
        parse(header)


def test_a_secret_keeps_its_plus_slash_and_equals_signs() -> None:
    assert parse("User a+b/c==, Organization 0123").user == "a+b/c=="
