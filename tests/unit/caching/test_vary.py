"""Which requests an answer is for (RFC 9110 §12.5.5, RFC 9111 §4.1)."""

import pytest

from edgeproxy.caching import vary
from edgeproxy.ruleset.modifiers import Cache, Variant
from edgeproxy.ruleset.place import Place

POLICY = Cache(Place("edge.yaml", 1, 1))
VARIANTS = Cache(Place("edge.yaml", 1, 1), accept=(Variant.JSON, Variant.HTML))
PIP = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"
UV = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"


@pytest.mark.parametrize(
    ("field", "names"),
    [
        (None, ()),
        ("", ()),
        ("Accept", ("accept",)),
        ("Accept-Encoding, Accept-Language", ("accept-encoding", "accept-language")),
        ("accept ,\tACCEPT,, Accept", ("accept",)),  # §5.6.1.2: empty members count for nothing
        ("*", None),
        ("Accept, *", None),
        ("Accept Encoding", None),  # no field name: what it depends on is unknown
        ("Accept;q=1", None),
        ("X-Forwarded-For", None),  # the edge writes it, and a client's request does not show it
        ("Forwarded, Accept", None),
        ("X-Forwarded-Proto, X-Forwarded-Host, Host", ()),  # in every key
        ("Connection, TE, X-Real-IP", ()),  # never sent on
        ("a, b, c, d, e, f, g, h", tuple("abcdefgh")),
        ("a, b, c, d, e, f, g, h, i", None),
    ],
)
def test_an_answer_names_what_it_depends_on(field, names):
    assert vary.names(field) == names


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("accept-encoding", "gzip, br", "br,gzip;q=0.5"),
        ("accept-encoding", "gzip", "GZIP;q=1.0, br;q=0"),
        ("accept-encoding", "x-gzip", "gzip"),
        ("accept-encoding", "gzip, identity", "gzip"),
        ("accept-encoding", "gzip, *;q=0, identity;q=0.1", "gzip"),
        ("accept-encoding", "identity;q=0, gzip", "gzip, *;q=0"),
        ("accept-encoding", "", "identity"),
        ("accept-language", "de, en;q=0.5", "DE,en;q=0.5"),
        ("accept", "text/html,*/*;q=0.8", "Text/HTML , */*;Q=0.8"),
    ],
)
def test_two_spellings_of_one_wish_get_the_same_answer(name, one, other):
    selecting = vary.selecting((name,), {name: one}, POLICY)
    assert vary.selecting((name,), {name: other}, POLICY) == selecting
    assert vary.matches(selecting, {name: other}, POLICY)


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("accept-encoding", None, ""),  # RFC 9110 §12.5.3: no field: any coding; an empty one: none
        ("accept-encoding", "gzip", "br"),
        ("accept-encoding", "gzip", "gzip, deflate"),  # a backend may use what this edge does not know
        ("accept-encoding", "*", ""),
        ("accept-encoding", "*, br;q=0", "*"),
        ("accept-encoding", "gzip, identity;q=0", "gzip"),
        ("accept-encoding", "gzip;q=2", "gzip"),  # malformed: taken as it stands
        ("accept", 'text/html;level="1 , 2"', 'text/html;level="1,2"'),
        ("accept", "text/x;v=A", "text/x;v=a"),
        ("cookie", "a=1", "a=1 "),  # nobody knows how its server reads it
        ("user-agent", "pip", "PIP"),
        ("x-any", None, ""),
    ],
)
def test_what_may_mean_two_things_is_two_things(name, one, other):
    requests = [{} if value is None else {name: value} for value in (one, other)]
    selecting = vary.selecting((name,), requests[0], POLICY)
    assert vary.matches(selecting, requests[0], POLICY)
    assert not vary.matches(selecting, requests[1], POLICY)


def test_under_a_rule_with_variants_every_accept_is_one_of_them():
    json = vary.selecting(("accept",), {"accept": PIP}, VARIANTS)
    assert vary.matches(json, {"accept": UV}, VARIANTS)
    html = vary.selecting(("accept",), {}, VARIANTS)
    assert vary.matches(html, {"accept": "*/*"}, VARIANTS)
    assert vary.matches(html, {"accept": "text/html"}, VARIANTS)
    assert not vary.matches(html, {"accept": PIP}, VARIANTS)


def test_an_accept_that_fits_no_variant_stands_for_itself_alone():
    policy = Cache(Place("edge.yaml", 1, 1), accept=(Variant.JSON,))
    json = vary.selecting(("accept",), {"accept": PIP}, policy)
    for other in ("text/html", "json", "image/png", "variant json"):
        assert not vary.matches(json, {"accept": other}, policy)
    assert vary.matches(vary.selecting(("accept",), {"accept": "image/png"}, policy), {"accept": "image/PNG"}, policy)


def test_an_answer_that_depends_on_nothing_fits_every_request():
    assert vary.matches((), {"accept": "anything"}, POLICY)


def test_all_its_fields_must_fit():
    values = {"accept-language": "de", "x-beta": "1"}
    selecting = vary.selecting(("accept-language", "x-beta"), values, POLICY)
    assert selecting == (("accept-language", "de"), ("x-beta", "1"))
    assert not vary.matches(selecting, {"accept-language": "de"}, POLICY)
    assert not vary.matches(selecting, {**values, "accept-language": "en"}, POLICY)


def test_a_value_of_any_length_is_compared():
    long = "gzip, " + ", ".join(f"c{number}" for number in range(400))
    selecting = vary.selecting(("accept-encoding",), {"accept-encoding": long}, POLICY)
    assert vary.matches(selecting, {"accept-encoding": long.upper()}, POLICY)
    assert not vary.matches(selecting, {"accept-encoding": long + ", br"}, POLICY)
