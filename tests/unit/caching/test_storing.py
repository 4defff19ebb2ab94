"""Whether an answer may be kept, and what of it (RFC 9111 §3)."""

import pytest

from edgeproxy.caching.outcomes import NotStored
from edgeproxy.caching.storing import MOST_OCTETS, Keep, judge, kept_lines
from edgeproxy.http.dates import http_date
from edgeproxy.http.etags import EntityTag
from edgeproxy.ruleset.modifiers import Cache, Variant
from edgeproxy.ruleset.place import Place

NOW = 1_792_000_000.0
POLICY = Cache(Place("edge.yaml", 1, 1))
OVERRIDE = Cache(POLICY.place, fresh=600.0, negative=60.0, stale_while_revalidate=60.0, stale_if_error=60.0)
CHANGED = f"Last-Modified: {http_date(NOW - 1000)}"
FRESH = "Cache-Control: max-age=60"


def verdict(*lines, method="GET", status=200, policy=POLICY, body_is_in_key=False, has_query=False, **request):
    values = {name.replace("_", "-"): value for name, value in request.items()}
    octets = "".join(f"{line}\r\n" for line in lines).encode("latin-1")
    return judge(method, values, status, octets, policy, NOW, NOW, body_is_in_key=body_is_in_key, has_query=has_query)


def is_kept(*lines, **facts):
    return isinstance(verdict(*lines, **facts), Keep)


# The request


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PURGE", "get"])
def test_an_answer_to_another_method_than_get_is_not_kept(method):
    assert verdict(FRESH, method=method) == NotStored.METHOD
    assert verdict(FRESH, method=method, policy=OVERRIDE) == NotStored.METHOD


def test_a_safe_call_whose_body_is_in_the_key_is_kept_by_an_explicit_word():
    facts = {"method": "POST", "body_is_in_key": True, "content_length": "90"}
    assert is_kept(FRESH, **facts)
    assert is_kept(policy=OVERRIDE, **facts)
    assert verdict(CHANGED, **facts) == NotStored.NO_LIFETIME  # RFC 9110 §9.3.3: explicit freshness
    assert verdict('ETag: "a"', **facts) == NotStored.NO_LIFETIME
    assert verdict(FRESH, **{**facts, "method": "PUT"}) == NotStored.METHOD


@pytest.mark.parametrize("request_fields", [{"content_length": "1"}, {"transfer_encoding": "chunked"}])
def test_a_get_with_content_that_is_not_in_the_key_is_not_kept(request_fields):
    assert verdict(FRESH, **request_fields) == NotStored.CONTENT
    assert is_kept(FRESH, body_is_in_key=True, **request_fields)


def test_a_get_that_says_that_it_has_no_content_is_kept():
    assert is_kept(FRESH, content_length="0")


def test_a_request_may_ask_for_not_being_kept():  # §5.2.1.5
    assert verdict(FRESH, cache_control="no-store") == NotStored.NO_STORE
    assert verdict(FRESH, cache_control="max-age=0, No-Store", policy=OVERRIDE) == NotStored.NO_STORE
    assert is_kept(FRESH, cache_control="no-cache")
    assert is_kept(FRESH, pragma="no-cache")


# The answer's word


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("no-store", NotStored.NO_STORE),
        ("NO-STORE, max-age=60", NotStored.NO_STORE),
        ("max-age=60 no-store", NotStored.NO_STORE),  # a comma was forgotten
        ('max-age="60, no-store', NotStored.NO_STORE),
        ("private, max-age=60", NotStored.PRIVATE),
        ('private="x-user", max-age=60', NotStored.PRIVATE),
        ("private=x, public, s-maxage=60", NotStored.PRIVATE),
    ],
)
@pytest.mark.parametrize("policy", [POLICY, OVERRIDE])
def test_an_answer_may_ask_for_not_being_kept_whatever_the_rule_says(field, reason, policy):
    assert verdict(f"Cache-Control: {field}", policy=policy) == reason


