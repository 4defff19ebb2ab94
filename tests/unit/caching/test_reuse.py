"""Whether a copy may be given (RFC 9111 §4.2.4, §5.2.1; RFC 5861, RFC 8246)."""

from dataclasses import replace

import pytest

from edgeproxy.caching.reuse import Use, decide, may_stand_in, wants_only_a_copy
from edgeproxy.caching.stored import Terms
from edgeproxy.ruleset.modifiers import Cache
from edgeproxy.ruleset.place import Place

BORN = 1_792_000_000.0
DEAF = Cache(Place("edge.yaml", 1, 1))
HEEDFUL = replace(DEAF, heed_clients=True)
TERMS = Terms(born=BORN, fresh=100.0)
GRACE = replace(TERMS, while_revalidate=30.0, if_error=300.0)
FRESH, STALE, VALIDATE, UNAVAILABLE = Use


def use(field=None, age=50.0, terms=TERMS, purged=None, policy=HEEDFUL):
    values = {} if field is None else {"cache-control": field}
    return decide(values, terms, purged, BORN + age, policy)


@pytest.mark.parametrize(
    ("age", "expected"), [(-10, FRESH), (0, FRESH), (99.9, FRESH), (100, VALIDATE), (500, VALIDATE)]
)
def test_a_copy_is_fresh_within_its_lifetime(age, expected):  # §4.2: response_is_fresh = lifetime > age
    assert use(age=age) == expected


@pytest.mark.parametrize(("age", "expected"), [(99.9, FRESH), (100, STALE), (129.9, STALE), (130, VALIDATE)])
def test_a_stale_copy_is_given_while_it_is_asked_for_anew(age, expected):  # RFC 5861 §3
    assert use(age=age, terms=GRACE) == expected


def test_what_must_be_revalidated_is_never_given_stale():  # §5.2.2.2, §5.2.2.8, §5.2.2.10
    terms = replace(GRACE, must_revalidate=True)
    assert use(terms=terms) == FRESH
    assert use(age=101, terms=terms) == VALIDATE
    assert use("max-stale", 101, terms) == VALIDATE
    assert use(purged=BORN + 49, terms=terms) == VALIDATE


def test_what_is_no_cache_is_asked_for_each_time():  # §5.2.2.4
    terms = replace(GRACE, no_cache=True, immutable=True)
    assert use(terms=terms) == VALIDATE
    assert use("max-stale", 101, terms) == VALIDATE


def test_a_purged_copy_is_stale_from_then_on():
    assert use(purged=BORN + 50) == VALIDATE
    assert use(purged=BORN + 50, terms=GRACE) == STALE
    assert use(age=79, purged=BORN + 50, terms=GRACE) == STALE
    assert use(age=80, purged=BORN + 50, terms=GRACE) == VALIDATE
    assert use(age=80, purged=BORN + 50, terms=replace(GRACE, immutable=True)) == VALIDATE
    assert use(age=120, purged=BORN + 119, terms=GRACE) == STALE  # its grace began with the end of its lifetime
    assert use(age=130, purged=BORN + 119, terms=GRACE) == VALIDATE
    assert use(age=50, purged=BORN + 60, terms=GRACE) == STALE  # by a clock that is ahead


@pytest.mark.parametrize(
    ("field", "age", "expected"),
    [
        # §5.2.1.1 max-age
        ("max-age=50", 50, FRESH),
        ("max-age=49", 50, VALIDATE),
        ("max-age=0", 0.5, VALIDATE),
        ("max-age=x", 50, VALIDATE),
        ('max-age="60"', 50, FRESH),
        ("max-age=1000", 101, VALIDATE),  # who says so does not want a stale one
        ("max-age=1000, max-stale=5", 101, STALE),
        ("max-age=100, max-stale=5", 101, VALIDATE),
        # §5.2.1.2 max-stale
        ("max-stale=10", 110, STALE),
        ("max-stale=10", 110.1, VALIDATE),
        ("max-stale", 10_000, STALE),
        ("max-stale=x", 101, VALIDATE),
        ("max-stale=10", 50, FRESH),
        # §5.2.1.3 min-fresh
        ("min-fresh=50", 50, FRESH),
        ("min-fresh=51", 50, VALIDATE),
        ("min-fresh=x", 50, VALIDATE),
        ("min-fresh=1", 101, VALIDATE),
        ("min-fresh=1, max-stale", 101, VALIDATE),
        # §5.2.1.4 no-cache
        ("no-cache", 50, VALIDATE),
        ("no-cache, max-stale", 101, VALIDATE),
        # §5.2.1.5, §5.2.1.6: of what is kept already they say nothing
        ("no-store", 50, FRESH),
        ("no-transform", 50, FRESH),
        ("", 50, FRESH),
    ],
)
def test_a_client_may_want_it_newer_or_take_it_older(field, age, expected):
    assert use(field, age) == expected


