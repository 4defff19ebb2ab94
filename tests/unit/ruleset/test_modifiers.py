"""What the modifiers of a rule become, and what stands beside them: faults, cutovers, declarations of backends."""

from __future__ import annotations

import xmlrpc.client
from pathlib import Path

import pytest

from edgeproxy.ruleset.arms import ClientKey, CookieKey, Gates, OnFail
from edgeproxy.ruleset.ignores import Content, ElementIgnore, HeaderIgnore, PathIgnore
from edgeproxy.ruleset.load import parse_ruleset
from edgeproxy.ruleset.matching import InForm, ParameterIs, Presence
from edgeproxy.ruleset.model import Forward, Respond, Rule, Ruleset
from edgeproxy.ruleset.modifiers import (
    NO_MODIFIERS,
    Cache,
    Coding,
    Comparison,
    Digest,
    KeyHeader,
    KeyPart,
    Safety,
    Trouble,
    Variant,
)
from edgeproxy.ruleset.origins import Declarations, HttpBackend

HEAD = """edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
backends:
  legacy: {url: "http://127.0.0.1:8081"}
  modern: {url: "http://127.0.0.1:8082"}
  store: {directory: ./files}
"""
ALL = 'rules: [{name: all, match: {path: "/{rest*}"}, forward: {backend: modern}}]\n'


def ruleset_of(text: str) -> Ruleset:
    return parse_ruleset(HEAD + text, "rules.yaml", base=Path("/"))


def rule_of(more: str, path: str = "/{a}/{b}") -> Rule:
    return ruleset_of(f'rules: [{{name: a, match: {{path: "{path}"}}, {more}}}]\n').rules[0]


def cache_of(more: str) -> Cache:
    cache = rule_of(f"forward: {{backend: modern}}, cache: {more}").modifiers.cache
    assert cache is not None
    return cache


def test_a_rule_without_modifiers_has_none() -> None:
    assert rule_of("forward: {backend: modern}").modifiers == NO_MODIFIERS


def test_a_cache_that_says_nothing_leaves_it_to_the_answer() -> None:
    cache = cache_of("{}")
    assert cache == Cache(cache.place)


def test_a_cache_is_times_in_seconds_variants_and_parts_of_the_key() -> None:
    cache = cache_of(
        "{fresh: 10m, negative: 1m, stale_while_revalidate: 5m, stale_if_error: 1d, accept: [json, html], "
        "immutable: true, share_arms: true, heed_clients: true, compress: [zstd, gzip], "
        "key: [query, body, header:Accept-Language]}"
    )
    assert (cache.negative, cache.heed_clients, cache.compress) == (60.0, True, (Coding.ZSTD, Coding.GZIP))
    assert (cache.fresh, cache.stale_while_revalidate, cache.stale_if_error) == (600.0, 300.0, 86400.0)
    assert (cache.immutable, cache.share_arms) == (True, True)
    assert cache.accept == (Variant.JSON, Variant.HTML)
    assert cache.key == (KeyPart.QUERY, KeyPart.BODY, KeyHeader("accept-language"))


def test_tags_of_a_rule_are_added_to_those_of_its_cache() -> None:
    rule = rule_of('forward: {backend: modern}, cache: {tags: ["x/{a}", all]}, tags: ["{b|lower}/y", all]')
    assert rule.modifiers.cache is not None
    expanded = [tag.expand({"a": "1", "b": "B"}) for tag in rule.modifiers.cache.tags]
    assert expanded == ["x/1", "all", "b/y"]


def test_files_may_be_kept_too() -> None:
    assert rule_of("files: {directory: ./x}, cache: {fresh: 1d}").modifiers.cache is not None


def test_a_file_is_verified_by_what_its_path_says() -> None:
    path = "/{a:[0-9a-f]{2}}/{b:[0-9a-f]{62}}/{file}"
    rule = rule_of('forward: {backend: store}, cache: {verify: {sha256: "{a}{b}"}}', path)
    assert rule.modifiers.cache is not None
    assert rule.modifiers.cache.verify is not None
    digest, template = rule.modifiers.cache.verify
    assert digest is Digest.SHA256
    assert template.expand({"a": "ab", "b": "c" * 62}) == "ab" + "c" * 62


