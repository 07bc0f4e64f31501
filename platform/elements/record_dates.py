"""When a record was created and updated, as an entry of the poller's configuration says it.

A date is a stretch of time (elements.date_pattern): nothing is taken for older, later or different
that may not be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, timedelta, tzinfo
from typing import Any

from ceql.moment import Moment
from elements import run
from elements.calls import ChangeType
from elements.date_pattern import DateFormat, format_of
from elements.errors import ConfigurationError, PatternError, ZoneError
from elements.zones import zone

DATES = "datesConfiguration"
TIMEZONE = "event.poller.timezone"  # of the instance's configuration
ENTRY_TIMEZONE = "updatedDateTimezone"  # beside datesConfiguration, for both dates
LONGEST_FIELD = 200  # characters
UPDATED, CREATED = "updated", "created"


@dataclass(frozen=True, slots=True)
class DateField:
    """Where a date stands (dots for nesting), how it is written, and in which zone."""

    path: str
    format: DateFormat
    zone: tzinfo

    def of(self, record: Mapping[str, Any]) -> Moment | None:
        """None when there is none, or none that can be read."""
        return self.format.read(run.found_at(record, self.path), self.zone)

    def stands_in(self, record: Mapping[str, Any]) -> bool:
        """Return whether there is one, be it that it cannot be read."""
        value = run.found_at(record, self.path)
        return value is not None and (not isinstance(value, str) or bool(value.strip()))

    def is_unread(self, record: Mapping[str, Any]) -> bool:
        return self.stands_in(record) and self.of(record) is None


@dataclass(frozen=True, slots=True)
class RecordDates:
    """What is known of a resource's dates. `zone` is that of the instance."""

    updated: DateField | None
    created: DateField | None
    by_created: bool  # filterByUpdatedDate is false
    until_start: bool  # filterByCurrentDate
    tolerance: timedelta  # between two dates that count as one
    zone: tzinfo

    @property
    def judging(self) -> tuple[DateField, ...]:
        """The dates that say whether a record is news; of these the first that is there."""
        fields = (self.created,) if self.by_created else (self.updated, self.created)
        return tuple(field for field in fields if field is not None)

    @property
    def own(self) -> DateField | None:
        """How the provider writes dates: what a `${date}` without a pattern is written as."""
        return self.updated or self.created

    def judged(self, record: Mapping[str, Any]) -> Moment | None:
        """None without a date, and where the one that counts cannot be read.

        A date of creation that is surely later counts in place of that of an update: some
        providers write a date of long ago (0001-01-01, 0) for no update yet.
        """
        there = [field for field in self.judging if field.stands_in(record)]
        first = there[0].of(record) if there else None
        if first is None:
            return None
        others = [field.of(record) for field in there[1:]]
        return next((one for one in others if one is not None and one.start >= first.end), first)

    def unread(self, record: Mapping[str, Any]) -> DateField | None:
        """Return a date that is there and cannot be read; None where all can be."""
        fields = (field for field in (self.updated, self.created) if field is not None)
        return next((field for field in fields if field.is_unread(record)), None)

    def kind(self, record: Mapping[str, Any]) -> ChangeType:
        """CREATED when the record was not updated since, or says nothing of updates.

        Without any date, or where one cannot be read, it may be either, and counts as UPDATED.
        """
        created = self.created and self.created.of(record)
        if not created or (self.updated and self.updated.is_unread(record)):
            return ChangeType.UPDATED
        updated = self.updated and self.updated.of(record)
        # As a difference: the sum may lie beyond the calendar.
        if updated and updated.start - created.end >= self.tolerance:
            return ChangeType.UPDATED
        return ChangeType.CREATED


def dates_of(options: Mapping[str, Any], timezone: str = "", path: str = "") -> RecordDates:
    """Reads an entry's options; `timezone` is that of the instance's configuration.

    Raises ConfigurationError naming the place below `path`.
    """
    return RecordDates(
        updated=_field(options, UPDATED, timezone, path),
        created=_field(options, CREATED, timezone, path),
        by_created=options.get("filterByUpdatedDate") is False,
        until_start=options.get("filterByCurrentDate") is True,
        tolerance=timedelta(seconds=options.get("createdCheckTolerance", 0)),
        zone=zone_of(timezone, TIMEZONE),
    )


def zone_of(name: str, path: str) -> tzinfo:
    """UTC when no name is given. Raises ConfigurationError."""
    if not name.strip():
        return UTC
    try:
        return zone(name)
    except ZoneError as error:
        raise ConfigurationError(path, str(error)) from error


def _field(options: Mapping[str, Any], date: str, timezone: str, path: str) -> DateField | None:
    dates = options.get(DATES) or {}
    here = f"{path}.{DATES}.{date}Date"
    field = _text(dates, f"{date}DateField", here, "Field")
    if not field:
        return None
    if len(field) > LONGEST_FIELD or not all(field.split(".")):
        raise ConfigurationError(
            f"{here}Field",
            f"must be the path of a field, such as updated or dates.updated, of 1 to "
            f"{LONGEST_FIELD} characters",
        )
    pattern = _text(dates, f"{date}DateFormat", here, "Format")
    if not pattern:
        raise ConfigurationError(
            f"{here}Format",
            "is missing: a pattern such as yyyy-MM-dd'T'HH:mm:ssXXX, or milliseconds",
        )
    try:
        written = format_of(pattern)
    except PatternError as error:
        raise ConfigurationError(f"{here}Format", str(error)) from error
    own = _text(dates, f"{date}DateTimezone", here, "Timezone")
    entrys = _text(options, ENTRY_TIMEZONE, f"{path}.{ENTRY_TIMEZONE}", "")
    if own:
        return DateField(field, written, zone_of(own, f"{here}Timezone"))
    if entrys:
        return DateField(field, written, zone_of(entrys, f"{path}.{ENTRY_TIMEZONE}"))
    return DateField(field, written, zone_of(timezone, TIMEZONE))


def _text(values: Mapping[str, Any], name: str, path: str, part: str) -> str:
    value = values.get(name) or ""
    if not isinstance(value, str):
        raise ConfigurationError(f"{path}{part}", "must be text")
    return value.strip() if part != "Format" else value