def test_a_client_that_wants_no_stale_answer_gets_none_though_it_be_asked_for_anew():
    assert use("max-age=1000", 101, GRACE) == VALIDATE
    assert use("min-fresh=0", 101, GRACE) == VALIDATE
    assert use("max-stale=5", 110, GRACE) == VALIDATE  # it says how stale
    assert use("no-cache", 101, GRACE) == VALIDATE


@pytest.mark.parametrize("field", ["no-cache", "max-age=0", "min-fresh=1000", "max-stale"])
def test_a_rule_need_not_heed_what_clients_want(field):
    for age, expected in ((50, FRESH), (101, STALE), (131, VALIDATE)):
        assert use(field, age, GRACE, policy=DEAF) == expected


def test_pragma_is_the_no_cache_of_clients_that_know_no_other():  # §5.4
    pragma = {"pragma": "no-cache"}
    assert decide(pragma, TERMS, None, BORN, HEEDFUL) == VALIDATE
    assert decide({**pragma, "cache-control": "max-age=60"}, TERMS, None, BORN, HEEDFUL) == FRESH
    assert decide(pragma, TERMS, None, BORN, DEAF) == FRESH


def test_an_immutable_copy_is_not_asked_for_by_a_reload():  # RFC 8246 §2
    terms = replace(TERMS, immutable=True)
    assert use("max-age=0", terms=terms) == FRESH
    assert use("no-cache", terms=terms) == VALIDATE  # a reload by force
    assert use("no-cache", terms=terms, policy=DEAF) == FRESH
    assert use("max-age=0", 101, terms) == VALIDATE


@pytest.mark.parametrize("policy", [DEAF, HEEDFUL])
def test_who_wants_a_copy_or_nothing_gets_what_may_be_given(policy):  # §5.2.1.7
    assert use("only-if-cached", policy=policy) == FRESH
    assert use("only-if-cached", 101, policy=policy) == UNAVAILABLE
    assert use("only-if-cached", 101, GRACE, policy=policy) == STALE
    assert use("only-if-cached", terms=replace(TERMS, no_cache=True), policy=policy) == UNAVAILABLE
    assert wants_only_a_copy({"cache-control": "Only-If-Cached"})
    assert not wants_only_a_copy({"cache-control": "max-age=1"})
    assert not wants_only_a_copy({"pragma": "only-if-cached"})


def stands_in(field=None, age=101.0, terms=GRACE, purged=None, policy=HEEDFUL):
    values = {} if field is None else {"cache-control": field}
    return may_stand_in(values, terms, purged, BORN + age, policy)


@pytest.mark.parametrize(("age", "expected"), [(50, True), (100, True), (399.9, True), (400, False)])
def test_a_stale_copy_stands_in_for_an_error_for_a_while(age, expected):  # RFC 5861 §4
    assert stands_in(age=age) == expected


def test_one_without_such_a_while_does_so_only_while_it_is_fresh():
    assert stands_in(age=99, terms=TERMS)
    assert not stands_in(age=100, terms=TERMS)


def test_a_purged_one_does_so_from_the_purge_on():
    assert stands_in(age=349, purged=BORN + 50)
    assert not stands_in(age=350, purged=BORN + 50)
    assert not stands_in(age=50, purged=BORN + 50, terms=TERMS)


def test_what_must_be_revalidated_stands_in_for_nothing_once_it_is_stale():  # §5.2.2.2: then it is 504
    terms = replace(GRACE, must_revalidate=True)
    assert stands_in(age=99, terms=terms)
    assert not stands_in(terms=terms)
    assert not stands_in("max-stale", terms=terms)
    assert not stands_in(age=50, purged=BORN + 50, terms=terms)
    assert not stands_in(age=50, terms=replace(GRACE, no_cache=True))


def test_a_client_may_take_an_older_one_for_an_error_or_none():
    assert stands_in("stale-if-error=5", terms=TERMS)
    assert not stands_in("stale-if-error=5", 105, TERMS)
    assert stands_in("max-stale=5", 105, TERMS)
    assert stands_in("max-age=0", 50)  # RFC 5861 §4: whatever else is said of freshness
    assert not stands_in("no-cache", 50)
    assert not stands_in("stale-if-error=5", terms=TERMS, policy=DEAF)
    assert stands_in("no-cache", policy=DEAF)
