"""What is kept and given again is never more than messages allow, however they are written."""

from hypothesis import given
from hypothesis import strategies as st

from edgeproxy.caching import vary
from edgeproxy.caching.directives import min_fresh, parse, seconds
from edgeproxy.caching.freshness import arrival
from edgeproxy.caching.outcomes import NotStored
from edgeproxy.caching.reuse import Use, decide, may_stand_in
from edgeproxy.caching.stored import Terms
from edgeproxy.caching.storing import Keep, judge
from edgeproxy.http.dates import http_date
from edgeproxy.ruleset.modifiers import Cache, Variant
from edgeproxy.ruleset.place import Place

NOW = 1_792_000_000.0
PLACE = Place("edge.yaml", 1, 1)
NUMBERS = ("max-age", "s-maxage", "stale-while-revalidate", "stale-if-error")
RESTRICTING = ("no-store", "must-revalidate", "proxy-revalidate", "no-transform", "only-if-cached")
PERMITTING = ("public", "immutable", "must-understand")
DIRECTIVES = (*NUMBERS, *RESTRICTING, *PERMITTING, "no-cache", "private", "min-fresh", "max-stale", "x-other")

SECONDS = st.one_of(
    st.integers(0, 400).map(str), st.sampled_from(("", "-1", "007", "1.5", "x", "9" * 30, '"60"', '"x"'))
)
ARGUMENTS = st.one_of(
    st.just(""), SECONDS.map("={}".format), st.sampled_from(('="a"', "=b", '="a, b"', ";x", " = 5", " x"))
)
MEMBERS = st.builds("{}{}".format, st.sampled_from((*DIRECTIVES, "Max-Age", "NO-STORE", "Public")), ARGUMENTS)
FIELDS = st.lists(MEMBERS, max_size=6).map(", ".join)
WITHOUT_QUOTES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters='"'), max_size=30)
DURATIONS = st.one_of(st.none(), st.floats(0, 500))
POLICIES = st.builds(
    Cache,
    st.just(PLACE),
    fresh=DURATIONS,
    negative=DURATIONS,
    stale_while_revalidate=DURATIONS,
    stale_if_error=DURATIONS,
    immutable=st.booleans(),
    heed_clients=st.booleans(),
)


def names_of(value):
    """The fields that a no-cache or private is about; None: all of them."""
    return None if value is None else {name.strip() for name in value.split(",")}


def is_no_more_lenient(one, other):
    """Whether `one` allows nothing that `other` forbids."""
    for name in NUMBERS:
        if name in other:
            assert seconds(one, name) <= seconds(other, name)
    for name in RESTRICTING:
        assert name in one or name not in other
    for name in ("no-cache", "private"):
        if name in other:
            assert one[name] is None or (other[name] is not None and names_of(one[name]) >= names_of(other[name]))
    assert min_fresh(one) >= min_fresh(other)
    if other.get("max-stale") is not None and "max-stale" in one:
        assert one["max-stale"] is not None
        assert seconds(one, "max-stale") <= seconds(other, "max-stale")
    return True


@given(st.lists(st.one_of(FIELDS, WITHOUT_QUOTES), min_size=1, max_size=4))
def test_a_directive_is_never_more_lenient_than_any_of_its_duplicates(lines):
    parsed = parse(", ".join(lines))
    for line in lines:
        assert is_no_more_lenient(parsed, parse(line))


@given(FIELDS, FIELDS, st.sampled_from(PERMITTING))
def test_what_stands_behind_a_quote_that_does_not_end_permits_nothing(before, behind, name):
    parsed = parse(f'{before}, x="{name}, {name}, {behind.replace(chr(34), "")}')
    assert is_no_more_lenient(parsed, parse(before))
    assert set(PERMITTING) & set(parsed) <= set(parse(before))


@given(st.text(max_size=40))
def test_any_text_is_read(text):
    for name, value in parse(text).items():
        assert name == name.lower()
        assert value is None or isinstance(value, str)


