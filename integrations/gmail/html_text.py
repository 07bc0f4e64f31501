"""The HTML of a mail, made safe to show, or made plain text. Time grows with its length only."""

from __future__ import annotations

import re
from html import unescape

import nh3

from integrations.gmail import html_cost

LONGEST = 1_000_000  # characters of HTML that are made plain text, or safe
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
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]{0,30})")
_BEYOND_UNICODE = re.compile(r"&#[0-9]{20,}+;?")  # Python refuses to read such a number
_MANY_BREAKS = re.compile(r"\n{3,}")


def safe(html: str) -> str | None:
    """The HTML without what could run, or load anything but images. None where it is too long,
    or built so that reading it would take for ever."""
    if len(html) > LONGEST or html_cost.is_too_slow(html):
        return None
    return nh3.clean(html, url_schemes=_URL_SCHEMES)


def text_in(html: str) -> str:
    """What a browser would show, roughly: without tags, a line a block. Nothing raises."""
    html = html[:LONGEST]
    lower = html.lower() if len(html.lower()) == len(html) else html
    pieces: list[str] = []
    at, quotes_end = 0, True
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
        # A > within quotes ends no tag. Once a quote has no end, nothing after it is told so.
        if tag and quotes_end:
            whole = html_cost.TAG.match(html, start)
            quotes_end = whole is not None
            end = whole.end() - 1 if whole else end
        name = tag[2].lower() if tag else ""
        if tag and not tag[1] and name in _UNSEEN:
            end = lower.find(f"</{name}", start)
            at = end if end >= 0 else len(html)
            continue
        if name in _BLOCKS:
            pieces.append("\0")
        at = end + (3 if comment else 1) if end >= 0 else len(html)
    shown = _BEYOND_UNICODE.sub("\N{REPLACEMENT CHARACTER}", "".join(pieces))
    lines = " ".join(shown.split()).split("\0")
    text = "\n".join(" ".join(unescape(line).split()) for line in lines)
    return _MANY_BREAKS.sub("\n\n", text).strip()