def test_a_digest_whose_length_is_not_plain_is_left_to_the_request() -> None:
    assert cache_of('{verify: {md5: "{a}{b}"}}').verify is not None


@pytest.mark.parametrize(
    "more",
    [
        'match: {path: "/", methods: [POST]}, safety: safe',
        'match: {path: "/", methods: [GET, POST]}',
        'match: {path: "/"}',
    ],
)
def test_a_body_may_tell_answers_apart_where_a_request_may_be_repeated(more: str) -> None:
    ruleset = ruleset_of(f"rules: [{{name: a, {more}, forward: {{backend: modern}}, cache: {{key: [body]}}}}]\n")
    assert ruleset.rules[0].modifiers.cache is not None


def test_a_shadow_is_a_share_of_the_requests() -> None:
    shadow = rule_of("forward: {backend: modern}, shadow: {to: legacy, percent: 2.5%, compare: json}").modifiers.shadow
    assert shadow is not None
    assert (shadow.to.name, shadow.share, shadow.compare) == ("legacy", 2_500, Comparison.JSON)


def test_answers_are_compared_exactly_unless_the_rule_says_how() -> None:
    shadow = rule_of("forward: {backend: modern}, shadow: {to: legacy, percent: 5}").modifiers.shadow
    assert shadow is not None
    assert shadow.compare is Comparison.EXACT


def test_what_a_shadows_answers_are_compared_without_is_kept_in_file_order() -> None:
    shadow = rule_of(
        "forward: {backend: modern}, shadow: {to: legacy, percent: 5, compare: html,"
        " ignore: [header:X-Served-By, 'html:/html/body/*/@href', 'html:meta[name=csrf-token]', 'html:script@nonce']}"
    ).modifiers.shadow
    assert shadow is not None
    assert shadow.ignore == (
        HeaderIgnore("x-served-by"),
        PathIgnore(Content.HTML, ("html", "body", None, "@href")),
        ElementIgnore("meta", (("name", "csrf-token"),)),
        ElementIgnore("script", only="nonce"),
    )


def test_a_fallback_stands_in_for_troubles_and_statuses() -> None:
    fallback = rule_of(
        "forward: {backend: modern}, fallback: {to: store, on: [connect, timeout, tls, reset, 5xx, 404]}"
    ).modifiers.fallback
    assert fallback is not None
    assert (fallback.to.name, fallback.on, fallback.statuses) == ("store", frozenset(Trouble), frozenset({404}))


def test_an_arm_of_a_split_may_be_the_fallback_and_the_shadow() -> None:
    ruleset = ruleset_of(
        "splits: {s: {weights: {legacy: 50, modern: 50}}}\n"
        "rules: [{name: a, match: {path: /}, forward: {split: s}, fallback: {to: legacy, on: [5xx]}, "
        "shadow: {to: modern, percent: 0}}]\n"
    )
    assert ruleset.rules[0].modifiers.fallback is not None


def test_a_rewrite_is_another_path_host_and_headers() -> None:
    rewrite = rule_of(
        'forward: {backend: modern}, rewrite: {path: "/new/{b}", host: pypi.test, '
        'headers: {X-Edge: "1", Cookie: {remove: true}}, answer_headers: {X-A: b}}'
    ).modifiers.rewrite
    assert rewrite.path is not None
    assert rewrite.path.expand({"a": "1", "b": "2"}) == "/new/2"
    assert rewrite.host == "pypi.test"
    assert rewrite.headers == (("X-Edge", "1"), ("Cookie", None))
    assert rewrite.answer_headers == (("X-A", "b"),)


def test_headers_of_the_answer_may_be_set_in_any_rule() -> None:
    rule = rule_of("respond: {status: 404}, rewrite: {answer_headers: {Server: {remove: true}}}")
    assert rule.modifiers.rewrite.answer_headers == (("Server", None),)


def test_safety_is_what_the_rule_says() -> None:
    assert rule_of("forward: {backend: modern}, safety: unsafe").modifiers.safety is Safety.UNSAFE


