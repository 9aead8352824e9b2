"""Fields of moments: datetimes, seconds and milliseconds since the epoch. UTC, never local time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec

from brubeck.dictshield.base import InvalidShield, ShieldException
from brubeck.dictshield.field import BaseField
from brubeck.dictshield.fields.numeric import LongField
from brubeck.timekeeping import (
    EARLIEST,
    LATEST,
    datestring_to_millis,
    datetime_to_millis,
    millis_to_datetime,
    rfc3339_to_datetime,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Unpack

    from brubeck.dictshield.field import FieldOptions

__all__ = ["DateTimeField", "MillisecondField", "TimeStampField"]

_ISO8601: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{6}))?", re.ASCII)
_DIRECTIVE: Final = re.compile(r"%(.)", re.DOTALL)
_PROBES: Final = tuple(
    datetime(*parts, tzinfo=zone)  # type: ignore[misc]  # parts are six or seven numbers
    for parts in (
        (1000, 1, 1, 0, 0, 0),
        (1812, 6, 24, 13, 5, 9, 1),
        (2000, 2, 29, 23, 59, 59, 999_999),
        (2023, 12, 31, 12, 0, 0),
        (2024, 10, 30, 1, 20, 30, 500_000),
        (9999, 12, 31, 0, 7, 0),
    )
    for zone in (None, UTC, timezone(timedelta(hours=5, minutes=30)))
)
"""Moments that tell formats apart: leap days, afternoons, other centuries, offsets."""
NOT_SECONDS: Final = "Not a timestamp: whole seconds, within the years 0001 to 9999"


class DateTimeField(BaseField[datetime]):
    """A datetime, an RFC 3339 text in JSON; one without an offset stays without.

    ``format`` is how JSON shows it instead: a `strftime` format, which is then read as well, or a
    callable from datetime to text, which is only for showing.
    """

    kind = "datetime"
    takes_blank = False
    typed_in_c = True
    jsonschema_types: tuple[str, ...] = ("string",)
    jsonschema_formats: tuple[str | None, ...] = ("date-time", "date", "time")

    def __init__(
        self,
        format: str | Callable[[datetime], str] | None = None,  # noqa: A002 - DictShield's name
        **options: Unpack[FieldOptions],
    ) -> None:
        super().__init__(**options)
        self.format = format
        self.converts = True
        self.needs_json = self.needs_json or format is not None

    def __set__(self, instance: Any, value: datetime | str | None) -> None:
        super().__set__(instance, value)  # type: ignore[arg-type]  # it is converted

    @classmethod
    def iso8601_to_date(cls, datestring: str) -> datetime:
        """Return the datetime of ``YYYY-MM-DDTHH:MM:SS.mmmmmm``; any further text is ignored."""
        found = _ISO8601.match(datestring)
        if found is None:
            raise ValueError(f'"{datestring[:60]}" is not a date like 2012-12-21T12:00:00')
        return datetime(*(int(part) for part in found.groups() if part))  # type: ignore[arg-type]  # noqa: DTZ001

    @classmethod
    def date_to_iso8601(
        cls,
        dt: datetime,
        format: str | Callable[[datetime], str],  # noqa: A002 - DictShield's name
    ) -> str:
        """Return a datetime as text, by a `strftime` format or a callable."""
        if isinstance(format, str):
            return _shown(dt, format)
        if callable(format):
            return format(dt)
        raise ShieldException("DateTimeField format must be a string or callable", None, format)

    def refuse_misuse(self) -> None:
        """Refuse a ``format`` that can show nothing."""
        super().refuse_misuse()
        if self.format is not None and not (isinstance(self.format, str) or callable(self.format)):
            raise InvalidShield("format must be a string or a callable.")
        if isinstance(self.format, str) and not self.reads_back():
            raise InvalidShield(
                f"format {self.format!r} shows texts that it does not read back as they were; "
                "use one with year, month and day, such as '%Y-%m-%d'."
            )

    def reads_back(self) -> bool:
        """Return whether a text in the format is read as a moment with the same text.

        Otherwise an item could not be sent back as it was received.
        """
        for moment in _PROBES:
            try:
                text = self.for_json(moment)
                if self.for_json(self._read(text)) != text:
                    return False
            except ValueError:
                return False
        return True

    def adopt(self, value: Any) -> Any:
        """Return the datetime of a text in RFC 3339, ISO 8601 or the field's format."""
        if not isinstance(value, str):
            return value
        for read in (self._read, datetime.fromisoformat):
            try:
                return read(value)
            except ValueError:
                continue
        return value

    def _read(self, text: object) -> datetime:
        """Return the moment of a text in the field's own format, or of an RFC 3339 text."""
        if not isinstance(text, str):
            raise ValueError("not a text")  # noqa: TRY004, what is raised for every other value
        if isinstance(self.format, str):
            try:
                return datetime.strptime(text, self.format)  # noqa: DTZ007 - as it was written
            except ValueError:
                pass
        return rfc3339_to_datetime(text)

    def require_type(self, native: Any) -> None:
        """Raise unless it is a datetime."""
        if not isinstance(native, datetime):
            raise self.fault("Not a datetime", native)
        self._require_years(native)

    def _require_years(self, native: datetime) -> None:
        # With an offset, the first and the last hours of these years lie outside them in UTC.
        if native.tzinfo is not None and not EARLIEST <= datetime_to_millis(native) <= LATEST:
            raise self.fault("Not within the years 0001 to 9999 in UTC", native)

    def from_builtin(self, value: Any) -> Any:
        """Return the datetime of its text in JSON."""
        try:
            native = value if isinstance(value, datetime) else self._read(value)
        except ValueError:
            raise self.fault("Not a datetime", value) from None
        self._require_years(native)
        return native

    def restore(self, stored: Any) -> Any:
        """Return the datetime of a text."""
        return self._read(stored) if isinstance(stored, str) else stored

    def after_decoding(self, decoded: Any) -> Any:
        """Return the datetime of a text; raise unless it lies within the years 0001 to 9999."""
        native = super().after_decoding(decoded)
        self._require_years(native)
        return native

    def wire_type(self) -> Any:
        """Return the type of any text: C would round fractions finer than a microsecond."""
        return str

    def loose_type(self) -> Any:
        """Return the type of stored texts, which have nothing finer."""
        return str if isinstance(self.format, str) else datetime

    def schema_terms(self) -> dict[str, Any]:
        """Return the schema of RFC 3339 texts, or of any text for a format."""
        return {"type": "string"} if self.format else {"type": "string", "format": "date-time"}

    def for_json(self, value: Any) -> str:
        """Return the datetime as text."""
        if self.format is not None:
            return self.date_to_iso8601(value, self.format)
        return str(msgspec.to_builtins(value))


