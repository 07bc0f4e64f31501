"""The HTML of a mail, made safe to show, or made plain text. Time grows with its length only."""

from __future__ import annotations

import re
from collections import Counter
from html import unescape

import nh3

LONGEST = 1_000_000  # characters of HTML that are made plain text, or safe
# What keeps a parser that works as browsers do from taking the square of the length.
DEEPEST = 1_000  # elements open at once
MOST_REOPENED = 500_000  # formatting elements open at once, times the tags that may repeat them

_URL_SCHEMES = {"http", "https", "mailto", "tel", "cid"}
_UNSEEN = frozenset({"script", "style", "title", "template", "noscript"})
_BLOCKS = frozenset(
    {
        "p",
        "div",
        "br",
        "tr",
        "li",
        "ul",
        "ol",
        "table",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "blockquote",
        "pre",
        "section",
        "article",
    }
)
_FORMATTING = frozenset(
    {
        "a",
        "b",
        "big",
        "code",
        "em",
        "font",
        "i",
        "nobr",
        "s",
        "small",
        "strike",
        "strong",
        "tt",
        "u",
    }
)
# They are closed by what follows, or hold nothing.
_SELF_CLOSING = frozenset(
    {
        "p",
        "li",
        "td",
        "th",
        "tr",
        "dt",
        "dd",
        "option",
        "tbody",
        "thead",
        "tfoot",
        "html",
        "head",
        "body",
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "param",
        "source",
        "track",
        "wbr",
    }
)
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]{0,30})")
_MANY_BREAKS = re.compile(r"\n{3,}")


def safe(html: str) -> str | None:
    """The HTML without what could run, or load anything but images. None where it is too long,
    or built so that reading it would take for ever."""
    if len(html) > LONGEST or _is_tangled(html):
        return None
    return nh3.clean(html, url_schemes=_URL_SCHEMES)


def text_in(html: str) -> str:
    """What a browser would show, roughly: without tags, a line a block. Nothing raises."""
    html = html[:LONGEST]
    lower = html.lower() if len(html.lower()) == len(html) else html
    pieces: list[str] = []
    at = 0
    while at < len(html):
        start = html.find("<", at)
        if start < 0:
            pieces.append(html[at:])
            break
        pieces.append(html[at:start])
        tag = _TAG.match(html, start)
        if tag is None and not html.startswith("<!", start):
            pieces.append("<")
            at = start + 1
            continue
        comment = html.startswith("<!--", start)
        end = html.find("-->" if comment else ">", start)
        name = tag[2].lower() if tag else ""
        if tag and not tag[1] and name in _UNSEEN:
            end = lower.find(f"</{name}", start)
            at = end if end >= 0 else len(html)
            continue
        if name in _BLOCKS:
            pieces.append("\0")
        at = end + (3 if comment else 1) if end >= 0 else len(html)
    lines = " ".join("".join(pieces).split()).split("\0")
    text = "\n".join(" ".join(unescape(line).split()) for line in lines)
    return _MANY_BREAKS.sub("\n\n", text).strip()


def _is_tangled(html: str) -> bool:
    """Whether more is left open than a mail's HTML has any use for."""
    left_open: Counter[str] = Counter()
    deepest = formatting = tags = depth = reopened = 0
    for match in _TAG.finditer(html):
        name = match[2].lower()
        tags += 1
        if name in _SELF_CLOSING:
            continue
        if not match[1]:
            left_open[name] += 1
            depth += 1
            formatting += name in _FORMATTING
        elif left_open[name] > 0:
            left_open[name] -= 1
            depth -= 1
            formatting -= name in _FORMATTING
        deepest, reopened = max(deepest, depth), max(reopened, formatting)
    return deepest > DEEPEST or reopened * tags > MOST_REOPENED
