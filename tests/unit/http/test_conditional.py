"""Preconditions in their order (RFC 9110 §13)."""

import pytest

from edgeproxy.http.conditional import Verdict, evaluate, if_range_holds
from edgeproxy.http.dates import http_date
from edgeproxy.http.etags import EntityTag

TAG, WEAK = EntityTag("a"), EntityTag("a", weak=True)
CHANGED = 1_523_890_800
BEFORE, AT, AFTER = (http_date(CHANGED + seconds) for seconds in (-1, 0, 1))
PROCEED, NOT_MODIFIED, FAILED = Verdict.PROCEED, Verdict.NOT_MODIFIED, Verdict.PRECONDITION_FAILED


@pytest.mark.parametrize(
    ("headers", "verdict"),
    [
        ({}, PROCEED),
        # §13.1.2 If-None-Match: weak comparison
        ({"if-none-match": '"a"'}, NOT_MODIFIED),
        ({"if-none-match": 'W/"a"'}, NOT_MODIFIED),
        ({"if-none-match": '"b", "a"'}, NOT_MODIFIED),
        ({"if-none-match": "*"}, NOT_MODIFIED),
        ({"if-none-match": '"b"'}, PROCEED),
        ({"if-none-match": '"a,b"'}, PROCEED),
        ({"if-none-match": "a"}, PROCEED),  # without quotes it is no tag
        ({"if-none-match": ""}, PROCEED),
        # §13.1.3 If-Modified-Since
        ({"if-modified-since": AT}, NOT_MODIFIED),
        ({"if-modified-since": AFTER}, NOT_MODIFIED),
        ({"if-modified-since": BEFORE}, PROCEED),
        ({"if-modified-since": "yesterday"}, PROCEED),
        ({"if-modified-since": f"{AT}, {AT}"}, PROCEED),
        # §13.1.1 If-Match: strong comparison
        ({"if-match": '"a"'}, PROCEED),
        ({"if-match": '"b", "a"'}, PROCEED),
        ({"if-match": "*"}, PROCEED),
        ({"if-match": 'W/"a"'}, FAILED),
        ({"if-match": '"b"'}, FAILED),
        ({"if-match": "a"}, FAILED),
        ({"if-match": ""}, FAILED),
        # §13.1.4 If-Unmodified-Since
        ({"if-unmodified-since": AT}, PROCEED),
        ({"if-unmodified-since": AFTER}, PROCEED),
        ({"if-unmodified-since": BEFORE}, FAILED),
        ({"if-unmodified-since": "yesterday"}, PROCEED),
        # §13.2.2 the order
        ({"if-match": '"a"', "if-unmodified-since": BEFORE}, PROCEED),
        ({"if-match": '"b"', "if-unmodified-since": AFTER}, FAILED),
        ({"if-none-match": '"b"', "if-modified-since": AFTER}, PROCEED),
        ({"if-none-match": '"a"', "if-modified-since": BEFORE}, NOT_MODIFIED),
        ({"if-none-match": "a", "if-modified-since": AFTER}, PROCEED),  # malformed, and still the stronger one
        ({"if-match": '"b"', "if-none-match": '"a"'}, FAILED),
        ({"if-match": '"a"', "if-none-match": '"a"'}, NOT_MODIFIED),
        ({"if-unmodified-since": BEFORE, "if-none-match": '"a"'}, FAILED),
        ({"if-unmodified-since": AT, "if-modified-since": AT}, NOT_MODIFIED),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_read_goes_on_as_its_preconditions_say(method, headers, verdict):
    assert evaluate(method, headers, TAG, CHANGED) is verdict


@pytest.mark.parametrize(
    ("headers", "verdict"),
    [
        ({"if-match": '"a"'}, PROCEED),
        ({"if-match": '"b"'}, FAILED),
        ({"if-none-match": "*"}, FAILED),  # "create, but never overwrite"
        ({"if-none-match": '"a"'}, FAILED),
        ({"if-none-match": '"b"'}, PROCEED),
        ({"if-modified-since": AFTER}, PROCEED),  # §13.1.3: only for GET and HEAD
    ],
)
def test_a_write_is_refused_where_a_read_would_be_answered_from_a_copy(headers, verdict):
    assert evaluate("PUT", headers, TAG, CHANGED) is verdict


@pytest.mark.parametrize("method", ["CONNECT", "OPTIONS", "TRACE"])
def test_methods_without_a_representation_have_no_preconditions(method):  # §13.2.1
    assert evaluate(method, {"if-match": '"b"', "if-none-match": "*"}, TAG, CHANGED) is PROCEED


@pytest.mark.parametrize(
    ("headers", "verdict"),
    [
        ({"if-match": '"a"'}, FAILED),
        ({"if-match": "*"}, PROCEED),
        ({"if-none-match": '"a"'}, PROCEED),
        ({"if-none-match": "*"}, NOT_MODIFIED),
        ({"if-unmodified-since": BEFORE}, PROCEED),
        ({"if-modified-since": AFTER}, PROCEED),
    ],
)
def test_an_unknown_validator_matches_nothing(headers, verdict):
    assert evaluate("GET", headers, None, None) is verdict


def test_a_weak_current_tag_never_matches_if_match():
    assert evaluate("GET", {"if-match": '"a"'}, WEAK, CHANGED) is FAILED
    assert evaluate("GET", {"if-none-match": '"a"'}, WEAK, CHANGED) is NOT_MODIFIED


@pytest.mark.parametrize(
    ("field", "holds"),
    [
        ('"a"', True),
        ('W/"a"', False),
        ('"b"', False),
        ('"a", "a"', False),  # §13.1.5: one tag, not a list
        ('"a', False),
        (AT, True),
        (BEFORE, False),
        (AFTER, False),  # an exact match, not "not earlier"
        ("a", False),
        ("*", False),
        ("", False),
    ],
)
def test_if_range_wants_the_same_octets(field, holds):
    assert if_range_holds(field, TAG, CHANGED, now=CHANGED + 60) is holds


def test_if_range_trusts_no_weak_tag_and_no_unknown_one():
    assert not if_range_holds('"a"', WEAK, CHANGED, now=CHANGED + 60)
    assert not if_range_holds('"a"', None, CHANGED, now=CHANGED + 60)
    assert not if_range_holds(AT, TAG, None, now=CHANGED + 60)


@pytest.mark.parametrize(("age", "holds"), [(0, False), (0.9, False), (1, True)])
def test_if_range_trusts_no_date_of_this_very_second(age, holds):  # §8.8.2.2
    assert if_range_holds(AT, TAG, CHANGED, now=CHANGED + age) is holds
