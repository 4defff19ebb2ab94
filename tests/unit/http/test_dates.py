"""HTTP-date (RFC 9110 §5.6.7)."""

import pytest

from edgeproxy.http.dates import http_date, parse_http_date

THE_EXAMPLE = 784_111_777  # the date all RFCs use


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (THE_EXAMPLE, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (1_523_890_800, "Mon, 16 Apr 2018 15:00:00 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
        (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
    ],
)
def test_a_date_is_written_as_imf_fixdate(seconds, written):
    assert http_date(seconds) == written


@pytest.mark.parametrize(("seconds", "floor"), [(0.999_999_9, 0), (THE_EXAMPLE + 0.5, THE_EXAMPLE), (-0.5, -1)])
def test_a_fraction_of_a_second_is_dropped_and_never_rounded_up(seconds, floor):
    assert http_date(seconds) == http_date(floor)


def test_a_time_that_no_date_can_name_is_an_error():
    with pytest.raises(OverflowError):
        http_date(253_402_300_800)


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",  # IMF-fixdate
        "Sunday, 06-Nov-94 08:49:37 GMT",  # rfc850-date
        "Sun Nov  6 08:49:37 1994",  # asctime-date
        "Mon, 06 Nov 1994 08:49:37 GMT",  # the day's name is wrong, and says nothing that the date does not
    ],
)
def test_the_three_forms_are_read(text):
    assert parse_http_date(text) == THE_EXAMPLE


def test_a_leap_second_is_the_next_second():
    assert parse_http_date("Sat, 31 Dec 2016 23:59:60 GMT") == parse_http_date("Sun, 01 Jan 2017 00:00:00 GMT")


@pytest.mark.parametrize(
    ("text", "now", "meant"),
    [
        ("Monday, 01-Jan-76 00:00:00 GMT", "2026", "Wed, 01 Jan 2076 00:00:00 GMT"),  # 50 years ahead: not more
        ("Monday, 01-Jan-77 00:00:00 GMT", "2026", "Sat, 01 Jan 1977 00:00:00 GMT"),
        ("Monday, 01-Jan-99 00:00:00 GMT", "2060", "Thu, 01 Jan 2099 00:00:00 GMT"),
        ("Monday, 01-Jan-25 00:00:00 GMT", "2026", "Wed, 01 Jan 2025 00:00:00 GMT"),
    ],
)
def test_a_two_digit_year_is_at_most_fifty_years_ahead(text, now, meant):
    at = parse_http_date(f"Thu, 01 Jan {now} 12:00:00 GMT")
    assert at is not None
    assert parse_http_date(text, at) == parse_http_date(meant)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "784111777",
        "Sun, 06 Nov 1994 08:49:37",  # no zone
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "sun, 06 nov 1994 08:49:37 gmt",  # HTTP-date is case-sensitive
        " Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT\n",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, ٠٦ Nov 1994 08:49:37 GMT",  # digits, but not HTTP's
        "Sun, 30 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",  # two field lines, joined
        "Fri, 31 Dec 9999 23:59:59 GMT; length=1000",
    ],
)
def test_what_is_not_an_http_date_is_none(text):
    assert parse_http_date(text) is None
