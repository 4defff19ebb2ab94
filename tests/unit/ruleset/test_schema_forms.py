"""What is wrong in form in one key is not valid in the JSON Schema, and told at its place; and every spelling that the
edge takes is valid. Each case is held against the edge's own reader too: neither is stricter here than the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from edgeproxy.ruleset.load import RuleFileError, parse_ruleset
from edgeproxy.ruleset.reader import read_nodes
from edgeproxy.ruleset.schema import json_schema
from tests.unit.ruleset.test_schema import as_json

VALIDATOR = Draft202012Validator(json_schema())
SITE = """\
edge: 1
listen: [{address: "127.0.0.1:8080"}]
hosts: {app: {names: [pypi.test]}}
"""
BACKENDS = 'old: {url: "http://127.0.0.1:8081"}, new: {url: "http://127.0.0.1:8082"}'
CUTOVER = "from: old, to: new"
RULE = 'name: a, match: {path: "/{x}"}'


def rules(*each: str) -> str:
    return SITE + f"backends: {{{BACKENDS}}}\nrules: [{', '.join(f'{{{rule}}}' for rule in each)}]\n"


def match(text: str) -> str:
    return rules(f'name: a, match: {{path: "/{{x}}", {text}}}, respond: {{status: 404}}')


def forwarded(text: str) -> str:
    return rules(f"{RULE}, forward: {{backend: new}}, {text}")


def answered(text: str) -> str:
    return rules(f"{RULE}, respond: {{status: 404}}, {text}")


def backend(text: str) -> str:
    return (
        SITE
        + f'backends: {{it: {{url: "http://127.0.0.1:8081", {text}}}}}\nrules: [{{{RULE}, files: {{directory: .}}}}]\n'
    )


def kept(text: str) -> str:
    return answered("off: why") + f"cache: {text}\n"


def cutover(text: str) -> str:
    return rules(f"{RULE}, files: {{directory: .}}") + f"cutovers: {{it: {{{text}}}}}\n"


def places(text: str) -> set[str]:
    root, problems = read_nodes(text, "rules.yaml")
    assert not problems, problems
    return {error.json_path for error in VALIDATOR.iter_errors(as_json(root))}


def is_taken(text: str, folder: Path) -> bool:
    """Whether the edge's reader finds nothing wrong."""
    (folder / "moves.csv").write_text("/a,/b\n")
    try:
        parse_ruleset(text, "rules.yaml", base=folder)
    except RuleFileError:
        return False
    return True


def ids(cases: Iterable[tuple[str, str]]) -> list[str]:
    return [f"{where} {number}" for number, (_, where) in enumerate(cases)]