def test_each_line_of_cache_control_counts():
    assert verdict(FRESH, "Cache-Control: no-store") == NotStored.NO_STORE
    assert verdict("Cache-Control: private", FRESH) == NotStored.PRIVATE


def test_who_knows_what_a_status_means_may_keep_it():  # §5.2.2.3
    field = "Cache-Control: must-understand, no-store, max-age=60"
    assert is_kept(field)
    assert is_kept(field, status=404)
    assert verdict(field, status=299) == NotStored.STATUS
    assert verdict("Cache-Control: must-understand, max-age=60", status=599) == NotStored.STATUS
    assert is_kept(FRESH, status=299)  # §3: what is not known is kept by its explicit word
    assert verdict("Cache-Control: must-understand, private, no-store, max-age=60") == NotStored.PRIVATE
    assert verdict("Cache-Control: must-understand x, no-store, max-age=60") == NotStored.NO_STORE


@pytest.mark.parametrize("name", ["Set-Cookie", "set-cookie", "Set-Cookie2"])
def test_an_answer_that_sets_a_cookie_is_not_kept(name):
    for policy in (POLICY, OVERRIDE):
        for field in ("public, max-age=60", 'no-cache="set-cookie", max-age=60'):
            assert verdict(f"Cache-Control: {field}", f"{name}: a=b", policy=policy) == NotStored.SET_COOKIE


# Credentials


@pytest.mark.parametrize("policy", [POLICY, OVERRIDE])
def test_an_answer_to_a_request_with_credentials_is_for_its_client_alone(policy):  # §3.5
    assert verdict(FRESH, authorization="Basic eDp5", policy=policy) == NotStored.AUTHORIZATION
    assert verdict(FRESH, cookie="a=b", policy=policy) == NotStored.COOKIE
    assert verdict(FRESH, cookie="", policy=policy) == NotStored.COOKIE


@pytest.mark.parametrize("field", ["public, max-age=60", "must-revalidate, max-age=60", "s-maxage=60", 's-maxage="60"'])
def test_unless_it_says_that_others_may_have_it(field):
    assert is_kept(f"Cache-Control: {field}", authorization="Basic eDp5", cookie="a=b")


@pytest.mark.parametrize("field", ["public;x, max-age=60", "must-revalidate=0, max-age=60", "s-maxage=x", "s-maxage"])
def test_what_is_malformed_permits_nothing(field):
    validator = 'ETag: "a"'
    assert verdict(f"Cache-Control: {field}", validator, authorization="Basic eDp5") == NotStored.AUTHORIZATION


def test_an_answer_that_is_chosen_by_the_cookie_is_kept_for_that_cookie():
    keep = verdict(FRESH, "Vary: Cookie", cookie="a=b")
    assert isinstance(keep, Keep)
    assert keep.vary == ("cookie",)
    assert verdict(FRESH, "Vary: Cookie", cookie="a=b", authorization="x") == NotStored.AUTHORIZATION
    assert verdict(FRESH, "Vary: Authorization", authorization="x") == NotStored.AUTHORIZATION


def test_beside_surrogate_control_cache_control_says_whose_it_is():
    edge = "Surrogate-Control: max-age=86400"
    assert verdict(edge, "Cache-Control: private") == NotStored.PRIVATE
    assert is_kept(edge, "Cache-Control: public, max-age=600", authorization="x")
    assert verdict(edge, "Cache-Control: max-age=600", authorization="x") == NotStored.AUTHORIZATION
    assert is_kept(edge, "Cache-Control: no-store")  # for browsers


def test_a_field_for_caches_like_this_one_goes_before_cache_control():  # RFC 9213 §2.2
    assert is_kept("CDN-Cache-Control: max-age=60", "Cache-Control: no-store, private")
    assert verdict("CDN-Cache-Control: no-store", FRESH) == NotStored.NO_STORE
    assert verdict("CDN-Cache-Control: Max-Age=60", "Cache-Control: no-store") == NotStored.NO_STORE


