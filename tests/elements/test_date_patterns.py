"""Dates written and read by Java's patterns, held to what Java itself writes."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceql.moment import EPOCH, Moment
from elements import zones
from elements.date_pattern import format_of, pattern_of
from elements.errors import PatternError, ZoneError
from elements.zones import zone

JAVA = [
    (int(time), name, pattern, text)
    for time, name, pattern, text in csv.reader(
        (Path(__file__).parent / "java_dates.tsv").open(encoding="utf-8"),
        delimiter="\t",
        quoting=csv.QUOTE_NONE,
    )
]
# What keeps the whole time, to its last second or millisecond.
EXACT = (
    "yyyy-MM-dd'T'HH:mm:ssXXX",
    "yyyy-MM-dd'T'HH:mm:ssZ",
    "yyyy-MM-dd'T'HH:mm:ss.SSSZ",
    "yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX",
    "yyyy-MM-dd'T'HH:mmz",
    "MM/dd/yyyy'T'HH:mm:ssXXX",
    "MM/dd/yyy'T'HH:mm:ssXXX",
    "dd/MM/yyyy'T'HH:mm:ssXXX",
    "EEE, dd MMM yyyy HH:mm:ss Z",
    "yyyyMMddHHmmssSSSXX",
    "y-M-d H:m:s.SZ",
    "EEEE d MMMM yyyy h:m:s.S a XXX",
    "yyyy-MM-dd HH:mm:ss.SSS z",
    "''yyyy''MM''dd HH'h'mm'''z'''Z",
    "milliseconds",
)
ZONES = ("UTC", "GMT", "America/Denver", "Europe/Berlin", "Asia/Kolkata", "-8:00", "+6:30", "PST",
         "MST", "America/St_Johns", "America/Sao_Paulo", "Australia/Lord_Howe")  # fmt: skip
TIMES = st.integers(  # from 1973 on: a smaller number of milliseconds would be one of seconds
    100_000_000_000_000, 4_102_444_800_000_000
).map(lambda microseconds: EPOCH + timedelta(microseconds=microseconds))


def test_what_is_written_is_what_java_writes() -> None:
    assert len(JAVA) == 1600
    differing = [
        (pattern, name, text, written)
        for time, name, pattern, text in JAVA
        if (
            written := pattern_of(pattern).write(
                (EPOCH + timedelta(milliseconds=time)).astimezone(zone(name))
            )
        )
        != text
    ]
    assert differing == []


def test_what_java_writes_is_read_as_the_time_it_was() -> None:
    for time, name, pattern, text in JAVA:
        if "yyy" not in pattern or "dd" not in pattern or "HH" not in pattern:
            continue
        read = pattern_of(pattern).read(text, zone(name))
        moment = EPOCH + timedelta(milliseconds=time)
        assert read is not None, (pattern, text)
        if "'Z'" in pattern:  # a time in UTC to everybody but Java
            moment = moment.astimezone(zone(name)).replace(tzinfo=UTC)
        if (
            pattern.endswith("X")
            and not pattern.endswith("XXX")
            and name in ("GMT+6:30", "Asia/Kolkata")
        ):
            continue  # X keeps the hours of an offset only
        assert read.start <= moment < read.end, (pattern, text)


@given(TIMES, st.sampled_from(EXACT), st.sampled_from(ZONES))
def test_reading_is_the_inverse_of_writing(time: datetime, pattern: str, name: str) -> None:
    found = format_of(pattern)
    read = found.read(found.write(time.astimezone(zone(name))), zone("America/Denver"))
    assert read is not None
    assert read.start == time - (time - EPOCH) % found.precision
    assert read.length == found.precision


@given(
    TIMES,
    st.sampled_from(["yyyy-MM-dd'T'HH:mm:ss", "yyyy-MM-dd", "MM/dd/yyyy HH:mm", "dd MMM yyyy H"]),
    st.sampled_from(ZONES),
)
def test_a_local_time_holds_the_time_it_was_written_of(
    time: datetime, pattern: str, name: str
) -> None:
    found = format_of(pattern)
    read = found.read(found.write(time.astimezone(zone(name))), zone(name))
    assert read is not None
    assert read.start <= time < read.end
    assert read.length <= found.precision + timedelta(hours=1)


# What writes no offset, to the second or the minute: another one follows.
LOCAL = ("yyyy-MM-dd'T'HH:mm:ss", "yyyy-MM-dd HH:mm", "dd.MM.yyyy HH:mm:ss", "MM/dd/yyyy h:mm:ss a",
         "yyyyMMdd'T'HHmmss", "EEE MMM dd yyyy HH:mm:ss", "d MMMM yyyy, HH:mm")  # fmt: skip
OFFSETS = st.integers(-18 * 4, 18 * 4).map(lambda quarters: timedelta(minutes=15 * quarters))
BETWEEN = st.sampled_from(["", " ", "\u00a0", ".000", ".000 ", ":00", ":00.123456 "])
FORMS = st.sampled_from(["", ":", "GMT", "UTC:"])


def written_offset(offset: timedelta, form: str) -> str:
    return form.rstrip(":") + zones.signed(offset, ":" if ":" in form else "")


@given(TIMES, st.sampled_from(LOCAL), st.sampled_from(ZONES), OFFSETS, BETWEEN, FORMS)
def test_an_offset_at_the_end_of_a_text_wins_over_any_zone(
    time: datetime, pattern: str, name: str, offset: timedelta, between: str, form: str
) -> None:
    found = format_of(pattern)
    text = found.write(time.astimezone(timezone(offset))) + between + written_offset(offset, form)
    read = found.read(text, zone(name))
    assert read is not None
    written = time - (time - EPOCH) % found.precision
    assert written <= read.start < written + timedelta(seconds=1)  # what stands between counts, too


@given(
    TIMES,
    st.sampled_from(LOCAL),
    st.sampled_from(ZONES),
    OFFSETS,
    FORMS,
    st.sampled_from(["", " "]),
)
def test_an_offset_that_stands_in_the_pattern_wins_over_any_zone(
    time: datetime, pattern: str, name: str, offset: timedelta, form: str, blank: str
) -> None:
    found = pattern_of(f"{pattern}'{blank}{written_offset(offset, form)}'")
    assert found.offset == offset
    read = found.read(found.write(time.astimezone(timezone(offset))), zone(name))
    assert read is not None
    assert read.start <= time < read.end


@pytest.mark.parametrize("name", ["UTC", "Asia/Tokyo", "America/New_York"])
@pytest.mark.parametrize(
    ("pattern", "text", "start"),
    [
        ("yyyy-MM-dd'T'HH:mm:ss'Z'", "2026-09-04T15:04:05Z", "15:04:05"),
        ("yyyy-MM-dd'T'HH:mm:ss'Z'", "2026-09-04T15:04:05z", "15:04:05"),
        ("yyyy-MM-dd'T'HH:mm:ss'Z'", "2026-09-04T15:04:05+01:00", "14:04:05"),
        ("yyyy-MM-dd'T'HH:mm:ss.SSS'Z'", "2026-09-04T15:04:05.1234567Z", "15:04:05.123456"),
        ("yyyy-MM-dd'T'HH:mm'Z'", "2026-09-04T15:04:05Z", "15:04:05"),
        ("yyyy-MM-dd'T00:00:00Z'", "2026-09-04T00:00:00Z", "00:00:00"),
        ("yyyy-MM-dd'Z'", "2026-09-04Z", "00:00:00"),
        ("yyyy-MM-dd", "2026-09-04+02:00", "2026-09-03T22:00:00"),
        ("dd.MM.yyyy HH:mm:ss'Z'", "04.09.2026 15:04:05 +02:00", "13:04:05"),
        ("dd.MM.yyyy HH:mm:ss", "04.09.2026 15:04:05 UTC", "15:04:05"),
        ("M/d/yyyy h:mm a", "9/4/2026 3:04 PM EST", "20:04:00"),
        ("EEE MMM dd yyyy HH:mm:ss",
         "Fri Sep 04 2026 15:04:05 GMT+0200 (Central European Summer Time)", "13:04:05"),
        ("EEE MMM dd HH:mm:ss '+0000' yyyy", "Fri Sep 04 15:04:05 +0000 2026", "15:04:05"),
        ("EEE MMM dd HH:mm:ss 'UTC' yyyy", "Fri Sep 04 15:04:05 UTC 2026", "15:04:05"),
    ],
)  # fmt: skip
def test_a_text_in_utc_is_read_so_wherever_the_instance_is(
    pattern: str, text: str, start: str, name: str
) -> None:
    read = format_of(pattern).read(text, zone(name))
    assert read is not None
    assert read.start == datetime.fromisoformat(
        start if "T" in start else f"2026-09-04T{start}"
    ).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("yyyy-MM-dd'T'HH:mm:ss", "2026-09-04T15:04:05"),
        ("yyyy-MM-dd'T'HH:mm:ss'Z'", "2026-09-04T15:04:05"),  # without its Z
        ("yyyy-MM-dd HH:mm:ss", "2026-09-04 15:04:05 QQQ"),
        ("yyyy-MM-dd HH:mm:ss", "2026-09-04 15:04:05 +99:00"),
        ("yyyy-MM-dd HH:mm:ss", "2026-09-04 15:04:05 or so Z"),
    ],
)
def test_a_text_without_an_offset_is_in_the_zone(pattern: str, text: str) -> None:
    read = format_of(pattern).read(text, zone("America/Chicago"))
    assert read is not None
    assert read.start == datetime(2026, 9, 4, 20, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(("pattern", "text"), [("yyyy-MM", "2026-09-04"), ("yyyy", "2026-0904")])
def test_a_day_behind_a_pattern_is_no_offset(pattern: str, text: str) -> None:
    read = format_of(pattern).read(text, UTC)
    assert read is not None
    assert read.start == datetime(2026, 9 if "MM" in pattern else 1, 1, tzinfo=UTC)


@given(st.text(max_size=30), st.sampled_from(EXACT))
def test_any_text_is_read_or_not_read(text: str, pattern: str) -> None:
    read = format_of(pattern).read(text, UTC)
    assert read is None or isinstance(read, Moment)


@given(st.text(max_size=30))
def test_any_pattern_is_read_or_refused(text: str) -> None:
    try:
        found = pattern_of(text)
    except PatternError:
        return
    found.read(found.write(datetime(2026, 1, 31, tzinfo=UTC)), UTC)


@pytest.mark.parametrize(
    ("pattern", "text", "start"),
    [
        # Digits after a point: Java's number of milliseconds, or the fraction that is meant.
        ("yyyy-MM-dd'T'HH:mm:ss.SSSSSS", "2026-01-31T12:00:00.000123", "2026-01-31T12:00:00.123"),
        ("yyyy-MM-dd HH:mm:ss.SSSSSS", "2026-01-31 12:00:00.123456", "2026-01-31T12:00:00.123456"),
        ("yyyy-MM-dd HH:mm:ss.SSS", "2026-01-31 12:00:00.123456789", "2026-01-31T12:00:00.123456"),
        ("MM/dd/yyy", "01/31/2026", "2026-01-31"),
        ("yyyy-MM-dd", "2026-13-01", "2027-01-01"),
        ("yyyy-MM-dd HH:mm", "2026-01-31 24:00", "2026-02-01"),
        ("yyyy-MM-dd", "2026-01-31 and more", "2026-01-31"),
        ("yyyyMMdd", 20260131, "2026-01-31"),
        ("yyyy-MM-dd HH:mm:ss.SSS'000'", "2026-01-31 12:00:00.123000", "2026-01-31T12:00:00.123"),
        ("yyyy\nMM", "2026\n02", "2026-02-01"),
        ("yy-MM-dd", "26-01-31", "2026-01-31"),
        ("dd MMM yyyy", "31 january 2026", "2026-01-31"),
        ("yyyy-MM-dd'T'HH:mm:ss'", "2026-01-31T12:00:01", "2026-01-31T12:00:01"),
        # A whole ISO 8601 time says more than a pattern that stops before its end.
        ("yyyy-MM-dd'T'HH:mm:ss", "2026-01-31T12:00:00+02:00", "2026-01-31T10:00:00"),
        ("dd/MM/yyyy", "2026-01-31T12:00:00Z", "2026-01-31T12:00:00"),
        ("yyyy-MM-dd'T'HH:mm:ssZ", "2026-01-31T12:00:00+02:00", "2026-01-31T10:00:00"),
        ("yyyy-MM-dd'T'HH:mm:ssXXX", "2026-01-31T12:00:00+0200", "2026-01-31T10:00:00"),
        ("yyyy-MM-dd'T'HH:mmz", "2026-07-31T12:00PST", "2026-07-31T20:00:00"),
        ("milliseconds", "1769860800000", "2026-01-31T12:00:00"),
        ("milliseconds", 1769860800000.0, "2026-01-31T12:00:00"),
        # Each count since 1970 by its size.
        ("milliseconds", 1769860800, "2026-01-31T12:00:00"),
        ("milliseconds", " 1769860800 ", "2026-01-31T12:00:00"),
        ("milliseconds", "1769860800.250100", "2026-01-31T12:00:00.2501"),
        ("milliseconds", 1769860800.25, "2026-01-31T12:00:00.25"),
        ("milliseconds", 1769860800250.5, "2026-01-31T12:00:00.2505"),
        ("milliseconds", 1769860800250000, "2026-01-31T12:00:00.25"),
        ("milliseconds", "1769860800250000999", "2026-01-31T12:00:00.25"),
        ("milliseconds", 99_999_999_999, "5138-11-16T09:46:39"),
        ("milliseconds", 100_000_000_000, "1973-03-03T09:46:40"),
        ("milliseconds", 0, "1970-01-01"),
        ("milliseconds", -1, "1969-12-31T23:59:59"),
        ("milliseconds", "2026-01-31T13:00:00+01:00", "2026-01-31T12:00:00"),
        ("yyyy-MM-dd HH:mm", 1769860800, "2026-01-31T12:00:00"),
        ("yyyy-MM-dd HH:mm", "1769860800000", "2026-01-31T12:00:00"),
        # Blanks, names and marks as browsers, JDKs and .NET write them.
        ("M/d/yyyy, h:mm:ss a", "9/4/2026, 3:04:05\u202fPM", "2026-09-04T15:04:05"),
        ("M/d/yyyy, h:mm:ss a", "9/4/2026, 3:04:05\u00a0PM", "2026-09-04T15:04:05"),
        ("M/d/yyyy, h:mm:ss\u202fa", "9/4/2026, 3:04:05 PM", "2026-09-04T15:04:05"),
        ("M/d/yyyy h:mm a", "9/4/2026 3:04 p.m.", "2026-09-04T15:04:00"),
        ("M/d/yyyy h:mm a", "9/4/2026 12:04 a. m.", "2026-09-04T00:04:00"),
        ("M/d/yyyy h:mm a", "9/4/2026 3:04PM", "2026-09-04T15:04:00"),
        ("M/d/yyyy h:mma", "9/4/2026 3:04 PM", "2026-09-04T15:04:00"),
        ("d MMM yyyy", "4 Sept 2026", "2026-09-04"),
        ("d MMM yyyy", "4 SEP. 2026", "2026-09-04"),
        ("d MMM. yyyy", "4 May 2026", "2026-05-04"),
        ("d MMM. yyyy", "4 Sept. 2026", "2026-09-04"),
        ("EEE d MMMM yyyy", "Tues. 1 Sep 2026", "2026-09-01"),
        ("MMM d yyyy HH:mm", "Sep  4 2026 15:04", "2026-09-04T15:04:00"),
        ("M/d/yyyy", "\u200e9\u200e/\u200e4\u200e/\u200e2026", "2026-09-04"),
        ("yyyy-MM-dd HH:mm:ss Z", "2026-09-04 15:04:05-0700", "2026-09-04T22:04:05"),
        ("yyyy-MM-dd HH:mm:ssZ", "2026-09-04 15:04:05 -0700", "2026-09-04T22:04:05"),
        ("yyyy-MM-dd HH:mm:ssXXX", "2026-09-04 15:04:05\u221207:00", "2026-09-04T22:04:05"),
        ("yyyy-MM-dd", "2026-09-04 15:04:05 UTC", "2026-09-04T15:04:05"),
    ],
)  # fmt: skip
def test_dates_are_read_leniently(pattern: str, text: object, start: str) -> None:
    read = format_of(pattern).read(text, UTC)
    assert read is not None
    assert read.start == datetime.fromisoformat(start).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        ("yyyy-MM-dd", "31.01.2026"),
        ("yyyy-MM-dd", "0000-00-00"),
        ("yyyy-MM-dd", ""),
        ("yyyy-MM-dd", None),
        ("yyyy-MM-dd", True),
        ("yyyy-MM-dd", {}),
        ("yyyy-MM-dd'T'HH:mmz", "2026-07-31T12:00QQQ"),
        ("yyyy-MM-ddXXX", "0001-01-01+18:00"),
        ("milliseconds", "soon"),
        ("milliseconds", "9" * 21),
        ("milliseconds", "9" * 5_000),
        ("milliseconds", 1e300),
        ("milliseconds", "-99999999999"),
        ("milliseconds", float("inf")),
        ("milliseconds", float("nan")),
        ("milliseconds", True),
    ],
)
def test_what_is_no_date_is_not_read(pattern: str, value: object) -> None:
    assert format_of(pattern).read(value, UTC) is None


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        # 2026-11-01 in Denver: from 02:00 MDT back to 01:00 MST. 2026-03-08: from 02:00 to 03:00.
        ("2026-11-01T00:59:59", "2026-11-01T06:59:59", "2026-11-01T07:00:00"),
        ("2026-11-01T01:30:00", "2026-11-01T07:30:00", "2026-11-01T08:30:01"),
        ("2026-11-01T02:00:00", "2026-11-01T09:00:00", "2026-11-01T09:00:01"),
        ("2026-03-08T02:30:00", "2026-03-08T08:30:00", "2026-03-08T09:30:01"),
        ("2026-11-01T00:59", "2026-11-01T06:59:00", "2026-11-01T07:00:00"),
    ],
)
def test_a_local_time_is_all_that_it_can_be(text: str, start: str, end: str) -> None:
    read = format_of("yyyy-MM-dd'T'HH:mm:ss").read(text, zone("America/Denver"))
    assert read is not None
    assert (read.start, read.end) == (
        datetime.fromisoformat(start).replace(tzinfo=UTC),
        datetime.fromisoformat(end).replace(tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("", "has no letter that tells a date"),
        ("'T'", "has no letter that tells a date"),
        ("Z", "has no letter that tells a date"),
        ("yyyy-MM-ddTHH", "has the letter T, which is not known here; .* quotes, such as 'T'"),
        ("yyyy-ww", "has the letter w"),
        ("yyyy'abc", "has a quote that is not closed"),
        ("yyyyXXXX", "has XXXX: at most 3"),
        ("zzzz yyyy", "has zzzz: at most 3"),
        ("y" * 21, "at most 20"),
        ("yyyy" + "-" * 100, "is longer than 100 characters"),
    ],
)
def test_a_pattern_that_cannot_be_used_says_why(pattern: str, message: str) -> None:
    with pytest.raises(PatternError, match=message):
        format_of(pattern)


@pytest.mark.parametrize(
    ("name", "hours"),
    [("UTC", 0), ("GMT", 0), ("-8:00", -8), ("+6:00", 6), ("-08:30", -8.5), ("GMT-3", -3),
     ("UTC+05:30", 5.5), ("MST", -7), ("PST", -7), ("PDT", -7), ("EST", -5), ("America/Denver", -6),
     ("Europe/Berlin", 2), ("Etc/GMT+8", -8)],
)  # fmt: skip
def test_zones_by_name_offset_and_abbreviation(name: str, hours: float) -> None:
    summer = datetime(2026, 7, 1, tzinfo=zone(name))
    assert summer.utcoffset() == timedelta(hours=hours)


@pytest.mark.parametrize(
    "name", ["", "{TimeZone}", "Mars", "../../etc/passwd", "-25:00", "-8:75", "BST", "a" * 999]
)
def test_a_zone_that_nobody_knows_is_refused(name: str) -> None:
    with pytest.raises(ZoneError, match="is not a time zone: name a region such as"):
        zone(name)
