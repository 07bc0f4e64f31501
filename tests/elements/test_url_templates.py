"""Templates in a polled url, whatever their patterns and zones: the provider reads what Java would
have written, and is never asked from a later time than was meant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ceql.moment import EPOCH
from elements.date_letters import LETTERS
from elements.date_pattern import format_of
from elements.errors import ParameterError
from elements.record_dates import RecordDates, dates_of
from elements.url_template import filled
from elements.zones import zone

NO_DATES = dates_of({})
URL = "/hubs/crm/notes?since=${%s}&after=1"
TIMES = st.integers(86_400_000, 4_102_444_800_000).map(
    lambda milliseconds: EPOCH + timedelta(milliseconds=milliseconds)
)
ZONES = st.sampled_from(
    ["UTC", "GMT", "PST", "MST", "-8:00", "+6:30", "+14:00", "-18:00", "GMT-3", "UTC+05:45",
     "America/Denver", "Asia/Kathmandu", "Australia/Lord_Howe", "Antarctica/Troll", "Etc/GMT+12",
     "Pacific/Apia", "Africa/Casablanca", "America/Argentina/Buenos_Aires"]
)  # fmt: skip


@st.composite
def patterns(draw: st.DrawFn) -> str:
    """Runs of letters with text between them, quoted or not."""
    text = st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters="'}\0\n\r"), max_size=4
    )
    quoted = text.map(lambda words: f"'{words}'" if words else "''")
    bare = st.sampled_from(["-", "/", ":", " ", ".", ", ", "&", "#", "?", "=", "%", "+", "é", "_"])
    letters = st.sampled_from(sorted(LETTERS)).flatmap(
        lambda letter: st.integers(1, min(LETTERS[letter].widest, 6)).map(
            lambda width: letter * width
        )
    )
    parts = draw(st.lists(st.tuples(letters, quoted | bare), max_size=5))
    return "yyyy" + "".join(between + run for run, between in parts)


def asked(url: str, since: datetime, dates: RecordDates = NO_DATES) -> dict[str, str]:
    """The query as whoever is asked reads it."""
    return dict(parse_qsl(urlsplit(filled(url, since, dates)).query, keep_blank_values=True))


@given(TIMES, patterns(), ZONES)
@example(datetime(2026, 3, 1, tzinfo=UTC), "yyyy'&a=b#%2f?+'MM", "-8:00")
def test_what_is_asked_is_what_the_pattern_writes(time: datetime, pattern: str, name: str) -> None:
    local = time.astimezone(zone(name))
    settled = local.utcoffset() == (time + timedelta(hours=3)).astimezone(zone(name)).utcoffset()
    written = format_of(pattern)
    query = asked(URL % f"dateTimeZone:{name}:{pattern}", time)
    assert query["after"] == "1"
    if written.tells_zone or settled:
        assert query["since"] == written.write(earlier(local, written.offset))
    gmt = asked(URL % f"gmtDate:{pattern}", time)["since"]
    assert gmt == written.write(earlier(time, written.offset))


def earlier(time: datetime, offset: timedelta | None) -> datetime:
    """The time as it stands in its zone, or in the offset where that reads earlier."""
    own = time.utcoffset()
    assert own is not None
    return time if offset is None else time.astimezone(timezone(min(own, offset)))


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("${date:yyyy-MM-dd'T'HH:mm:ss'Z'}", "2026-05-01T12:00:00Z"),
        ("${date:yyyy-MM-dd'T'HH:mm:ss.SSS'Z'}", "2026-05-01T12:00:00.000Z"),
        ("${date:yyyy-MM-dd'T'HH:mm:ss}Z", "2026-05-01T12:00:00Z"),
        ("${date:yyyy-MM-dd'T'HH:mm}:00.000Z", "2026-05-01T12:00:00.000Z"),
        ("${date:yyyy-MM-dd'T'HH:mm:ss}%2B00:00", "2026-05-01T12:00:00+00:00"),
        ("${date:yyyy-MM-dd'T'HH:mm:ss'+0000'}", "2026-05-01T12:00:00+0000"),
        ("${date:yyyy-MM-dd'T'HH:mm:ss'-02:00'}", "2026-05-01T10:00:00-02:00"),
        ("${date:HH:mm:ss 'UTC' yyyy-MM-dd}", "12:00:00 UTC 2026-05-01"),
        ("${dateTimeZone:+9:00:yyyy-MM-dd HH'Z'}", "2026-05-01 12Z"),
        ("${date:yyyy-MM-dd'T'HH:mm:ssXXX}", "2026-05-01T21:00:00+09:00"),
        # Earlier than Z would be: who reads it as Denver's misses nothing either.
        ("${dateTimeZone:America/Denver:HH:mm'Z' yyyy}", "06:00Z 2026"),
        # No offsets: a day, a word, a number of another parameter.
        ("${date:yyyy-MM}-01", "2026-05-01"),
        ("${date:yyyy}-0501", "2026-0501"),
        ("${date:yyyy-MM-dd'T'HH:mm:ss}Zz", "2026-05-01T21:00:00Zz"),
        ("${date:yyyy-MM-dd'T'HH:mm:ss'Zulu'}", "2026-05-01T21:00:00Zulu"),
    ],
)
def test_an_offset_as_text_is_believed_where_the_zone_is_ahead_of_it(
    template: str, text: str
) -> None:
    tokyo = dates_of({}, "Asia/Tokyo")
    query = asked(f"/hubs/crm/notes?since={template}", datetime(2026, 5, 1, 12, tzinfo=UTC), tokyo)
    assert query["since"] == text


# When clocks are set back, and by how much: most by an hour, some by half of one, two or three.
SET_BACK = {
    "America/Denver": datetime(2026, 11, 1, 8, tzinfo=UTC),
    "Europe/Dublin": datetime(2026, 10, 25, 1, tzinfo=UTC),
    "Australia/Lord_Howe": datetime(2026, 4, 4, 15, tzinfo=UTC),
    "America/Sao_Paulo": datetime(2019, 2, 17, 2, tzinfo=UTC),
    "Pacific/Apia": datetime(2021, 4, 3, 14, tzinfo=UTC),
    "Antarctica/Troll": datetime(2026, 10, 25, 1, tzinfo=UTC),
    "Antarctica/Vostok": datetime(2023, 12, 17, 19, tzinfo=UTC),
    "Antarctica/Casey": datetime(2022, 3, 12, 13, tzinfo=UTC),
}
MINUTES = st.integers(0, 6 * 60).map(lambda minutes: timedelta(minutes=minutes))


@pytest.mark.parametrize("name", SET_BACK)
def test_each_of_these_clocks_is_set_back_then(name: str) -> None:
    before, after = (
        (SET_BACK[name] + step).astimezone(zone(name)).utcoffset()
        for step in (-timedelta(seconds=1), timedelta())
    )
    assert before is not None
    assert after is not None
    assert before > after


@pytest.mark.parametrize("name", SET_BACK)
@given(MINUTES, MINUTES)
def test_no_later_time_reads_as_an_earlier_one(
    name: str, until: timedelta, later: timedelta
) -> None:
    """A provider that writes local times compares texts: what changes after the poll must not read
    as changed before it, when the clock is set back in between."""
    pattern = "yyyy-MM-dd'T'HH:mm:ss"
    time = SET_BACK[name] - timedelta(hours=4) + until
    changed = (time + later).astimezone(zone(name))
    since = asked(URL % f"dateTimeZone:{name}:{pattern}", time)["since"]
    assert format_of(pattern).write(changed) >= since


PARTS = (
    "${", "}", "gmtDate", "date", "dateTimeZone", "epoch", ":", "s", "us", "yyyy", "HH", "'", "''",
    "-8:00", "UTC", "America/Denver", "&x=", "?", "#", "%", " ", "é", "$", "{",
)  # fmt: skip


@given(st.lists(st.sampled_from(PARTS), max_size=12))
def test_any_url_is_filled_or_refused(parts: list[str]) -> None:
    url = "/hubs/crm/notes?q=" + "".join(parts)
    try:
        found = filled(url, datetime(2026, 3, 1, tzinfo=UTC), NO_DATES)
    except ParameterError:
        found = ""
    assert "${" not in found
    urlsplit(found)