# Vary


@pytest.mark.parametrize(
    "field", ["*", "Accept, *", "a b", "X-Forwarded-For", ", ".join(f"x-{number}" for number in range(9))]
)
def test_an_answer_that_nobody_else_is_known_to_fit_is_not_kept(field):
    assert verdict(FRESH, f"Vary: {field}") == NotStored.VARY
    assert verdict(f"Vary: {field}", policy=OVERRIDE) == NotStored.VARY


def test_all_lines_of_vary_count():
    keep = verdict(FRESH, "Vary: Accept", "vary: Accept-Language,accept")
    assert isinstance(keep, Keep)
    assert keep.vary == ("accept", "accept-language")
    assert verdict(FRESH, "Vary: Accept", "Vary: *") == NotStored.VARY


def test_under_a_rule_with_variants_an_answer_is_of_one_of_them_even_if_it_does_not_say():
    policy = Cache(POLICY.place, accept=(Variant.JSON, Variant.HTML))
    for lines in ((FRESH,), (FRESH, "Vary: Accept")):
        keep = verdict(*lines, policy=policy)
        assert isinstance(keep, Keep)
        assert keep.vary == ("accept",)


# Status and lifetime


@pytest.mark.parametrize("policy", [POLICY, OVERRIDE])
def test_parts_and_what_is_no_answer_of_its_own_are_not_kept(policy):
    assert verdict("Cache-Control: public, max-age=60", status=206, policy=policy) == NotStored.PARTIAL
    assert verdict("Cache-Control: public, max-age=60", status=304, policy=policy) == NotStored.STATUS
    assert verdict("Cache-Control: public, max-age=60", status=103, policy=policy) == NotStored.STATUS


@pytest.mark.parametrize("status", [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501])
def test_some_statuses_are_kept_by_a_guess(status):  # RFC 9110 §15.1
    keep = verdict(CHANGED, status=status)
    assert isinstance(keep, Keep)
    assert keep.terms.fresh == 100
    assert verdict(status=status) == NotStored.NO_LIFETIME


@pytest.mark.parametrize("status", [201, 202, 299, 302, 303, 307, 402, 403, 451])
def test_the_others_are_not_unless_they_say_that_they_may_be(status):
    assert verdict(CHANGED, 'ETag: "a"', status=status) == NotStored.NO_LIFETIME
    assert is_kept(CHANGED, "Cache-Control: public", status=status)
    assert is_kept(FRESH, status=status)
    assert is_kept(f"Expires: {http_date(NOW + 60)}", status=status)


@pytest.mark.parametrize("status", [400, 401, 407, 408, 411, 412, 413, 416, 417, 421, 425, 428, 429, 431, 511])
def test_what_speaks_of_one_request_is_not_kept_whatever_it_says(status):  # RFC 6585 §3 - §6, and CPDoS
    assert verdict("Cache-Control: public, s-maxage=60", status=status, policy=OVERRIDE) == NotStored.STATUS


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599])
def test_a_servers_error_is_kept_by_its_own_explicit_word_alone(status):
    assert is_kept(FRESH, status=status)
    assert verdict(CHANGED, "Cache-Control: public", status=status, policy=OVERRIDE) == NotStored.NO_LIFETIME


def test_no_guess_is_made_for_a_target_with_a_query():
    assert verdict("Cache-Control: public", has_query=True) == NotStored.NO_LIFETIME
    assert is_kept(FRESH, has_query=True)
    keep = verdict(CHANGED, has_query=True)
    assert isinstance(keep, Keep)  # to be asked for anew each time
    assert keep.terms.fresh == 0


@pytest.mark.parametrize("status", [200, 203, 204, 301, 302, 303, 307, 308, 404, 405, 410, 414, 501])
def test_a_rules_lifetime_is_an_explicit_word(status):
    assert is_kept(status=status, policy=OVERRIDE)


