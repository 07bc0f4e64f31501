"""The HTML of a mail is made safe, and made text, in time that grows with its length."""

from __future__ import annotations

from functools import partial

import pytest

from integrations.gmail import header_text, html_text
from tests.growth.growth import Work, is_linear

UNITS = (
    "& ", "&a", "&amp;", "&nbsp;", "\N{COPYRIGHT SIGN} ", "&#", "&#x", "&#9", "&;", "<", "< ", "<a",
    "<a ", "<a b=", "<a b='", "<a b='&'>", "<!", "<!--", "--!>", "<!---->&", "<![CDATA[", "<?",
    "</", "</a", "</p>", "<p>", "<b>", "<br>& ", "<td>& ", "<table>", "<table>x", "<table><br>",
    "<table>&a", "<table>a\n", "<tr>x", "<select>& <p>", "<svg>", "<math>", "<style>", "<script>",
    "<title>&", "<textarea>& <p>", "<xmp>&", "<b><p>", "<font><p>", "<b id=1>", "<a href=x>",
    "<template>", "<plaintext>", "<li>", "<option>", "<nobr>", "<form>", "<button>", "<ruby><rt>",
    "<p a", "\0", "\r\n",
)  # fmt: skip


@pytest.mark.parametrize("beginning", ["", "<table>", "<svg>"])
def test_making_html_safe(beginning: str) -> None:
    assert _slow(html_text.safe, beginning) == []


@pytest.mark.parametrize("unit", ["& ", "& " + 98 * "x", "&nbsp;", "<table><br>", "<tr>x<td>"])
def test_making_long_html_safe(unit: str) -> None:
    assert is_linear(html_text.safe, partial(_html, "<table>", unit))


@pytest.mark.parametrize("beginning", ["", "<style>"])
def test_making_text_of_html(beginning: str) -> None:
    assert _slow(html_text.text_in, beginning) == []


@pytest.mark.parametrize(
    "unit",
    ["=?", "=?a?q?", "=?a?q?x", "=?a?q?x?", "=?a?b?=?", "=?a?q?=", "=?a?q?x?=", "=?a?q?x?= ", "?=",
     "=?a?q?x y", "\r\n "],
)  # fmt: skip
def test_decoding_a_header(unit: str) -> None:
    assert is_linear(header_text.decoded, partial(_html, "", unit))


def _slow(read: Work, beginning: str) -> list[str]:
    return [unit for unit in UNITS if not is_linear(read, partial(_html, beginning, unit))]


def _html(beginning: str, unit: str, length: int) -> str:
    return beginning + unit * (length // len(unit) + 1)
