"""How old an answer is, and how long it is fresh (RFC 9111 §4.2)."""

import pytest

from edgeproxy.caching.directives import MOST_SECONDS, Governing, governing
from edgeproxy.caching.freshness import MOST_BY_HEURISTIC, arrival, fresh_for, heuristic, lifetime, terms
from edgeproxy.http.dates import http_date
from edgeproxy.ruleset.modifiers import Cache
from edgeproxy.ruleset.place import Place

NOW = 1_792_000_000.0
DAY = 86_400
POLICY = Cache(Place("edge.yaml", 1, 1))


def at(seconds):
    return http_date(NOW + seconds)


def age(values, requested=NOW, received=NOW):
    return arrival(200, values, requested, received).age


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, 0),
        ({"date": at(0)}, 0),
        ({"date": at(-30)}, 30),
        ({"date": at(3600)}, 0),  # a clock that is ahead: apparent_age is never negative
        ({"age": "20"}, 20),
        ({"date": at(-30), "age": "20"}, 30),
        ({"date": at(-10), "age": "20"}, 20),
        ({"date": at(3600), "age": "20"}, 20),
        # §5.1: of several members the first; what is no number is not there
        ({"age": "20, 90"}, 20),
        ({"age": "020"}, 20),
        ({"age": "-20"}, 0),
        ({"age": "20.5"}, 0),
        ({"age": "abc, 20"}, 0),
        ({"age": ""}, 0),
        ({"age": '"20"'}, 0),
        ({"age": "99999999999999"}, MOST_SECONDS),
        # RFC 9110 §6.6.1: without a Date that can be read, it was made when it came
        ({"date": "yesterday"}, 0),
        ({"date": f"{at(-30)}, {at(-30)}"}, 0),
        ({"date": "yesterday", "age": "20"}, 20),
    ],
)
def test_an_answer_is_as_old_as_its_date_or_its_age_says(values, expected):
    assert age(values) == expected


def test_the_time_that_an_answer_took_is_of_its_age():
    assert age({"age": "20"}, NOW - 3, NOW) == 23  # §4.2.3: corrected_age_value
    assert age({"date": at(-3)}, NOW - 3, NOW) == 3
    assert age({"date": at(-30)}, NOW - 3, NOW) == 30


def test_a_clock_that_is_set_back_between_asking_and_getting_makes_nothing_younger():
    assert age({"age": "20"}, NOW + 1000, NOW) == 20


def fresh(values, status=200):
    return lifetime(arrival(status, values, NOW, NOW), governing(values))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, None),
        ({"cache-control": "public"}, None),
        ({"cache-control": "max-age=60"}, 60),
        ({"cache-control": "s-maxage=10, max-age=60"}, 10),
        ({"cache-control": "s-maxage=60, max-age=10"}, 60),
        ({"cache-control": "s-maxage=x, max-age=10"}, 0),  # §4.2.1: stale, rather than by what follows
        ({"cache-control": "max-age=-1", "expires": at(60)}, 0),
        ({"cache-control": "max-age=99999999999"}, MOST_SECONDS),
        # §5.3
        ({"expires": at(60)}, 60),
        ({"expires": at(60), "date": at(-30)}, 90),
        ({"expires": at(60), "date": at(30)}, 30),
        ({"expires": at(-60)}, 0),
        ({"expires": at(60), "date": at(90)}, 0),
        ({"expires": "0"}, 0),
        ({"expires": "-1"}, 0),
        ({"expires": ""}, 0),
        ({"expires": "tomorrow"}, 0),
        ({"expires": f"{at(60)}, {at(90)}"}, 0),
        ({"expires": at(60), "date": "yesterday"}, 60),
        ({"expires": at(60), "cache-control": "max-age=5"}, 5),
        ({"expires": at(-60), "cache-control": "max-age=5"}, 5),
        ({"expires": at(60), "cache-control": "public"}, 60),
        # RFC 9213 §2.2: a targeted field that says nothing of time leaves nothing of these
        ({"expires": at(60), "cache-control": "max-age=5", "cdn-cache-control": "public"}, None),
        ({"expires": at(60), "cache-control": "max-age=5", "cdn-cache-control": "Public"}, 5),
        ({"expires": at(60), "cache-control": "max-age=5", "surrogate-control": "max-age=7"}, 7),
    ],
)
def test_an_answer_says_itself_how_long_it_is_fresh(values, expected):
    assert fresh(values) == expected


def test_a_date_of_two_digits_is_of_the_century_of_now():
    assert fresh({"expires": "Saturday, 31-Dec-50 23:59:59 GMT"}) > 20 * 365 * DAY


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, None),
        ({"last-modified": "yesterday"}, None),
        ({"last-modified": at(-1000)}, 100),
        ({"last-modified": at(-1000), "date": at(-500)}, 50),
        ({"last-modified": at(1000)}, 0),
        ({"last-modified": at(-365 * DAY)}, MOST_BY_HEURISTIC),
    ],
)
def test_a_guess_is_a_tenth_of_the_time_since_the_last_change(values, expected):
    assert heuristic(arrival(200, values, NOW, NOW)) == expected


