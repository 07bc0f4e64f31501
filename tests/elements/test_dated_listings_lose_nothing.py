"""Listings polled by dates lose nothing and tell nothing twice: clocks, zones, pages that move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elements import dated
from elements.date_pattern import format_of
from elements.zones import zone

from .notes import PLAIN, SINCE, START, Notes, at
from .polled import Json, Polled


@pytest.mark.parametrize("entry", [PLAIN, {**SINCE, "pollDelay": 60}], ids=["read", "asked"])
def test_dates_without_fractions_and_clocks_that_differ_lose_nothing(
    notes: Notes, entry: Json
) -> None:
    polled = Polled(entry, notes)
    polled.poll(at(0))
    for minutes, behind in ((15, 1), (30, 20), (45, 55)):
        now = at(minutes) + timedelta(milliseconds=700)
        polled.poll(now)
        notes.put(f"late{minutes}", now - timedelta(seconds=behind))  # after the poll, by its clock
        assert polled.poll(at(minutes + 7)) == [(f"late{minutes}", "CREATED")]


def test_dates_of_whole_days_lose_nothing() -> None:
    records: dict[str, Json] = {}
    dates = {"updatedDateField": "day", "updatedDateFormat": "yyyy-MM-dd"}
    polled = Polled({**PLAIN, "datesConfiguration": dates}, lambda query: [*records.values()])
    records["a"] = {"id": "a", "day": "2026-05-01"}
    assert polled.poll(at(0)) == []
    records["b"] = {"id": "b", "day": "2026-05-01"}
    assert polled.poll(at(15)) == [("b", "UPDATED")]
    records["a"] = {"id": "a", "day": "2026-05-01", "changed": True}
    assert polled.poll(at(30)) == [("a", "UPDATED")]
    assert polled.poll(at(45)) == []


def test_a_clock_that_is_set_back_loses_nothing(notes: Notes) -> None:
    polled = Polled(SINCE, notes)
    for minutes in (0, 15, 15 + 600):  # ten hours ahead, once
        polled.poll(at(minutes))
    notes.put("new", at(25))
    assert polled.poll(at(30)) == [("new", "CREATED")]
    for minutes in (45, 45 + 600, 46 + 600):
        polled.poll(at(minutes))
    notes.put("other", at(55))
    assert polled.poll(at(60)) == [("other", "CREATED")]
    assert polled.poll(at(75)) == []


def test_a_record_that_moves_between_pages_is_told_by_the_next_poll() -> None:
    """Oldest first: whatever is updated while pages are read moves the next one up a page."""
    notes = Notes("updated")
    polled = Polled({**SINCE, "pageSize": 3}, notes)
    polled.poll(at(0))
    for number in range(6):
        notes.put(f"n{number}", at(5 + number))

    def move(page: int) -> None:
        if page == 2:
            notes.put("n0", at(15))

    polled.hook = move
    first = polled.poll(at(15))
    assert ("n3", "CREATED") not in first
    polled.hook = None
    assert ("n3", "CREATED") in polled.poll(at(30))
    assert polled.poll(at(45)) == []


def test_of_many_changes_each_poll_tells_some_and_none_is_lost(
    notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dated, "MOST_TOLD", 7)
    monkeypatch.setattr(dated, "MOST_PAGES", 2)
    for entry in (PLAIN, SINCE):
        polled = Polled({**entry, "pageSize": 10}, notes)
        polled.poll(at(0))
        new = [(f"new{number}", at(5)) for number in range(33)]
        for id_, time in new:
            notes.put(id_, time)
        polled.polls = 0
        assert len(polled.poll(at(15))) == 33
        assert polled.polls >= 5
        assert polled.poll(at(30)) == []
        for id_, _ in new:
            del notes.notes[id_]


def test_a_large_record_is_told_whatever_its_size(
    notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dated, "LARGEST_HELD", 50)
    polled = Polled(SINCE, notes)
    polled.poll(at(0))
    for number in range(3):
        notes.put(f"new{number}", at(5), text="x" * 200)
    assert len(polled.poll(at(15))) == 3
    assert polled.polls == 1 + 3


# --- Zones ---------------------------------------------------------------------------------------

LOCAL = "yyyy-MM-dd'T'HH:mm:ss"
CHANGES = {
    "02:00 becomes 03:00": ("America/Denver", datetime(2026, 3, 8, 9, tzinfo=UTC)),
    "02:00 becomes 01:00": ("America/Denver", datetime(2026, 11, 1, 8, tzinfo=UTC)),
    "02:00 becomes 01:30": ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)),
    "00:00 becomes 21:00": ("Antarctica/Casey", datetime(2022, 3, 12, 13, tzinfo=UTC)),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("place", ["field", "entry", "instance"])
@pytest.mark.parametrize("interval", [5, 150])
def test_a_change_of_the_clock_neither_repeats_nor_loses_a_record(
    change: str, place: str, interval: int
) -> None:
    """Local times without an offset, compared as text, and a new record every five minutes."""
    name, changed_at = CHANGES[change]
    dates: Json = {"updatedDateField": "updated", "updatedDateFormat": LOCAL}
    entry: Json = {"url": f"/notes?since=${{dateTimeZone:{name}:{LOCAL}}}", "idField": "id"}
    configuration = {}
    if place == "field":
        dates["updatedDateTimezone"] = name
    elif place == "entry":
        entry["updatedDateTimezone"] = name
    else:
        configuration["event.poller.timezone"] = name
    records: dict[str, Json] = {}
    polled = Polled(
        {**entry, "datesConfiguration": dates},
        lambda query: [one for one in records.values() if one["updated"] >= query["since"]],
        configuration=configuration,
    )
    told: list[str] = []
    for minutes in range(-240, 241, 5):
        now = changed_at + timedelta(minutes=minutes, seconds=20)
        if minutes == -240 or (minutes - 10) % interval == 0:
            told += [id_ for id_, _ in polled.poll(now)]
        id_ = f"at {minutes}"
        local = (now + timedelta(minutes=2)).astimezone(zone(name))
        records[id_] = {"id": id_, "updated": format_of(LOCAL).write(local)}
    told += [id_ for id_, _ in polled.poll(changed_at + timedelta(minutes=260))]
    assert told == list(records)


# --- Units of what is written --------------------------------------------------------------------

WRITTEN = (
    "yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'", "yyyy-MM-dd'T'HH:mm:ssXXX",
    "yyyy-MM-dd'T'HH:mm:ss'Z'", "yyyy-MM-dd HH:mm:ss", "EEE, dd MMM yyyy HH:mm:ss Z",
    "MM/dd/yyyy hh:mm:ss a", "yyyy-MM-dd'T'HH:mmz", "dd/MM/yyyy HH:mm", "yyyyMMddHH",
    "MM/dd/yyyy hh a", "yyyy-MM-dd", "MM/dd/yyyy", "yyMMdd", "MMM yyyy", "yyyy-MM", "yyyy",
)  # fmt: skip
# Polls and records: around midnight, the turn of a year, and clocks that are set back.
INSTANTS = [
    datetime(2026, 5, 1, 12, tzinfo=UTC),
    datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC),
    datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC),
    *(changed_at for _, changed_at in CHANGES.values()),
]


@given(
    pattern=st.sampled_from(WRITTEN),
    place=st.sampled_from(["UTC", "Asia/Tokyo", *(name for name, _ in CHANGES.values())]),
    instant=st.sampled_from(INSTANTS),
    after=st.integers(-50_000_000, 50_000_000),  # milliseconds from it to the poll
    later=st.one_of(st.integers(0, 2_000), st.integers(0, 100_000_000)),  # from the poll on
    dated=st.booleans(),
)
def test_what_is_created_in_the_same_unit_as_the_last_poll_is_told_once(
    pattern: str, place: str, instant: datetime, after: int, later: int, dated: bool
) -> None:
    """A provider that tells only what is later than it is asked for, in units of the pattern."""
    written, where = format_of(pattern), zone(place)
    if "'Z'" in pattern:
        where = UTC
    records: dict[str, Json] = {}

    def put(id_: str, time: datetime) -> None:
        records[id_] = {"id": id_, "updated": written.write(time.astimezone(where))}

    def position(text: object) -> datetime:
        """Where a text stands by the provider's calendar, which is local where it has no offset."""
        read = written.read(text, UTC)
        assert read is not None
        return read.start

    entry: Json = {"url": f"/notes?since=${{dateTimeZone:{place}:{pattern}}}", "idField": "id"}
    if dated:
        entry["datesConfiguration"] = {
            "updatedDateField": "updated",
            "updatedDateFormat": pattern,
            "updatedDateTimezone": place,
        }
    polled = Polled(
        entry,
        lambda query: [
            one for one in records.values() if position(one["updated"]) > position(query["since"])
        ],
    )
    begun = instant + timedelta(milliseconds=after)
    put("before", begun - timedelta(milliseconds=1))
    assert polled.poll(begun) == []
    put("new", begun + timedelta(milliseconds=later))
    now = begun + timedelta(milliseconds=later)
    told = [polled.poll(now + timedelta(minutes=minutes)) for minutes in (1, 2, 3)]
    assert [id_ for poll in told for id_, _ in poll] == ["new"]