AGES = st.one_of(st.none(), st.integers(-5, 5000).map(str), st.sampled_from(("", "x", "7, 8", "9" * 400)))
MOMENTS = st.floats(-1e9, 1e10)
OFFSETS = st.one_of(st.integers(-10_000, 10_000), st.integers(-(10**9), 10**9))


@given(AGES, st.one_of(st.none(), OFFSETS), st.floats(-1e6, 1e6), MOMENTS)
def test_no_answer_is_younger_than_nothing(age, date, delay, later):
    values = {} if age is None else {"age": age}
    if date is not None:
        values["date"] = http_date(NOW + date)
    came = arrival(200, values, NOW - delay, NOW)
    assert came.age >= 0
    assert Terms(NOW - came.age, 60.0).age(later) >= 0


def lines_of(fields):
    return "".join(f"{name}: {value}\r\n" for name, value in fields if value is not None).encode("latin-1")


ANSWERS = st.fixed_dictionaries(
    {
        "Cache-Control": st.one_of(st.none(), FIELDS),
        "Surrogate-Control": st.one_of(st.none(), st.none(), FIELDS),
        "CDN-Cache-Control": st.one_of(st.none(), st.none(), FIELDS),
        "Expires": st.one_of(st.none(), st.just("0"), OFFSETS.map(lambda offset: http_date(NOW + offset))),
        "Date": st.one_of(st.none(), OFFSETS.map(lambda offset: http_date(NOW + offset))),
        "Last-Modified": st.one_of(st.none(), OFFSETS.map(lambda offset: http_date(NOW + offset))),
        "Age": AGES,
        "ETag": st.one_of(st.none(), st.just('"a"')),
        "Vary": st.sampled_from((None, None, "Cookie", "*", "Accept")),
        "Set-Cookie": st.sampled_from((None, None, None, "a=b")),
    }
)
STATUSES = st.sampled_from((200, 200, 200, 203, 206, 301, 302, 304, 404, 500, 503))
REQUESTS = st.fixed_dictionaries(
    {},
    optional={
        "authorization": st.just("Basic eDp5"),
        "cookie": st.just("a=b"),
        "cache-control": FIELDS,
        "pragma": st.just("no-cache"),
    },
)


KEEPABLE = st.fixed_dictionaries(
    {
        "Cache-Control": st.lists(
            st.builds(
                "{}={}".format,
                st.sampled_from((*NUMBERS, "public", "must-revalidate", "no-cache", "immutable")),
                SECONDS,
            ),
            max_size=5,
        ).map(", ".join),
        "Expires": st.one_of(st.none(), st.none(), OFFSETS.map(lambda offset: http_date(NOW + offset))),
        "Date": st.one_of(st.none(), st.integers(-300, 300).map(lambda offset: http_date(NOW + offset))),
        "Last-Modified": st.one_of(st.none(), OFFSETS.map(lambda offset: http_date(NOW + offset))),
        "Age": st.one_of(st.none(), st.integers(0, 300).map(str)),
        "ETag": st.just('"a"'),
    }
)
KEEPABLE_STATUSES = st.sampled_from((200, 301, 404))


def judged(request, status, answer, policy):
    return judge("GET", request, status, lines_of(answer.items()), policy, NOW, NOW, body_is_in_key=False)


@given(REQUESTS, STATUSES, ANSWERS, POLICIES)
def test_no_answer_to_a_request_with_credentials_is_kept_without_permission(request, status, answer, policy):
    verdict = judged(request, status, answer, policy)
    said = " ".join(answer[name] or "" for name in ("Cache-Control", "Surrogate-Control", "CDN-Cache-Control")).lower()
    is_permitted = any(word in said for word in ("public", "must-revalidate", "s-maxage"))
    if not is_permitted and "authorization" in request:
        assert isinstance(verdict, NotStored)
    if not is_permitted and "cookie" in request and answer["Vary"] != "Cookie":
        assert isinstance(verdict, NotStored)


