"""HTML tags are taken out of names and tags, and the text is kept to the letter."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instances.naming import plain


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ('<a href="x">hello</a>', "hello"),
        ("AT&T", "AT&T"),
        ("R&amp;D", "R&amp;D"),
        ("&lt;b&gt;", "&lt;b&gt;"),
        ("a < b > c", "a < b > c"),
        ("<<b>b>x", "x"),
        ("  two\r\nlines ", "two lines"),
        ("<script>alert(1)</script>", ""),
        ("Größe 🙂", "Größe 🙂"),
    ],
)
def test_examples(written: str, kept: str) -> None:
    assert plain(written) == kept


@given(st.text(alphabet="<>/ab&; lt=\"'!-\x00\n", max_size=60))
def test_nothing_that_is_left_is_a_tag(written: str) -> None:
    kept = plain(written)
    assert not re.search(r"</?[a-z][^<]*>", kept)
    assert plain(kept) == kept


def test_tags_within_a_thousand_tags_are_gone_at_once() -> None:
    nested = "<" * 1000 + "b>" * 500

    began = time.process_time()
    left = plain(nested)

    assert "<" not in left
    assert time.process_time() - began < 0.5, "a name is one of a hundred in a request"