def test_cases_are_read_and_keep_their_places() -> None:
    case = "GET https://pypi.test/simple/ with header A=b -> forward modern by all"
    (expectation,) = rule_of(f'forward: {{backend: modern}}, expect: ["{case}"]').modifiers.expect
    assert expectation.case.target.path == "/simple/"
    assert expectation.case.facts.headers == {"a": "b"}
    assert str(expectation.case.expected) == "forward modern by all"
    assert expectation.place.line == HEAD.count("\n") + 1


def test_a_fault_is_xml_that_clients_raise() -> None:
    action = rule_of('respond: {xmlrpc_fault: {code: -32500, text: "<gone> & \\r\\né"}, headers: {X-A: b}}').action
    assert isinstance(action, Respond)
    assert (action.status, action.headers) == (200, (("Content-Type", "text/xml"), ("X-A", "b")))
    with pytest.raises(xmlrpc.client.Fault) as raised:
        xmlrpc.client.loads(action.body.decode())
    assert (raised.value.faultCode, raised.value.faultString) == (-32500, "<gone> & \r\né")


def test_a_fault_may_have_another_status() -> None:
    action = rule_of("respond: {status: 410, xmlrpc_fault: {code: 1, text: gone}}").action
    assert isinstance(action, Respond)
    assert action.status == 410


def test_a_cutover_is_shares_of_the_new_arm() -> None:
    (cutover,) = ruleset_of(
        "cutovers:\n  reads: {from: legacy, to: modern, steps: [1, 5%, 99.999, 100], hold: 10m, "
        "sticky: [cookie:session], on_fail: hold, gates: {errors: {worse_by: 0.5%}, latency: {p95_ratio: 1.5}, "
        "differences: {at_most: 0.1}}}\n" + ALL
    ).cutovers
    assert (cutover.name, cutover.old.name, cutover.new.name) == ("reads", "legacy", "modern")
    assert (cutover.steps, cutover.hold) == ((1_000, 5_000, 99_999, 100_000), 600.0)
    assert cutover.sticky == (CookieKey("session"), ClientKey())
    assert (cutover.gates, cutover.on_fail) == (Gates(500, 1.5, 100), OnFail.HOLD)


def test_a_cutover_without_gates_has_none_and_rolls_back() -> None:
    ruleset = ruleset_of(
        "cutovers: {reads: {from: legacy, to: store, steps: [100], hold: 0s}}\n"
        "rules: [{name: a, match: {path: /}, forward: {cutover: reads}}]\n"
    )
    (cutover,) = ruleset.cutovers
    assert (cutover.gates, cutover.on_fail, cutover.sticky) == (Gates(), OnFail.ROLLBACK, (ClientKey(),))
    assert ruleset.rules[0].action == Forward(cutover)


def declared(more: str) -> Declarations:
    text = HEAD.replace('8081"', f'8081", {more}')
    backend = parse_ruleset(text + ALL, "rules.yaml", base=Path("/")).backends[0]
    assert isinstance(backend, HttpBackend)
    return backend.declares


def test_a_declared_redirect_is_read_as_a_rule_is() -> None:
    (redirect,) = declared(
        'redirects: [{path: "/p/{name}", to: "https://files.pypihosted.test/{name|lower}", status: 301, lifetime: 7d, '
        "methods: [GET], where: {name: {not_normalized: lower}}, query: {x: {present: false}}}]"
    ).redirects
    assert redirect.to.expand({"name": "A"}) == "https://files.pypihosted.test/a"
    assert (redirect.status, redirect.lifetime, redirect.methods) == (301, 604800.0, {"GET"})
    assert redirect.query == (ParameterIs("x", Presence(False)),)
    assert isinstance(redirect.where[0].predicate, InForm)


def test_a_declared_redirect_is_302_for_every_method_unless_it_says_more() -> None:
    (redirect,) = declared("redirects: [{path: /a, to: /b}]").redirects
    assert (redirect.status, redirect.lifetime, redirect.methods) == (302, None, frozenset())
    assert (redirect.where, redirect.query) == ((), ())


def test_a_backend_says_what_it_reads() -> None:
    (read,) = declared('reads: [{path: "/search/", query: [q, page], methods: [GET], headers: [Range]}]').reads
    assert (str(read.path), read.query, read.methods, read.headers) == ("/search/", {"q", "page"}, {"GET"}, {"range"})
