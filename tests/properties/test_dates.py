"""What is written as an HTTP-date is read as the same second, in each of the three forms."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from edgeproxy.http.dates import http_date, parse_http_date

FIRST, LAST = -62_135_596_800, 253_402_300_799  # the years 1 and 9999
NOW = 1_795_000_000


@given(st.integers(FIRST, LAST))
def test_imf_fixdate_comes_back(second):
    assert parse_http_date(http_date(second)) == second


@given(st.integers(FIRST, LAST))
def test_asctime_comes_back(second):
    at = datetime.fromtimestamp(second, UTC)
    assert parse_http_date(f"{at:%a %b} {at.day:2} {at:%H:%M:%S} {at.year:04}") == second


@given(st.integers(NOW - 49 * 365 * 86_400, NOW + 49 * 365 * 86_400))
def test_rfc850_comes_back_within_half_a_century(second):
    at = datetime.fromtimestamp(second, UTC)
    assert parse_http_date(f"{at:%A, %d-%b-%y %H:%M:%S} GMT", NOW) == second


@given(st.integers(FIRST, LAST), st.floats(0, 0.999, allow_nan=False))
def test_a_fraction_never_changes_the_second(second, fraction):
    assert http_date(second + fraction) == http_date(int((second + fraction) // 1))


@given(st.text(max_size=40))
def test_whatever_the_text_holds_it_is_read_without_an_error(text):
    parse_http_date(text)
    parse_http_date(f"Sun, {text} GMT")
