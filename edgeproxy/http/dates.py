"""HTTP-date (RFC 9110 §5.6.7): one form written, three forms read.

Law: what is not an HTTP-date is None, never a guess; the fields that carry dates are ignored when malformed.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_RECENT: Final = 1_767_225_600  # the start of 2026: moves only how the two-digit years of rfc850-date are read

_DAY: Final = f"(?:{'|'.join(_DAYS)})"
_LONG_DAY: Final = "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_MONTH: Final = f"(?P<month>{'|'.join(_MONTHS)})"
_TIME: Final = "(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
# A day name that does not fit its date is read all the same: §5.6.7 asks recipients to be robust, and the
# rest says which second is meant.
_FORMS: Final = (
    re.compile(rf"{_DAY}, (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_TIME} GMT"),  # IMF-fixdate
    re.compile(rf"{_LONG_DAY}, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<year>[0-9]{{2}}) {_TIME} GMT"),  # rfc850-date
    re.compile(rf"{_DAY} {_MONTH} (?P<day>[ 0-9][0-9]) {_TIME} (?P<year>[0-9]{{4}})"),  # asctime-date
)


def http_date(seconds: float) -> str:
    """IMF-fixdate of a POSIX time, its fraction dropped. Raises OverflowError outside the years 1 to 9999."""
    at = _EPOCH + timedelta(seconds=seconds // 1)
    return (
        f"{_DAYS[at.weekday()]}, {at.day:02} {_MONTHS[at.month - 1]} {at.year:04} "
        f"{at.hour:02}:{at.minute:02}:{at.second:02} GMT"
    )


def parse_http_date(text: str, now: float = _RECENT) -> int | None:
    """The POSIX time of an HTTP-date; None when it is not one. Two-digit years are read against `now`."""
    for form in _FORMS:
        match = form.fullmatch(text)
        if match is not None:
            return _posix_time(match, now)
    return None


def _posix_time(match: re.Match[str], now: float) -> int | None:
    year, second = int(match["year"]), int(match["second"])
    leap = second == 60  # allowed by the grammar; POSIX time has no name for it but the next second's
    try:
        at = datetime(
            _full_year(year, now) if len(match["year"]) == 2 else year,
            _MONTHS.index(match["month"]) + 1,
            int(match["day"]),
            int(match["hour"]),
            int(match["minute"]),
            59 if leap else second,
            tzinfo=UTC,
        )
    except ValueError:  # the 30th of February, hour 24, year 0
        return None
    return (at - _EPOCH) // timedelta(seconds=1) + leap


def _full_year(two_digits: int, now: float) -> int:
    """§5.6.7: the year that is not more than 50 years in the future."""
    this_year = (_EPOCH + timedelta(seconds=now)).year
    year = this_year - this_year % 100 + two_digits
    return year - 100 if year > this_year + 50 else year