def kept(values, policy=POLICY, status=200, may_guess=True):
    answer = arrival(status, values, NOW, NOW)
    said = governing(values)
    return terms(answer, said, policy, fresh_for(answer, said, policy, may_guess=may_guess))


def test_its_life_begins_at_its_birth():
    copy = kept({"cache-control": "max-age=60", "age": "20"})
    assert (copy.born, copy.fresh, copy.expires) == (NOW - 20, 60, NOW + 40)


def test_a_guess_is_only_for_what_says_nothing_and_where_it_is_allowed():
    values = {"last-modified": at(-1000)}
    assert kept(values).fresh == 100
    assert kept(values, may_guess=False).fresh == 0
    assert kept({**values, "expires": "0"}).fresh == 0
    assert kept({**values, "cache-control": "max-age"}).fresh == 0


def test_a_rule_overrides_what_is_fresh_from_when_it_came():
    policy = Cache(POLICY.place, fresh=60.0, negative=5.0)
    for status, remaining in ((200, 60), (203, 60), (204, 60), (301, 5), (307, 5), (404, 5), (501, 5)):
        for values in ({}, {"cache-control": "max-age=9"}, {"expires": "0", "age": "1000"}, {"date": at(-4000)}):
            assert kept(values, policy, status).expires == NOW + remaining
    assert kept({"cache-control": "max-age=9"}, policy, 300).expires == NOW + 9
    assert kept({"cache-control": "max-age=9"}, policy, 503).expires == NOW + 9


def test_stale_windows_are_the_rules_or_the_answers():
    values = {"cache-control": "max-age=9, stale-while-revalidate=30, stale-if-error=300"}
    assert (kept(values).while_revalidate, kept(values).if_error) == (30, 300)
    policy = Cache(POLICY.place, stale_while_revalidate=1.0, stale_if_error=0.0)
    assert (kept(values, policy).while_revalidate, kept(values, policy).if_error) == (1, 0)
    values["cache-control"] = "max-age=9, stale-while-revalidate=x, stale-if-error"
    assert (kept(values).while_revalidate, kept(values).if_error) == (0, 0)


def test_what_says_nothing_of_its_time_is_given_unasked_only_for_an_error():
    copy = kept({"etag": '"a"'}, Cache(POLICY.place, stale_while_revalidate=60.0, stale_if_error=600.0))
    assert (copy.fresh, copy.while_revalidate, copy.if_error) == (0, 0, 600)


@pytest.mark.parametrize(
    ("field", "must_revalidate", "no_cache", "immutable"),
    [
        ("max-age=1", False, False, False),
        ("max-age=1, must-revalidate", True, False, False),
        ("max-age=1, proxy-revalidate", True, False, False),
        ("s-maxage=1", True, False, False),  # §5.2.2.10
        ("no-cache", False, True, False),
        ('max-age=1, no-cache="x-secret"', False, True, False),  # §5.2.2.4's note: as if it named no field
        ("max-age=1, immutable", False, False, True),
    ],
)
def test_what_else_an_answer_says(field, must_revalidate, no_cache, immutable):
    copy = kept({"cache-control": field})
    assert (copy.must_revalidate, copy.no_cache, copy.immutable) == (must_revalidate, no_cache, immutable)


def test_a_rule_that_overrides_s_maxage_overrides_all_of_it():
    policy = Cache(POLICY.place, fresh=60.0)
    assert not kept({"cache-control": "s-maxage=1"}, policy).must_revalidate
    assert kept({"cache-control": "s-maxage=1, must-revalidate"}, policy).must_revalidate
    assert kept({"cache-control": "s-maxage=1"}, policy, status=404).must_revalidate


def test_a_rule_does_not_override_that_an_answer_is_asked_for_each_time():
    assert kept({"cache-control": "no-cache"}, Cache(POLICY.place, fresh=60.0)).no_cache


def test_what_a_rule_says_is_immutable_is_what_was_found():
    policy = Cache(POLICY.place, immutable=True)
    assert kept({}, policy).immutable
    assert not kept({}, policy, status=404).immutable


def test_directives_of_a_governing_field_alone_count():
    said = Governing({"max-age": "5"}, by_targeted=True)
    answer = arrival(200, {"cache-control": "must-revalidate, no-cache, max-age=1"}, NOW, NOW)
    copy = terms(answer, said, POLICY, fresh_for(answer, said, POLICY, may_guess=True))
    assert (copy.fresh, copy.must_revalidate, copy.no_cache) == (5, False, False)