@given(REQUESTS, STATUSES, ANSWERS, POLICIES)
def test_no_rule_makes_an_answer_keepable_that_says_it_is_not(request, status, answer, policy):
    answer = {**answer, "Surrogate-Control": None, "CDN-Cache-Control": None}
    said = (answer["Cache-Control"] or "").lower()
    verdict = judged(request, status, answer, policy)
    if answer["Set-Cookie"] or "private" in said or ("no-store" in said and "must-understand" not in said):
        assert isinstance(verdict, NotStored)
    if isinstance(verdict, Keep):
        assert status not in (206, 304)
        assert b"set-cookie" not in verdict.lines.lower()


@given(
    REQUESTS, KEEPABLE_STATUSES, KEEPABLE, POLICIES, st.floats(-10, 1000), st.one_of(st.none(), st.floats(-10, 1000))
)
def test_a_copy_is_never_given_as_fresh_past_what_allows_it(later, status, answer, policy, after, purged):
    verdict = judged({}, status, answer, policy)
    assert isinstance(verdict, Keep)
    terms, now = verdict.terms, NOW + after
    at = None if purged is None else NOW + purged
    use = decide(later, terms, at, now, policy)
    stale_for = max(now - terms.expires, 0.0 if at is None else now - at)
    if use is Use.FRESH:
        assert at is None
        assert not terms.no_cache
        assert now < terms.expires + 1e-6
    if use is Use.STALE:
        assert not terms.must_revalidate
        assert not terms.no_cache
        assert stale_for < terms.while_revalidate + 1e-6 or (
            policy.heed_clients and "max-stale" in later["cache-control"]
        )
    if may_stand_in(later, terms, at, now, policy) and not policy.heed_clients:
        assert at is None or stale_for < max(terms.if_error, terms.while_revalidate) + 1e-6
        assert not (terms.must_revalidate and now >= terms.expires + 1e-6)


@given(KEEPABLE_STATUSES, KEEPABLE, POLICIES)
def test_no_lifetime_is_longer_than_somebody_said(status, answer, policy):
    verdict = judged({}, status, answer, policy)
    assert isinstance(verdict, Keep)
    rule = policy.fresh if status == 200 else policy.negative
    said = parse(answer["Cache-Control"])
    remaining = verdict.terms.expires - NOW
    if rule is not None:
        assert abs(remaining - rule) < 1e-5
    elif "s-maxage" in said or "max-age" in said:
        assert verdict.terms.fresh == seconds(said, "s-maxage" if "s-maxage" in said else "max-age")
    elif answer["Expires"] is None:
        assert remaining <= 86_400
    assert verdict.terms.born <= NOW


ENCODINGS = st.lists(
    st.builds(
        "{}{}".format,
        st.sampled_from(("gzip", "GZIP", "x-gzip", "br", "zstd", "deflate", "identity", "*")),
        st.sampled_from(("", ";q=0", "; q=0.0", ";q=0.5", ";q=1")),
    ),
    max_size=5,
    unique_by=lambda member: member.partition(";")[0].lower().removeprefix("x-"),
)


def taken(members, coding):
    """RFC 9110 §12.5.3, read plainly."""
    qualities = {}
    for member in members:
        name, _, quality = member.lower().replace(" ", "").partition(";q=")
        qualities[name.removeprefix("x-")] = float(quality or 1)
    unnamed = 1.0 if coding == "identity" else 0.0
    return qualities.get(coding, qualities.get("*", unnamed)) > 0


@given(ENCODINGS, ENCODINGS)
def test_two_clients_share_an_answer_only_if_they_take_the_same_codings(one, other):
    policy = Cache(PLACE)
    first, second = ({"accept-encoding": ", ".join(members)} for members in (one, other))
    selecting = vary.selecting(("accept-encoding",), first, policy)
    assert vary.matches(selecting, first, policy)
    if vary.matches(selecting, second, policy):
        for coding in ("gzip", "br", "zstd", "deflate", "identity", "compress"):
            assert taken(one, coding) == taken(other, coding)


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF), max_size=20))
def test_no_accept_passes_for_a_variant_that_was_not_chosen_for_it(text):
    policy = Cache(PLACE, accept=(Variant.JSON,))
    json = vary.selecting(("accept",), {"accept": "application/vnd.pypi.simple.v1+json"}, policy)
    if not any(word in text.lower() for word in ("json", "*")):
        assert not vary.matches(json, {"accept": text}, policy)