class TimeStampField(DateTimeField):
    """A datetime that is whole seconds since the epoch in JSON."""

    kind = "integer"
    jsonschema_types: tuple[str, ...] = ()
    jsonschema_formats: tuple[str | None, ...] = ()
    needs_json = True

    def __init__(self, **options: Unpack[FieldOptions]) -> None:
        super().__init__(**options)
        self.converts = True
        self.needs_json = True

    @classmethod
    def timestamp_to_date(cls, value: float) -> datetime:
        """Return the UTC datetime of so many seconds; `ValueError` beyond the years 1 to 9999."""
        try:
            return millis_to_datetime(int(value * 1000))
        except (OverflowError, TypeError) as reason:
            raise ValueError("not a timestamp") from reason

    @classmethod
    def date_to_timestamp(cls, value: datetime) -> int:
        """Return the whole seconds since the epoch; one without an offset is UTC."""
        return datetime_to_millis(value) // 1000

    def __set__(self, instance: Any, value: datetime | str | float | None) -> None:
        super().__set__(instance, value)  # type: ignore[arg-type]  # it is converted

    def adopt(self, value: Any) -> Any:
        """Return the datetime of a number of seconds or a text."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return super().adopt(value)
        try:
            return self.timestamp_to_date(value)
        except ValueError:
            return value

    def reads_back(self) -> bool:
        """Return True: whole seconds are read as they are shown."""
        return True

    def from_builtin(self, value: Any) -> Any:
        """Return the datetime of whole seconds."""
        if isinstance(value, bool) or not isinstance(value, int):
            if isinstance(value, datetime):
                return value
            raise self.fault(NOT_SECONDS, value)
        try:
            return self.timestamp_to_date(value)
        except ValueError:
            raise self.fault(NOT_SECONDS, value) from None

    def restore(self, stored: Any) -> Any:
        """Return the datetime of stored seconds."""
        return self.timestamp_to_date(stored) if isinstance(stored, int) else stored

    def wire_type(self) -> Any:
        """Return the type of whole seconds between the years 0001 and 9999."""
        return Annotated[int, msgspec.Meta(ge=EARLIEST // 1000, le=LATEST // 1000)]

    def loose_type(self) -> Any:
        """Return the type of whole seconds."""
        return int

    def schema_terms(self) -> dict[str, Any]:
        """Return the schema of whole seconds between the years 0001 and 9999."""
        return {"type": "integer", "minimum": EARLIEST // 1000, "maximum": LATEST // 1000}

    def for_json(self, value: Any) -> Any:
        """Return the whole seconds since the epoch."""
        return self.date_to_timestamp(value)


class MillisecondField(LongField):
    """Milliseconds since the epoch, UTC, in the years 0001 to 9999.

    A date as text (RFC 3339, or an HTTP or e-mail date) or a datetime becomes milliseconds.
    """

    kind = "milliseconds"
    jsonschema_types: tuple[str, ...] = ()
    jsonschema_formats: tuple[str | None, ...] = ()

    def __set__(self, instance: Any, value: int | str | datetime | None) -> None:
        super().__set__(instance, value)  # type: ignore[arg-type]  # it is converted

    def adopt(self, value: Any) -> Any:
        """Return the milliseconds of a date or a number."""
        if isinstance(value, datetime):
            return datetime_to_millis(value)
        if not isinstance(value, str):
            return super().adopt(value)
        try:
            return datestring_to_millis(value)
        except (ValueError, TypeError, OverflowError, LookupError):
            return value

    def require_type(self, native: Any) -> None:
        """Raise unless it is a whole number."""
        if isinstance(native, str):
            raise self.fault("Not a date, nor milliseconds", native)
        super().require_type(native)

    def conform(self, native: Any) -> None:
        """Raise beyond the years 0001 to 9999, or the bounds."""
        if not EARLIEST <= native <= LATEST:
            raise self.fault("This moment lies outside the years 0001 to 9999.", native)
        super().conform(native)

    def from_builtin(self, value: Any) -> Any:
        """Return the milliseconds that JSON has, as a number or a date."""
        dated = isinstance(value, str | datetime)
        return super().from_builtin(self.adopt(value) if dated else value)

    def wire_type(self) -> Any:
        """Return the type of milliseconds between the years 0001 and 9999."""
        least = EARLIEST if self.min_value is None else max(self.min_value, EARLIEST)
        most = LATEST if self.max_value is None else min(self.max_value, LATEST)
        return Annotated[int, msgspec.Meta(ge=int(least), le=int(most))]

    def schema_terms(self) -> dict[str, Any]:
        """Return the schema of milliseconds between the years 0001 and 9999."""
        return {"minimum": EARLIEST, "maximum": LATEST, **super().schema_terms()}


def _shown(moment: datetime, form: str) -> str:
    """Return a moment in a `strftime` format, so that `strptime` reads it.

    The year has four digits, which the C library leaves out before the year 1000, and a moment
    without an offset is UTC where the format shows one.
    """
    directives = _DIRECTIVE.findall(form)
    if moment.tzinfo is None and ("z" in directives or "Z" in directives):
        moment = moment.replace(tzinfo=UTC)
    if moment.year < 1000:
        year = f"{moment.year:04}"
        form = _DIRECTIVE.sub(lambda found: year if found[1] == "Y" else found[0], form)
    return moment.strftime(form)