REFUSED = (
    *((match(text), "$.rules[0].match.where") for text in ("where: {}", "where: [x]", "where: {x-y: {in: [a]}}")),
    *(
        (match(f"where: {{x: {text}}}"), "$.rules[0].match.where.x")
        for text in ("{}", "a", "{not: a}", "{normalised: lower}")
    ),
    (match("where: {x: {normalized: upper}}"), "$.rules[0].match.where.x.normalized"),
    (match("where: {x: {in: a}}"), "$.rules[0].match.where.x.in"),
    (match("where: {x: {not_in: []}}"), "$.rules[0].match.where.x.not_in"),
    (match('where: {x: {matches: "é"}}'), "$.rules[0].match.where.x.matches"),
    (match("query: {}"), "$.rules[0].match.query"),
    (match('query: {"%61": a}'), "$.rules[0].match.query"),
    *(
        (match(f"query: {{q: {text}}}"), "$.rules[0].match.query.q")
        for text in ('"%3A"', "[]", "{}", "{present: maybe}", "{regex: a, prefix: b}", '{prefix: ""}', "{is: a}")
    ),
    (match("headers: {Host: pypi.test}"), "$.rules[0].match.headers"),
    (match("headers: {A b: c}"), "$.rules[0].match.headers"),
    (match("headers: {Accept: é}"), "$.rules[0].match.headers.Accept"),
    (match("user_agent: {suffix: a}"), "$.rules[0].match.user_agent"),
    (match("client: 10.0.0.0/8"), "$.rules[0].match.client"),
    (match("client: [unix]"), "$.rules[0].match.client[0]"),
    (match("xmlrpc: all"), "$.rules[0].match.xmlrpc"),
    (match("xmlrpc: [any]"), "$.rules[0].match.xmlrpc"),
    (match("methods: [get]"), "$.rules[0].match.methods[0]"),
    (match("methods: GET"), "$.rules[0].match.methods"),
    (match("scheme: [http, http]"), "$.rules[0].match.scheme"),
    *(
        (rules(f"name: a, match: {{path: {text}}}, respond: {{status: 404}}"), "$.rules[0].match.path")
        for text in ("{}", "{regexp: /a}", "{regex: [/a]}", '{regex: ""}', "a", "[/a]")
    ),
    *(
        (answered(f"during: {text}"), "$.rules[0].during")
        for text in (
            *("{}", "[]", "always", "{first: 10m}", "{first: 0s, of_each: 1h}", "{after: 1m, from: 2024-09-05}"),
            *("{from: 2024-13-05}", "{from: 2024-09-05T12:00}", "{from: 20240905}", "[{untill: 2024-09-05}]"),
        )
    ),
    *((answered(f"off: {text}"), "$.rules[0].off") for text in ("true", "'No'", '" "', "[a]")),
    *((forwarded(f"query: {text}"), "$.rules[0].query") for text in ("all", "[]", "{keep: a}", "true", '["%61"]')),
    *((answered(text), "$.rules[0]") for text in ("query: keep", "cache: {fresh: 1m}", "safety: safe")),
    *(
        (answered(text), "$.rules[0]")
        for text in (
            *("shadow: {to: old, percent: 1}", "fallback: {to: old, on: [404]}", "upgrade: [websocket]"),
            *(
                "limits: {body: 1}",
                "limits: {rate: 1/s, time: 1s}",
                "rewrite: {path: /a}",
                "rewrite: {headers: {A: b}}",
            ),
        )
    ),
    (forwarded("tags: [a]"), "$.rules[0]"),
    (forwarded("limits: {burst: 3}"), "$.rules[0].limits"),
    (forwarded("limits: {rate: 0/s}"), "$.rules[0].limits.rate"),
    (forwarded("limits: {time: 0s}"), "$.rules[0].limits.time"),
    (forwarded("cache: {fresh: 10}"), "$.rules[0].cache.fresh"),
    (forwarded("cache: {immutable: yes}"), "$.rules[0].cache.immutable"),
    (forwarded("cache: {accept: [xml]}"), "$.rules[0].cache.accept[0]"),
    (forwarded("cache: {accept: [json, json]}"), "$.rules[0].cache.accept"),
    (forwarded("cache: {key: query}"), "$.rules[0].cache.key"),
    *(
        (forwarded(f"cache: {{key: [{text}]}}"), "$.rules[0].cache.key[0]")
        for text in ("path", "'header:'", "header:Host")
    ),
    (forwarded("cache: {tags: a}"), "$.rules[0].cache.tags"),
    *(
        (forwarded(f"cache: {{verify: {text}}}"), "$.rules[0].cache.verify")
        for text in ("{}", '"{x}"', '{sha1: "{x}"}', '{sha256: "{x}", md5: "{x}"}')
    ),
    (forwarded("cache: {negative: 60}"), "$.rules[0].cache.negative"),
    (forwarded("cache: {heed_clients: yes}"), "$.rules[0].cache.heed_clients"),
    *((forwarded(f"cache: {{compress: {it}}}"), "$.rules[0].cache.compress") for it in ("br", "[]", "[deflate]")),
    (kept("64MiB"), "$.cache"),
    (kept("{max: 64MiB}"), "$.cache"),
    (kept("{disk: 1GiB}"), "$.cache"),
    *((kept(f"{{memory: {it}}}"), "$.cache.memory") for it in ("0", "1048575", "64MB", "1.5GiB")),
    (kept("{directory: [kept]}"), "$.cache.directory"),
    (kept("{purge_token: token/}"), "$.cache.purge_token"),
    (forwarded("shadow: {to: old}"), "$.rules[0].shadow"),
    *((forwarded(f"shadow: {{to: old, percent: {n}}}"), "$.rules[0].shadow.percent") for n in ("101", "0.0001%", "-1")),
    (forwarded("shadow: {to: old, percent: 5, compare: fuzzy}"), "$.rules[0].shadow.compare"),
    *(
        (forwarded(f"shadow: {{to: old, percent: 5, compare: json, ignore: [{it}]}}"), "$.rules[0].shadow.ignore[0]")
        for it in ("Date", "'header:'", "headers:Date", "'json:'", "json:info", "json:/a//b", "{json: /a}")
    ),
    (forwarded("fallback: {to: old}"), "$.rules[0].fallback"),
    (forwarded("fallback: {to: old, on: 404}"), "$.rules[0].fallback.on"),
    *((forwarded(f"fallback: {{to: old, on: [{it}]}}"), "$.rules[0].fallback.on[0]") for it in ("4xx", "302", "600")),
    (forwarded("rewrite: {}"), "$.rules[0].rewrite"),
    (forwarded("rewrite: {query: drop}"), "$.rules[0].rewrite"),
    (forwarded("rewrite: {path: new}"), "$.rules[0].rewrite.path"),
    (forwarded('rewrite: {host: "http://pypi.test"}'), "$.rules[0].rewrite.host"),
    *(
        (forwarded(f"rewrite: {{headers: {text}}}"), "$.rules[0].rewrite.headers")
        for text in ("{}", "{host: a}", "{DATE: a}")
    ),
    *(
        (forwarded(f"rewrite: {{answer_headers: {{A: {text}}}}}"), "$.rules[0].rewrite.answer_headers.A")
        for text in ("{}", "[b]", "{remove: false}", "{delete: true}")
    ),
    (forwarded("safety: maybe"), "$.rules[0].safety"),
    (forwarded("expect: GET /"), "$.rules[0].expect"),
    (forwarded("expect: [{GET: /}]"), "$.rules[0].expect[0]"),
    (rules(f"{RULE}, forward: {{}}"), "$.rules[0].forward"),
    (rules(f"{RULE}, forward: {{backend: new, cutover: new}}"), "$.rules[0].forward"),
    (rules(f"{RULE}, redirect: {{status: 301}}"), "$.rules[0].redirect"),
    (rules(f"{RULE}, redirect: {{to: /a, map: moves.csv}}"), "$.rules[0].redirect"),
    (rules(f"{RULE}, redirect: {{map: moves/}}"), "$.rules[0].redirect.map"),
    (rules(f"{RULE}, redirect: {{to: /a, lifetime: 500ms}}"), "$.rules[0].redirect.lifetime"),
    (rules(f"{RULE}, respond: {{}}"), "$.rules[0].respond"),
    (rules(f"{RULE}, respond: {{status: 199}}"), "$.rules[0].respond.status"),
    (rules(f"{RULE}, respond: {{status: 403, headers: {{Content-Length: 3}}}}"), "$.rules[0].respond.headers"),
    (rules(f"{RULE}, respond: {{xmlrpc_fault: {{code: 1}}}}"), "$.rules[0].respond.xmlrpc_fault"),
    (rules(f"{RULE}, respond: {{xmlrpc_fault: {{code: 1.5, text: a}}}}"), "$.rules[0].respond.xmlrpc_fault.code"),
    (
        rules(f"{RULE}, respond: {{xmlrpc_fault: {{code: 2147483648, text: a}}}}"),
        "$.rules[0].respond.xmlrpc_fault.code",
    ),
    (rules(f"{RULE}, respond: {{xmlrpc_fault: {{code: 1, text: a}}, body: b}}"), "$.rules[0].respond"),
    (backend("redirects: [{path: /a}]"), "$.backends.it.redirects[0]"),
    (backend("redirects: {path: /a, to: /b}"), "$.backends.it.redirects"),
    (backend("redirects: [{path: /a, to: b}]"), "$.backends.it.redirects[0].to"),
    (backend("redirects: [{path: /a, to: /b, status: 304}]"), "$.backends.it.redirects[0].status"),
    (backend("redirects: [{path: /a, to: /b, host: app}]"), "$.backends.it.redirects[0]"),
    (backend("reads: [{path: /a}]"), "$.backends.it.reads[0]"),
    (backend("reads: [{path: /a, query: {q: a}}]"), "$.backends.it.reads[0].query"),
    (backend("reads: [{path: /a, headers: [Host]}]"), "$.backends.it.reads[0].headers[0]"),
    (backend("timeouts: {head: 0s}"), "$.backends.it.timeouts.head"),
    (
        SITE + f"backends: {{it: {{directory: ., host: a}}}}\nrules: [{{{RULE}, files: {{directory: .}}}}]\n",
        "$.backends.it",
    ),
    (cutover(f"{CUTOVER}, steps: [1, 100]"), "$.cutovers.it"),
    (cutover(f"{CUTOVER}, steps: 100, hold: 1m"), "$.cutovers.it.steps"),
    (cutover(f"{CUTOVER}, steps: [0, 100], hold: 1m"), "$.cutovers.it.steps[0]"),
    (cutover(f"{CUTOVER}, steps: [0%, 100], hold: 1m"), "$.cutovers.it.steps[0]"),
    (cutover(f"{CUTOVER}, steps: [100], hold: 10"), "$.cutovers.it.hold"),
    (cutover(f"{CUTOVER}, steps: [100], hold: 1m, on_fail: abort"), "$.cutovers.it.on_fail"),
    (cutover(f"{CUTOVER}, steps: [100], hold: 1m, sticky: [ip]"), "$.cutovers.it.sticky[0]"),
    *(
        (cutover(f"{CUTOVER}, steps: [100], hold: 1m, gates: {{{text}}}"), f"$.cutovers.it.gates{where}")
        for text, where in (
            ("error: {worse_by: 1}", ""),
            ("errors: 0.5%", ".errors"),
            ("errors: {}", ".errors"),
            ("errors: {worse_by: -1}", ".errors.worse_by"),
            ("latency: {p95_ratio: 0}", ".latency.p95_ratio"),
            ("latency: {p95_ratio: 1.5x}", ".latency.p95_ratio"),
            ("differences: {at_most: 100.5%}", ".differences.at_most"),
        )
    ),
    *(
        (cutover(f"{CUTOVER}, steps: [100], hold: 1m, pin: {text}"), f"$.cutovers.it.pin{where}")
        for text, where in (
            ("[]", ""),
            ("{user_agent: a, arm: to}", ""),
            ("[{arm: to}]", "[0]"),
            ("[{user_agent: a}]", "[0]"),
            ("[{user_agent: a, arm: new}]", "[0].arm"),
            ("[{user_agent: a, arm: to}, {client: 10.0.0.0/8, arm: to}]", "[1].client"),
            ("[{headers: {edge-ARM: a}, arm: to}]", "[0].headers"),
            ("[{path: /a, client: [10.0.0.0/8], arm: to}]", "[0]"),
        )
    ),
    (match("headers: {Edge-Arm: a}"), "$.rules[0].match.headers"),
    (answered("off: why") + "arm_token: tokens/\n", "$.arm_token"),
)

