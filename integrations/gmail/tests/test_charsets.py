"""Bytes are read as the text that they are, whatever their label says."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.gmail.charsets import text_of
from integrations.gmail.tests.test_decoded_message import message, part

# What a label names, and how the encoding standard reads it.
LABELS = {
    "utf-8": "utf-8", "UTF8": "utf-8", "unicode-1-1-utf-8": "utf-8",
    "us-ascii": "cp1252", "iso-8859-1": "cp1252", "latin1": "cp1252", "windows-1252": "cp1252",
    "iso-8859-9": "cp1254", "tis-620": "cp874", "iso-8859-11": "cp874", "koi8-r": "koi8_r",
    "gb2312": "gb18030", "GBK": "gb18030", "gb_2312-80": "gb18030", "gb18030": "gb18030",
    "euc-kr": "cp949", "ks_c_5601-1987": "cp949", "shift_jis": "cp932", "windows-31j": "cp932",
    "big5": "big5hkscs", "euc-jp": "euc_jp", "iso-8859-8-i": "iso8859_8", "cp850": "cp850",
    "iso-2022-jp": "iso2022_jp", "iso-2022-kr": "iso2022_kr", "hz-gb-2312": "hz",
    "utf-7": "utf-7", "utf-16": "utf-16", "utf-16be": "utf-16-be", "utf-32": "utf-32",
}  # fmt: skip
TEXTS = {
    "utf-8": "Grüße", "cp1252": "naïve “quoted” €", "cp1254": "şğ İ", "cp874": "สวัสดี…",
    "koi8_r": "Привет", "gb18030": "镕堃㐀€", "cp949": "똠방각하 펲", "cp932": "①㈱髙橋",
    "big5hkscs": "嘅咗", "euc_jp": "会議", "iso8859_8": "שלום", "cp850": "Größe",
    "iso2022_jp": "会議は十時です。", "iso2022_kr": "안녕하세요", "hz": "你好世界",
    "utf-7": "Grüße aus Köln", "utf-16": "日本 a", "utf-16-be": "日本 a", "utf-32": "日本 a",
}  # fmt: skip


@pytest.mark.parametrize(
    ("content", "charset", "expected"),
    [
        ("ü".encode(), "iso-8859-1", "ü"),  # Gmail turned it into UTF-8
        ("ü".encode("latin-1"), "iso-8859-1", "ü"),
        ("ü".encode("cp1252"), "", "\N{REPLACEMENT CHARACTER}"),
        ("日".encode("shift_jis"), "Shift_JIS", "日"),
        ("a".encode("utf-16"), "utf-16", "a"),
        (b"a", "rot13", "a"),
        (b"a", "\0", "a"),
    ],
)
def test_bytes_are_read_in_the_character_set_that_fits(
    content: bytes, charset: str, expected: str
) -> None:
    assert text_of(content, charset) == expected


@pytest.mark.parametrize("label", LABELS)
def test_a_label_means_what_the_encoding_standard_says(label: str) -> None:
    text = TEXTS[LABELS[label]]
    assert text_of(text.encode(LABELS[label]), label) == text


@pytest.mark.parametrize("label", [*LABELS, "", "no-such-set", "x-user-defined", "replacement"])
def test_utf_8_under_another_label_is_utf_8(label: str) -> None:
    for text in (*TEXTS.values(), "plain ASCII: 1~2, a+b, c^d", ""):
        assert text_of(text.encode(), label) == text


@settings(deadline=None)
@given(
    text=st.text(st.characters(exclude_categories=["C"]), max_size=40),
    label=st.sampled_from(list(LABELS)),
)
def test_text_that_gmail_made_utf_8_stays_as_it_is(text: str, label: str) -> None:
    if label == "utf-7" and "+" in text:
        return  # nothing tells "+ABC-" from what it stands for
    if label == "hz-gb-2312" and "~" in text:
        return
    assert text_of(text.encode(), label) == text


@settings(deadline=None)
@given(content=st.binary(max_size=80), label=st.one_of(st.sampled_from(list(LABELS)), st.text()))
def test_any_bytes_under_any_label_are_text(content: bytes, label: str) -> None:
    text_of(content, label).encode()


@pytest.mark.parametrize(
    ("content", "label", "expected"),
    [
        (b"\x1b$B-!\x1b(B", "iso-2022-jp", "①"),
        (b"\x1b(I1\x1b(B", "iso-2022-jp", "ｱ"),
        (b"\x1b$BF|K\\\x1b(B", "us-ascii", "日本"),
        (b"\xef\xbb\xbfx", "utf-8", "x"),
        (b"\xff\xfex\0", "utf-8", "\N{REPLACEMENT CHARACTER}" * 2 + "x\N{REPLACEMENT CHARACTER}"),
        (b"\xfe\xff\0x", "utf-16le", "x"),
    ],
)
def test_what_mailers_write_beside_the_standards(content: bytes, label: str, expected: str) -> None:
    assert text_of(content, label) == expected


@pytest.mark.parametrize("label", ["iso-2022-jp", "gbk", "shift_jis", "utf-16", "windows-1252"])
@pytest.mark.parametrize("media_type", ["text/plain", "text/html"])
def test_a_body_is_read_as_gmail_gives_it(label: str, media_type: str) -> None:
    header = {"Content-Type": f'{media_type}; charset="{label}"'}
    read = message(part(media_type, "こんにちは、阿里", headers=header))
    assert read["text"] == "こんにちは、阿里"
