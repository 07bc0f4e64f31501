"""Listings polled by the dates of their records."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from elements import dated
from elements.errors import ConfigurationError

from .notes import DATES, ISO, PLAIN, SINCE, Notes, at, iso
from .polled import Json, Polled


@pytest.mark.parametrize("entry", [PLAIN, SINCE], ids=["read", "asked"])
def test_what_is_created_and_updated_is_told_once(notes: Notes, entry: Json) -> None:
    polled = Polled(entry, notes)
    assert polled.poll(at(0)) == []
    assert polled.poll(at(15)) == []
    notes.put("new", at(20))
    notes.put("n03", at(21))
    assert sorted(polled.poll(at(30))) == [("n03", "UPDATED"), ("new", "CREATED")]
    assert polled.poll(at(45)) == []
    notes.put("new", at(46))
    assert polled.poll(at(60)) == [("new", "UPDATED")]
    assert polled.poll(at(75)) == []


@pytest.mark.parametrize(
    ("delay", "asked"),
    [
        ({"pollDelay": 90}, ["11:58:30", "11:58:30", "12:13:30"]),
        ({"pollDelay": 1}, ["11:59:59", "11:59:59", "12:14:59"]),
        ({"pollDelay": 0}, ["11:59:59", "11:59:59", "12:14:59"]),
        ({"pollDelay": ""}, ["11:59:59", "11:59:59", "12:14:59"]),
        ({}, ["11:59:59", "11:59:59", "12:14:59"]),
    ],
)
def test_the_url_asks_from_the_second_before_the_last_poll_on(
    notes: Notes, delay: Json, asked: list[str]
) -> None:
    url = "/hubs/crm/notes?since=${gmtDate:yyyy-MM-dd'T'HH:mm:ssZ}"
    polled = Polled({**SINCE, "url": url, **delay}, notes)
    for minutes in (0, 15, 31):
        polled.poll(at(minutes))
    assert [one["since"] for one in polled.asked] == [f"2026-05-01T{time}+0000" for time in asked]


def test_a_record_that_is_dated_before_the_poll_is_left_out_with_a_delay_of_nothing(
    notes: Notes,
) -> None:
    """What the entry says counts; where it says nothing, a minute counts once more."""
    for delay, told in (({"pollDelay": 0}, []), ({}, [("late", "CREATED")])):
        polled = Polled({**PLAIN, **delay}, notes)
        polled.poll(at(0))
        notes.put("late", at(-0.5))
        assert polled.poll(at(15)) == told
        del notes.notes["late"]


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("gmtDate:yyyy-MM-dd' 'HH:mm:ss", "2026-05-01 11:58:00"),
        ("date:yyyy-MM-dd'T'HH:mm:ssXXX", "2026-05-01T13:58:00+02:00"),
        ("date", "2026-05-01T05:58:00.000-06:00"),
        ("dateTimeZone:America/Denver:yyyy-MM-dd'T'HH:mm:ss.SSS'Z'", "2026-05-01T05:58:00.000Z"),
        ("dateTimeZone:-8:00:yyyy-MM-dd'T'HH:mmz", "2026-05-01T03:58GMT-08:00"),
        ("dateTimeZone:+6:00:MM/dd/yyy HH:mm", "05/01/2026 17:58"),
        ("dateTimeZone:PST:EEE, dd MMM yyyy HH:mm:ss Z", "Fri, 01 May 2026 04:58:00 -0700"),
        ("epoch", "1777636680000"),
        ("epoch:ms", "1777636680000"),
        ("epoch:s", "1777636680"),
        ("epoch:us", "1777636680000000"),
        ("gmtDate:milliseconds", "1777636680000"),
        ("gmtDate:'&?#='yyyy", "&?#=2025"),
    ],
)
def test_every_template_is_written_before_the_url_is_read(
    notes: Notes, template: str, text: str
) -> None:
    zoned = {**DATES, "updatedDateTimezone": "America/Denver"}
    entry = {
        **SINCE,
        "url": f"/hubs/crm/notes?since=${{{template}}}",
        "datesConfiguration": zoned,
        "pollDelay": 120,
    }
    polled = Polled(entry, lambda query: [], configuration={"event.poller.timezone": "Europe/Rome"})
    polled.poll(at(0))
    assert polled.asked[0]["since"] == text


def test_dates_within_a_where_clause_reach_the_provider(notes: Notes) -> None:
    url = "/hubs/crm/notes?where=updated>'${gmtDate:yyyy-MM-dd'T'HH:mm:ssXXX}' AND size = 3"
    polled = Polled({**SINCE, "url": url}, notes)
    polled.poll(at(0))
    assert polled.asked[0]["where"] == "updated>'2026-05-01T11:59:59Z' AND size = 3"


# --- Order ---------------------------------------------------------------------------------------


def pages_of(polled: Polled, now: datetime) -> int:
    before = len(polled.asked)
    polled.poll(now)
    return len(polled.asked) - before


def test_a_listing_that_is_sorted_newest_first_is_left_at_the_first_older_record(
    notes: Notes,
) -> None:
    polled = Polled(PLAIN, notes)
    assert pages_of(polled, at(0)) == 3 + 1  # an empty one is the end
    assert {one["limit"] for one in polled.asked} == {20}
    assert pages_of(polled, at(15)) == 1
    for number in range(25):
        notes.put(f"new{number}", at(16 + number / 10))
    assert pages_of(polled, at(30)) == 2
    assert sum(id_.startswith("new") for id_ in polled.known) == 25
    assert pages_of(polled, at(61)) == 4 + 1  # proved anew after an hour, by all 75


@pytest.mark.parametrize("sort", ["updated", "-created", "created", "id", "-id", ""])
def test_a_listing_of_another_order_is_read_to_its_end(notes: Notes, sort: str) -> None:
    notes.sort = sort
    polled = Polled(PLAIN, notes)
    polled.poll(at(0))
    for number, id_ in enumerate(("n49", "n00", "n23")):
        notes.put(id_, at(16 + 15 * number))
        assert polled.poll(at(30 + 15 * number)) == [(id_, "UPDATED")]


@pytest.mark.parametrize("dates", ["both", "updated"])
def test_what_was_created_newest_first_only_seems_sorted_by_its_updates(dates: str) -> None:
    """Nothing was updated yet: the order by creation, or by ids, is that by updates, too."""
    notes = Notes("-created")
    both = dates == "both"
    ids = [f"{(number * 37 % 50 if both else 90 - number):02d}" for number in range(50)]
    for number, id_ in enumerate(ids):
        notes.put(id_, at(-1440 - number))
    only = {name: text for name, text in DATES.items() if name.startswith("updated")}
    polled = Polled({**PLAIN, "datesConfiguration": DATES if both else only}, notes)
    polled.poll(at(0))
    notes.put(ids[45], at(10))
    assert polled.poll(at(15)) == [(ids[45], "UPDATED")]


def test_a_wrong_guess_delays_and_does_not_lose(notes: Notes) -> None:
    polled = Polled(PLAIN, notes)
    polled.poll(at(0))
    notes.sort = "created"  # as when the provider changes its mind
    notes.put("n00", at(10))
    first = polled.poll(at(15))
    assert first + polled.poll(at(30)) + polled.poll(at(70)) == [("n00", "UPDATED")]


# --- Which records, and which kind ---------------------------------------------------------------


def test_a_nested_id_and_nested_dates() -> None:
    dates = {"updatedDateField": "dates.updated", "updatedDateFormat": "milliseconds"}
    entry = {**PLAIN, "idField": "user.id", "datesConfiguration": dates}
    records: list[Json] = []
    polled = Polled(entry, lambda query: records)
    polled.poll(at(0))
    milliseconds = int(at(5).timestamp() * 1000)
    records.append({"user": {"id": 7}, "dates": {"updated": milliseconds}})
    assert polled.poll(at(15)) == [("7", "UPDATED")]
    assert polled.poll(at(30)) == []


@pytest.mark.parametrize(
    ("options", "seconds", "kind"),
    [
        ({}, 0, "CREATED"),
        ({}, 1, "UPDATED"),
        ({"createdCheckTolerance": 5}, 5, "CREATED"),
        ({"createdCheckTolerance": 5}, 6, "UPDATED"),
        ({"datesConfiguration": {**DATES, "createdCheckTolerance": "5"}}, 5, "CREATED"),
        ({"datesConfiguration": {**DATES, "createdCheckTolerance": "9"},
          "createdCheckTolerance": 5}, 6, "UPDATED"),
    ],
)  # fmt: skip
def test_created_and_updated_are_told_apart_by_the_tolerance(
    notes: Notes, options: Json, seconds: int, kind: str
) -> None:
    polled = Polled({**PLAIN, **options}, notes)
    polled.poll(at(0))
    notes.put("new", at(5))
    notes.put("new", at(5) + timedelta(seconds=seconds))
    assert polled.poll(at(15)) == [("new", kind)]


def test_a_date_at_the_end_of_the_calendar_has_a_tolerance_like_any(notes: Notes) -> None:
    """Some providers write it for never."""
    polled = Polled({**PLAIN, "createdCheckTolerance": 5}, notes)
    polled.poll(at(0))
    notes.put("new", at(5))
    notes.notes["new"]["created"] = "9999-12-31T23:59:59Z"
    assert polled.poll(at(15)) == [("new", "CREATED")]


@pytest.mark.parametrize("spelling", ["filterByUpdatedDate", "filterByUpdateDate"])
def test_judged_by_its_creation_a_record_is_told_once(notes: Notes, spelling: str) -> None:
    polled = Polled({**PLAIN, spelling: "false"}, notes)
    polled.poll(at(0))
    notes.put("n05", at(5))
    notes.put("new", at(6))
    assert polled.poll(at(15)) == [("new", "CREATED")]
    notes.put("new", at(14.5))
    assert polled.poll(at(15.5)) == []


def test_with_dates_of_creation_only_everything_is_created(notes: Notes) -> None:
    dates = {name: text for name, text in DATES.items() if name.startswith("created")}
    polled = Polled({**PLAIN, "datesConfiguration": {**dates, "updatedDateField": ""}}, notes)
    polled.poll(at(0))
    notes.put("n05", at(5))
    notes.put("new", at(6))
    notes.put("new", at(7))
    assert polled.poll(at(15)) == [("new", "CREATED")]


def test_with_templates_and_no_dates_every_record_is_a_change(notes: Notes) -> None:
    polled = Polled({"url": SINCE["url"], "idField": "id"}, notes)
    polled.poll(at(0))
    notes.put("new", at(5))
    assert polled.poll(at(15)) == [("new", "UPDATED")]
    assert polled.poll(at(15.5)) == []


def test_what_is_dated_after_the_poll_comes_when_it_is_time(notes: Notes) -> None:
    polled = Polled({**PLAIN, "filterByCurrentDate": True}, notes)
    polled.poll(at(0))
    notes.put("soon", at(20))
    assert polled.poll(at(15)) == []
    assert polled.poll(at(30)) == [("soon", "CREATED")]
    without = Polled(PLAIN, notes, cursor=None)
    without.poll(at(0))
    notes.put("later", at(99))
    assert without.poll(at(15)) == [("later", "CREATED")]
    assert without.poll(at(30)) == []


@pytest.mark.parametrize("date", [None, "", "soon", "0000-00-00", 5, {}])
def test_records_without_a_date_are_told_when_they_are_new_or_changed(
    notes: Notes, date: Any
) -> None:
    notes.notes["old"] = {"id": "old", "updated": date}
    polled = Polled(PLAIN, notes)
    assert polled.poll(at(0)) == []
    assert polled.poll(at(15)) == []
    notes.notes["new"] = {"id": "new", "updated": date, "created": None}
    notes.notes["old"] = {"id": "old", "updated": date, "colour": "red"}
    assert sorted(polled.poll(at(30))) == [("new", "UPDATED"), ("old", "UPDATED")]
    assert "without a date that can be read at updated (" in polled.note
    assert polled.poll(at(45)) == []
    assert "without a date that can be read at updated (" in polled.note  # for as long as it is so


def test_a_date_that_is_there_and_cannot_be_read_is_not_passed_over() -> None:
    notes = Notes()
    long_ago = iso(at(-10_000))
    notes.notes["n"] = {"id": "n", "created": long_ago, "updated": iso(at(-9_000))}
    polled = Polled(PLAIN, notes)
    polled.poll(at(0))
    notes.notes["n"] = {"id": "n", "created": long_ago, "updated": "a while ago"}
    assert polled.poll(at(15)) == [("n", "UPDATED")]
    assert 'at updated ("a while ago")' in polled.note


def test_a_date_of_creation_that_cannot_be_read_is_noted() -> None:
    notes = Notes()
    polled = Polled(PLAIN, notes)
    polled.poll(at(0))
    notes.notes["n"] = {"id": "n", "created": "just now", "updated": iso(at(10))}
    assert polled.poll(at(15)) == [("n", "UPDATED")]
    assert 'at created ("just now")' in polled.note


@pytest.mark.parametrize("never", ["0001-01-01T00:00:00.000Z", "1970-01-01T00:00:00.000+00:00", ""])
def test_an_update_long_before_the_creation_is_none(never: str) -> None:
    notes = Notes()
    polled = Polled(PLAIN, notes)
    polled.poll(at(0))
    notes.notes["n"] = {"id": "n", "created": iso(at(10)), "updated": never}
    assert polled.poll(at(15)) == [("n", "CREATED")]
    assert polled.note == ""


@pytest.mark.parametrize("url", [PLAIN["url"], "/hubs/crm/notes?since=${date}"])
@pytest.mark.parametrize("zone", ["", "America/New_York", "Asia/Tokyo"])
def test_texts_with_a_quoted_z_are_in_utc_wherever_the_instance_is(
    notes: Notes, url: str, zone: str
) -> None:
    pattern = "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'"
    dates = {**DATES, "updatedDateFormat": pattern, "createdDateFormat": pattern}
    entry = {**PLAIN, "url": url, "datesConfiguration": dates}
    polled = Polled(entry, notes, configuration={"event.poller.timezone": zone})
    polled.poll(at(0))
    notes.put("new", at(10))
    assert polled.poll(at(15)) == [("new", "CREATED")]
    assert (polled.poll(at(30)), polled.note) == ([], "")


def test_dates_as_a_newer_runtime_writes_them_are_read() -> None:
    notes = Notes()
    pattern = "M/d/yyyy, h:mm:ss a"
    dates = {**DATES, "updatedDateFormat": pattern, "createdDateFormat": pattern}
    polled = Polled({**PLAIN, "datesConfiguration": dates}, notes)
    polled.poll(at(0))
    text = "5/1/2026, 12:10:00\N{NARROW NO-BREAK SPACE}PM"
    notes.notes["n"] = {"id": "n", "created": text, "updated": text}
    assert polled.poll(at(15)) == [("n", "CREATED")]
    assert polled.note == ""


def test_dates_that_count_seconds_since_1970_are_read() -> None:
    notes = Notes()
    dates = {**DATES, "updatedDateFormat": "milliseconds", "createdDateFormat": "milliseconds"}
    polled = Polled({**PLAIN, "datesConfiguration": dates}, notes)
    polled.poll(at(0))
    for id_, time in (("old", at(-10)), ("new", at(10))):
        seconds = int(time.timestamp())
        notes.notes[id_] = {"id": id_, "created": seconds, "updated": str(seconds)}
    assert polled.poll(at(15)) == [("new", "CREATED")]
    assert polled.note == ""


def test_another_field_for_the_date_does_not_tell_everything(notes: Notes) -> None:
    polled = Polled(PLAIN, notes)
    polled.poll(at(0))
    polled.poll(at(15))
    notes.put("new", at(20))
    polled.entry = {
        **PLAIN, "datesConfiguration": {"updatedDateField": "no", "updatedDateFormat": ISO},
    }  # fmt: skip
    assert polled.poll(at(30)) == []
    assert "at no (null)" in polled.note
    polled.entry = PLAIN
    assert polled.poll(at(31)) == []  # noticed as it is


def test_another_url_goes_on_from_the_same_time(notes: Notes) -> None:
    polled = Polled(SINCE, notes)
    polled.poll(at(0))
    notes.put("new", at(20))
    polled.entry = {**SINCE, "url": SINCE["url"] + "&where=size=3"}
    assert polled.poll(at(30)) == [("new", "CREATED")]


# --- Backfill ------------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", [PLAIN, SINCE, {"url": "/notes", "idField": ""}])
def test_a_backfill_tells_of_everything_once(
    notes: Notes, entry: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dated, "MOST_TOLD", 13)
    polled = Polled({**entry, "backfill": True}, notes)
    told = dict(polled.poll(at(0)))
    assert sorted(told) == sorted(notes.notes)
    assert told["n00"] == "CREATED"
    assert polled.poll(at(15)) == []
    notes.put("new", at(16))
    assert polled.poll(at(30)) == [("new", "CREATED")]
    assert polled.poll(at(45)) == []


def test_a_backfill_asks_from_the_beginning(notes: Notes) -> None:
    polled = Polled({**SINCE, "backfill": True}, notes)
    polled.poll(at(0))
    assert polled.asked[0]["since"] == "1970-01-02T00:00:00.000Z"


def test_an_instance_cannot_be_polled_in_a_zone_that_nobody_knows(notes: Notes) -> None:
    polled = Polled(PLAIN, notes, configuration={"event.poller.timezone": "Mars"})
    with pytest.raises(ConfigurationError, match=r"event\.poller\.timezone: 'Mars' is not"):
        polled.poll(at(0))


def test_a_first_poll_that_comes_late_tells_what_is_newer_than_the_watch() -> None:
    for entry in (PLAIN, SINCE):
        notes = Notes()
        notes.put("before", at(-30))
        notes.put("changed", at(-30))
        polled = Polled(entry, notes, watched_since=at(0))
        notes.put("changed", at(3))
        notes.put("made", at(4))
        assert sorted(polled.poll(at(10))) == [("changed", "UPDATED"), ("made", "CREATED")]
        assert polled.poll(at(20)) == []
        notes.put("before", at(21))
        assert polled.poll(at(30)) == [("before", "UPDATED")]