@pytest.mark.parametrize("unit", ["epoch", "epoch:ms", "epoch:s", "epoch:us"])
@pytest.mark.parametrize("later", [0, 0.001, 0.4, 0.999, 1, 60])
def test_what_is_created_in_the_same_second_as_the_last_poll_is_told_once(
    unit: str, later: float
) -> None:
    parts = {"epoch": 1e3, "epoch:ms": 1e3, "epoch:s": 1, "epoch:us": 1e6}[unit]
    records: list[Json] = []
    polled = Polled(
        {"url": f"/notes?since=${{{unit}}}", "idField": "id"},
        lambda query: [one for one in records if one["at"] > int(query["since"])],
    )
    polled.poll(at(0))
    records.append({"id": "new", "at": int((at(0).timestamp() + later) * parts)})
    assert polled.poll(at(15)) == [("new", "UPDATED")]
    assert polled.poll(at(30)) == []


# --- Whatever happens ----------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "put", "delete", "poll", "poll"]),
        st.integers(0, 30),
        st.integers(1, 900),
    ),
    max_size=60,
)


@given(
    steps=STEPS,
    sort=st.sampled_from(["-updated", "updated", "-created", "id", ""]),
    entry=st.sampled_from([PLAIN, SINCE]),
    size=st.integers(1, 8),
    before=st.integers(0, 30),
)
def test_every_change_is_told_and_none_twice(
    steps: list[tuple[str, int, int]], sort: str, entry: Json, size: int, before: int
) -> None:
    notes = Notes(sort)
    for number in range(before):
        notes.put(f"n{number}", at(-100 - number * 7 % 30))
    polled = Polled({**entry, "pageSize": size}, notes)
    now = START
    polled.poll(now)
    told: dict[tuple[str, int], int] = {}
    changed: set[str] = set()
    for what, number, seconds in [*steps, ("poll", 0, 1), ("poll", 0, 4000)]:
        now += timedelta(seconds=seconds)
        id_ = f"n{number}"
        if what == "put":
            notes.put(id_, now)
            changed.add(id_)
        elif what == "delete":
            notes.notes.pop(id_, None)
        else:
            for one in polled.changes(now):
                state = (one.object_id, one.record["version"])
                told[state] = told.get(state, 0) + 1
    assert set(told.values()) <= {1}
    assert {id_ for id_, _ in told} <= changed
    for id_ in changed & set(notes.notes):
        assert (id_, notes.notes[id_]["version"]) in told
