"""Times on pages: in UTC as the server writes them, for the page's script to put into a zone."""

from __future__ import annotations

from console.templatetags.console import moment, moments


def test_times_in_a_sentence_are_times_and_the_rest_is_text() -> None:
    shown = moments("<b>answered</b> at 2026-11-27T04:01:03Z, next 2026-11-27T05:00:00Z")
    assert shown == (
        "&lt;b&gt;answered&lt;/b&gt; at "
        '<time datetime="2026-11-27T04:01:03Z" title="2026-11-27 04:01:03 UTC">'
        "2026-11-27 04:01:03 UTC</time>, next "
        '<time datetime="2026-11-27T05:00:00Z" title="2026-11-27 05:00:00 UTC">'
        "2026-11-27 05:00:00 UTC</time>"
    )


def test_what_only_looks_like_a_time_stays_text() -> None:
    assert moments("due 2026-13-45T99:99:99Z") == "due 2026-13-45T99:99:99Z"
    assert moment(None) == "never"