@pytest.mark.parametrize("status", [201, 300, 402, 403, 500, 503])
def test_a_rules_lifetime_is_not_for_other_statuses(status):
    assert verdict(status=status, policy=OVERRIDE) == NotStored.NO_LIFETIME


def test_an_answer_without_a_lifetime_is_kept_to_be_asked_for_anew():
    for validator in ('ETag: "a"', 'ETag: W/"a"'):
        keep = verdict(validator)
        assert isinstance(keep, Keep)
        assert keep.terms.fresh == 0
    assert verdict("ETag: a", "Last-Modified: yesterday") == NotStored.NO_LIFETIME


@pytest.mark.parametrize("field", ["max-age=0", "max-age=x", "no-cache", "no-cache, max-age=60", "max-age=30"])
def test_what_can_never_be_given_is_not_kept(field):
    lines = (f"Cache-Control: {field}", "Age: 30")
    assert verdict(*lines) == NotStored.NO_LIFETIME
    assert is_kept(*lines, 'ETag: "a"')


def test_what_may_stand_in_for_an_error_is_kept_though_it_is_never_fresh():
    assert is_kept("Cache-Control: max-age=0, stale-if-error=60")
    assert is_kept("Cache-Control: max-age=0, stale-while-revalidate=60")
    assert is_kept("Cache-Control: max-age=0", policy=Cache(POLICY.place, stale_if_error=60.0))
    assert verdict("Cache-Control: max-age=0, stale-if-error=60, must-revalidate") == NotStored.NO_LIFETIME


# What is kept of it


def test_its_head_is_kept_as_it_came_without_what_is_for_one_request_or_for_the_edge():
    came = (
        b"Date: Wed, 25 Nov 2026 19:41:30 GMT\r\nAge: 3\r\nCache-Control: max-age=60\r\nContent-Length: 12\r\n"
        b"Surrogate-Key: a\r\nsurrogate-control: max-age=5\r\nCache-Status: x; hit\r\nX-Any:  odd \r\nX-Any: twice\r\n"
        b"Set-Cookie: a=b\r\nTransfer-Encoding: chunked\r\nVia: 1.1 cdn\r\nCDN-Cache-Control: max-age=5\r\n"
    )
    assert kept_lines(came) == (
        b"Date: Wed, 25 Nov 2026 19:41:30 GMT\r\nCache-Control: max-age=60\r\nX-Any:  odd \r\nX-Any: twice\r\n"
        b"Via: 1.1 cdn\r\nCDN-Cache-Control: max-age=5\r\n"
    )
    assert kept_lines(b"") == b""


def test_what_its_connection_names_is_not_kept():
    assert kept_lines(b"Connection: close, X-Hop\r\nX-Hop: 1\r\nX-Any: 1\r\n") == b"X-Any: 1\r\n"
    assert kept_lines(b"X-Hop: 1\r\nConnection: x-other\r\nConnection: X-HOP\r\n") == b""


def test_its_tags_and_validators_are_read():
    keep = verdict(
        FRESH,
        CHANGED,
        'ETag: W/"a"',
        "Content-Type: text/html; charset=utf-8",
        "Surrogate-Key: a  b/c a",
        "Surrogate-Key: d,e",
    )
    assert isinstance(keep, Keep)
    assert keep.tags == ("a", "b/c", "d,e")
    assert (keep.etag, keep.last_modified) == (EntityTag("a", weak=True), int(NOW) - 1000)
    assert keep.content_type == "text/html; charset=utf-8"
    assert b"Surrogate-Key" not in keep.lines


@pytest.mark.parametrize("line", ["Content-Type: text/html", 'ETag: "a"', "Location: /x", CHANGED])
def test_a_head_that_can_be_read_in_two_ways_is_not_kept(line):
    assert is_kept(FRESH, line)
    assert verdict(FRESH, line, line) == NotStored.UNSAFE_FIELDS


def test_a_head_that_is_too_large_is_not_kept():
    assert verdict(FRESH, "X-Any: " + "a" * MOST_OCTETS) == NotStored.UNSAFE_FIELDS