TAKEN = (
    match("where: {x: {normalized: pep503, not_in: [1, true], matches: 5}}"),
    match('query: {"": "", ":action": [1, true], q: {regex: 1}, p: {prefix: "%"}, o: {present: "false"}}'),
    match("headers: {1: 2, x-a: {present: true}, Y: [a, b]}, user_agent: [a b, c]"),
    match('client: [10.0.0.0/8, "::1", "2001:DB8::/32"], xmlrpc: any'),
    match("scheme: [http, https], methods: [M-SEARCH]"),
    match("xmlrpc: [true, system.listMethods], methods: [POST]"),
    rules("name: a, match: {path: {regex: '/(?P<x>.*)'}}, respond: {status: \"404\"}"),
    answered('during: [{first: 60s, of_each: "1h", after: 0s}, {from: 2024-09-05}, {until: "2024-09-05T23:59:59Z"}]'),
    answered("off: 2"),
    forwarded("query: [1, keep]"),
    forwarded("cache: {}, tags: ['a/{x}']"),
    forwarded(
        'cache: {fresh: 0s, immutable: "true", accept: [json], key: [query, "header:X-A"], verify: {md5: "{x}"}}'
    ),
    forwarded("cache: {negative: 0s, heed_clients: 'false', compress: [zstd, br, gzip]}"),
    kept("{memory: 1048576, directory: 7, disk: 16MiB, largest: 64KiB, purge_token: 8}"),
    forwarded("shadow: {to: old, percent: 0.125 %, compare: json}, safety: safe"),
    forwarded("shadow: {to: old, percent: 1, compare: json, ignore: [header:X-A, 'json:/a~1b/*/c d', 'json:/é']}"),
    forwarded("shadow: {to: old, percent: 1, compare: xmlrpc, ignore: ['xmlrpc:/params/0']}"),
    forwarded("shadow: {to: old, percent: 1, compare: simple_index, ignore: ['index:/files/*/hashes/md5']}"),
    forwarded("shadow: {to: old, percent: 1, compare: html, ignore: ['html:/html/*', 'html:a.b#c[d=e]@f', 'html:@n']}"),
    forwarded('fallback: {to: old, on: [5xx, 404, "410"]}, expect: ["GET https://pypi.test/a -> forward new"]'),
    forwarded("rewrite: {path: /a, host: '[::1]:80', headers: {X-A: 1, Cookie: {remove: \"true\"}}}"),
    answered("rewrite: {answer_headers: {A: true}}"),
    forwarded("limits: {body: 0, time: 1ms, rate: 010/s, burst: 1}, upgrade: [WebSocket/13]"),
    rules(f"{RULE}, redirect: {{map: moves.csv, status: '301', lifetime: 2000ms}}"),
    rules(f'{RULE}, respond: {{xmlrpc_fault: {{code: "-32500", text: 1}}, status: 500}}'),
    rules(f"{RULE}, respond: {{status: 599, headers: {{}}, body: true}}"),
    backend(
        "redirects: [{path: '/{a}', to: '/{a|respelled}/{b}', where: {a: {in: [c]}}, query: {q: {present: true}}}]"
    ),
    backend('reads: [{path: /a, headers: [Range]}, {path: "/{r*}", methods: [GET], query: [q]}], slow_start: 0s'),
    cutover(f"{CUTOVER}, steps: [0.001, 5%, 50 %, 100.000], hold: 0s, gates: {{}}, sticky: [cookie:s]"),
    cutover(
        f"{CUTOVER}, steps: [100], hold: 1d, on_fail: hold, gates: {{errors: {{worse_by: 0}}, latency: {{p95_ratio: 1.5}}}}"
    ),
    cutover(
        f"{CUTOVER}, steps: [100], hold: 1d, pin: [{{user_agent: [a, 1], arm: to}}, "
        '{client: ["::1"], headers: {X-A: {present: false}}, arm: from}]'
    )
    + "arm_token: ../8\n",
)


@pytest.mark.parametrize(("text", "where"), REFUSED, ids=ids(REFUSED))
def test_what_the_edge_refuses_for_its_form_is_not_valid(text: str, where: str, tmp_path: Path) -> None:
    assert not is_taken(text, tmp_path)
    assert [each for each in places(text) if re.match(re.escape(where) + r"($|[.\[])", each)], places(text)


@pytest.mark.parametrize("text", TAKEN)
def test_what_the_edge_takes_is_valid(text: str, tmp_path: Path) -> None:
    assert is_taken(text, tmp_path)
    assert places(text) == set()
