"""`edgeproxy explain`: the rule that takes a URL, why not those above it, and what it says of the request."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgeproxy.cli.main import main

RULES = """edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
backends: {modern: {url: "unix:/run/app.sock", host: pypi.test}}
rules:
  - {name: plain, match: {path: "/simple/{rest*}", scheme: http}, respond: {status: 403}}
  - {name: secure, match: {path: /simple/, scheme: https, methods: [POST]}, respond: {status: 403}}
  - name: all
    match: {path: "/{rest*}"}
    forward: {backend: modern}
    limits: {body: 100MiB, time: 5m, rate: 10/s, burst: 20}
    upgrade: [websocket]
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return path


def explained(capsys: pytest.CaptureFixture[str], rules: Path, *arguments: str) -> list[str]:
    assert main(["explain", "--rules", str(rules), *arguments]) == 0
    return capsys.readouterr().out.replace(str(rules), "rules.yaml").splitlines()


AT = ("--at", "2024-09-05T12:00Z")


def test_an_https_url_is_routed_by_its_scheme(capsys: pytest.CaptureFixture[str], rules: Path) -> None:
    assert explained(capsys, rules, "HTTPS://pypi.test/simple/?q=1#top", *AT) == [
        "request: GET https://pypi.test/simple/?q=1",
        "  from 127.0.0.1, at 2024-09-05T12:00Z",
        "host: app (app)",
        "not: rules.yaml:6: plain: scheme: it is for http",
        "not: rules.yaml:7: secure: method: it is for POST",
        "rule: rules.yaml:8: all: forward to modern",
        "  rest = simple/",
        "  limits: body 100MiB, time 5m, rate 10/s, burst 20",
        "  upgrade: websocket",
        "  safety: safe, by the method GET",
        "ask: modern at unix:/run/app.sock",
        "  GET /simple/?q=1 HTTP/1.1",
        "  Host: pypi.test",
    ]


def test_an_http_url_is_taken_by_the_rule_for_plain_http(capsys: pytest.CaptureFixture[str], rules: Path) -> None:
    lines = explained(capsys, rules, "http://pypi.test/simple/")
    assert lines[3:] == [
        "rule: rules.yaml:6: plain: respond 403",
        "  rest = ",
        "answer: 403 Forbidden",
        "  Server: edgeproxy",
        "  Content-Length: 0",
    ]


def test_the_scheme_is_told_before_the_path(capsys: pytest.CaptureFixture[str], rules: Path) -> None:
    lines = explained(capsys, rules, "http://pypi.test/other")
    assert lines[3:5] == [
        "not: rules.yaml:6: plain: path: it is for /simple/{rest*}",
        "not: rules.yaml:7: secure: scheme: it is for https",
    ]


@pytest.mark.parametrize(
    ("url", "answer"),
    [
        ("https://elsewhere.test/", "answer: 421 Misdirected Request"),
        ("https://pypi.test/%2F", "400 Bad Request: an encoded slash"),
    ],
)
def test_what_the_edge_refuses_is_told(capsys: pytest.CaptureFixture[str], rules: Path, url: str, answer: str) -> None:
    assert any(line.startswith(answer.partition(": an")[0]) for line in explained(capsys, rules, url))


SPLIT = """edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
backends: {legacy: {url: "http://127.0.0.1:1"}, next: {url: "http://127.0.0.1:3"}, modern: {url: "http://127.0.0.1:2"}}
splits: {reads: {weights: {legacy: 80, next: 0, modern: 20}}}
rules:
  - {name: all, match: {path: "/{rest*}"}, forward: {split: reads}, limits: {rate: 60/m}}
"""


def test_a_split_is_told_with_the_places_of_its_arms_and_a_rate_as_it_was_written(
    capsys: pytest.CaptureFixture[str], rules: Path
) -> None:
    rules.write_text(SPLIT)
    lines = explained(capsys, rules, "http://pypi.test/")
    assert lines[5:11] == [
        "  limits: rate 60/m, burst 60",
        "  safety: safe, by the method GET",
        "split: reads: legacy 80 %, next 0 %, modern 20 %",
        "  legacy: places from 20 % to below 100 %",
        "  next: no place",
        "  modern: places from 0 % to below 20 %",
    ]


CONDITIONS = """edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
rules:
  - {name: dead, match: {path: /pypi}, off: never was, respond: {status: 200}}
  - {name: odd, match: {path: "/{x}", where: {x: {not_normalized: lower}}}, respond: {status: 200}}
  - {name: one, match: {path: "/{x}", where: {x: {in: [simple, search]}}}, respond: {status: 200}}
  - {name: old, match: {path: {regex: "/old/.*"}}, respond: {status: 200}}
  - {name: rss, match: {path: /pypi, query: {":action": [rss, doap]}}, respond: {status: 200}}
  - {name: beta, match: {path: /pypi, headers: {X-Beta: {present: true}}}, respond: {status: 200}}
  - {name: pip, match: {path: /pypi, user_agent: {prefix: pip/}}, respond: {status: 200}}
  - {name: inside, match: {path: /pypi, client: [10.0.0.0/8]}, respond: {status: 200}}
  - {name: search, match: {path: /pypi, xmlrpc: [search, browse]}, respond: {status: 200}}
  - name: brownout
    match: {path: /pypi}
    during: {first: 10m, of_each: 1h, after: 5m, from: 2024-09-05T12:00Z}
    respond: {status: 503}
  - {name: rest, match: {path: "/{rest*}"}, respond: {status: 200}}
"""


def test_each_rule_says_which_of_its_conditions_fails(capsys: pytest.CaptureFixture[str], rules: Path) -> None:
    rules.write_text(CONDITIONS)
    lines = explained(
        capsys, rules, "http://pypi.test/pypi?:action=x", "--at", "2024-09-05T12:04Z", "-H", "User-Agent: uv"
    )
    assert [line.partition(": rules.yaml:")[2] for line in lines[3:14]] == [
        "5: dead: off: never was",
        "6: odd: where: x is 'pypi', and it is for not normalized lower",
        "7: one: where: x is 'pypi', and it is for search, simple",
        "8: old: path: it is for /old/.*",
        "9: rss: query: it is for :action 'doap' or 'rss'",
        "10: beta: header: it is for x-beta of any value",
        "11: pip: header: it is for user-agent that begins with 'pip/'",
        "12: inside: client: it is for 10.0.0.0/8",
        "13: search: xmlrpc: it is for browse, search",
        "14: brownout: during: at 2024-09-05T12:04Z; it is for the first 10m of each 1h after 5m from 2024-09-05T12:00Z; it opens at 2024-09-05T12:05Z",
        "18: rest: respond 200",
    ]


@pytest.mark.parametrize(
    ("arguments", "taker"),
    [
        (["--at", "2024-09-05T12:05Z"], "brownout"),
        (["--xmlrpc", "search"], "search"),
        (["--client", "10.1.2.3"], "inside"),
        (["-H", "user-agent: pip/26.3"], "pip"),
        (["-H", "x-beta: 1"], "beta"),
    ],
)
def test_what_is_said_of_the_request_decides(
    capsys: pytest.CaptureFixture[str], rules: Path, arguments: list[str], taker: str
) -> None:
    rules.write_text(CONDITIONS)
    lines = explained(capsys, rules, "http://pypi.test/pypi", "--at", "2020-01-01", *arguments)
    assert any(line.startswith("rule: ") and f": {taker}: " in line for line in lines)


def test_a_time_that_cannot_be_read_is_wrong_usage(capsys: pytest.CaptureFixture[str], rules: Path) -> None:
    assert main(["explain", "--rules", str(rules), "http://pypi.test/", "--at", "noon"]) == 2
    assert "'noon' is not a time" in capsys.readouterr().err


WHOLE = """edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}, old: {names: [legacy.pypi.test]}, content: {names: [files.test], kind: content}}
backends:
  legacy:
    url: "http://127.0.0.1:1"
    host: legacy.pypi.test
    redirects:
      - {path: "/simple/{name}", to: "/simple/{name}/", status: 301}
      - {path: "/json/{name}", to: "/json/{name|respelled}", status: 301}
  modern: {url: "http://127.0.0.1:2", host: pypi.test}
  store: {directory: /srv/files}
cutovers: {reads: {from: legacy, to: modern, steps: [50, 100], hold: 1m}}
rules:
  - {name: moved, match: {host: old, path: "/{rest*}"}, redirect: {to: "https://pypi.test/{rest}", status: 301}}
  - name: simple
    match: {host: app, path: "/simple/{project}", methods: [GET, HEAD]}
    during: {first: 10m, of_each: 1h}
    forward: {cutover: reads}
    query: [format]
    rewrite: {headers: {X-Edge: "1", Cookie: {remove: true}}, answer_headers: {X-Served: edge}}
    cache: {fresh: 10m, accept: [html, json], key: [query, "header:Accept-Language"], verify: {sha256: "{project}"}}
    tags: ["project/{project}"]
    shadow: {to: modern, percent: 5, compare: simple_index}
    fallback: {to: legacy, on: [5xx, 404]}
  - {name: json, match: {host: app, path: "/json/{name}"}, forward: {backend: legacy}, cache: {fresh: 1m}}
  - {name: away, match: {host: app, path: "/away"}, redirect: {to: "https://elsewhere.test/"}}
  - {name: round, match: {host: app, path: "/round"}, redirect: {to: "/about"}}
  - {name: about, match: {host: app, path: "/about"}, redirect: {to: "/round"}}
  - {name: files, match: {host: content, path: "/{rest*}"}, forward: {backend: store}}
"""
DIGEST = "ab" * 32


def test_all_that_a_rule_does_is_told(capsys: pytest.CaptureFixture[str], rules: Path) -> None:
    rules.write_text(WHOLE.replace('{project}", methods', '{project:[0-9a-f]{64}}", methods'))
    url = f"https://pypi.test/simple/{DIGEST}?b=1&format=json"
    lines = explained(capsys, rules, url, "-H", "Accept-Language: de", *AT)
    assert lines[3:] == [
        "not: rules.yaml:15: moved: host: it is for old",
        "rule: rules.yaml:16: simple: forward to reads",
        f"  project = {DIGEST}",
        "  during: open until 2024-09-05T12:10Z",
        "  safety: safe, by the method GET",
        "cutover: reads: legacy 100 %, modern 0 % (as it rests: what has been moved since, the running edge knows)",
        "  legacy: places from 0 % to below 100 %",
        "  modern: no place",
        "  known by: client",
        "  place: 31.893 %, so on the arm legacy",
        "ask: legacy at 127.0.0.1:1",
        f"  GET /simple/{DIGEST}?format=json HTTP/1.1",
        "  Host: legacy.pypi.test",
        "  with no Cookie, X-Edge: 1",
        "  its answer gets X-Served: edge",
        f"  may redirect: 301 to /simple/{DIGEST}/, as rules.yaml:9 declares",
        "other arm: modern at 127.0.0.1:2",
        f"  GET /simple/{DIGEST}?format=json HTTP/1.1",
        "  Host: pypi.test",
        "  with no Cookie, X-Edge: 1",
        "  its answer gets X-Served: edge",
        "fallback: legacy on 5xx, 404: legacy at 127.0.0.1:1",
        f"  GET /simple/{DIGEST}?format=json HTTP/1.1",
        "  Host: legacy.pypi.test",
        "  with no Cookie, X-Edge: 1",
        f"  may redirect: 301 to /simple/{DIGEST}/, as rules.yaml:9 declares",
        "shadow: 5 % to modern, compared as simple_index: modern at 127.0.0.1:2",
        f"  GET /simple/{DIGEST}?format=json HTTP/1.1",
        "  Host: pypi.test",
        "  with no Cookie, X-Edge: 1, no Authorization, Edge-Shadow: 1",
        "cache: in memory",
        f"  key: GET https://pypi.test/simple/{DIGEST}, the query format=json, accept-language: de, html or json, by "
        "Accept, the arm legacy",
        "  200, 203, 204: fresh 10m",
        "  redirects, 404, 405, 410, 414, 501: as long as the answer says",
        f"  tags: project/{DIGEST}",
        f"  kept only if sha256 is {DIGEST}",
        "a client that follows:",
        f"  1. GET {url}",
        f"     legacy may redirect: 301 to /simple/{DIGEST}/",
        "     by simple, rules.yaml:9",
        f"  2. GET https://pypi.test/simple/{DIGEST}/",
        "     the edge answers 404",
    ]


@pytest.mark.parametrize(
    ("url", "walk"),
    [
        (
            "https://legacy.pypi.test/json/Six",
            [
                "  1. GET https://legacy.pypi.test/json/Six",
                "     301 to https://pypi.test/json/Six",
                "     by moved, rules.yaml:15",
                "  2. GET https://pypi.test/json/Six",
                "     legacy may redirect: 301 to /json/{name|respelled}",
                "     by json, rules.yaml:10",
                "     where it leads only the backend knows",
            ],
        ),
        (
            "https://pypi.test/away",
            [
                "  1. GET https://pypi.test/away",
                "     302 to https://elsewhere.test/",
                "     by away, rules.yaml:27",
                "     it leaves for elsewhere.test, which is no host of these rules",
            ],
        ),
        (
            "https://pypi.test/round",
            [
                "  1. GET https://pypi.test/round",
                "     302 to /about",
                "     by round, rules.yaml:28",
                "  2. GET https://pypi.test/about",
                "     302 to /round",
                "     by about, rules.yaml:29",
                "     it comes back to hop 1: a loop",
            ],
        ),
    ],
)
def test_a_client_that_follows_is_gone_after(
    capsys: pytest.CaptureFixture[str], rules: Path, url: str, walk: list[str]
) -> None:
    rules.write_text(WHOLE.replace(', verify: {sha256: "{project}"}', ""))
    lines = explained(capsys, rules, url)
    assert lines[lines.index("a client that follows:") + 1 :] == walk


def test_a_write_is_not_kept_and_a_file_is_named(capsys: pytest.CaptureFixture[str], rules: Path) -> None:
    rules.write_text(WHOLE.replace(', verify: {sha256: "{project}"}', ""))
    posted = explained(capsys, rules, "https://pypi.test/json/six", "--method", "POST")
    assert "cache: not used: a POST is not safe, so its answer is not kept" in posted
    assert "  safety: unsafe, by the method POST" in posted
    read = explained(capsys, rules, "https://files.test/a/b.whl")
    assert read[-3:] == ["ask: store:", "  file: /srv/files/a/b.whl", "  its answer gets no Set-Cookie"]


def test_what_becomes_of_an_answer_is_told_for_the_request(capsys: pytest.CaptureFixture[str], rules: Path) -> None:
    page = (
        "  - {name: page, match: {path: '/p/{x}'}, forward: {backend: modern}, cache: {fresh: 0s, negative: 1m, "
        "stale_while_revalidate: 5m, stale_if_error: 1d, compress: [br, gzip], heed_clients: true, tags: ['p/{x}']}}\n"
    )
    call = (
        "  - {name: call, match: {path: /call}, safety: safe, forward: {backend: modern}, "
        "cache: {key: [query, body]}}\n"
    )
    head = WHOLE[: WHOLE.index("rules:")]
    rules.write_text(f"{head}cache: {{directory: /var/cache/edge}}\nrules:\n{page}{call}")
    lines = explained(capsys, rules, "https://pypi.test/p/a", "--method", "HEAD", "-H", "Cookie: a=b")
    assert lines[lines.index("cache: in memory, and on disk in /var/cache/edge") + 1 :] == [
        "  key: GET https://pypi.test/p/a, no query",
        "  200, 203, 204: never fresh, then 5m while it is asked for anew, 1d when the backend fails",
        "  redirects, 404, 405, 410, 414, 501: fresh 1m",
        "  given as br or gzip to who takes it, if it is text",
        "  a client may ask for a newer answer",
        "  tags: p/a",
        "  kept only if the answer says public, s-maxage, must-revalidate or Vary: Cookie, for the request has a Cookie",
    ]
    assert "  key: POST https://pypi.test/call, no query, the body" in explained(
        capsys, rules, "https://pypi.test/call", "--method", "POST"
    )
    with_options = explained(capsys, rules, "https://pypi.test/p/a", "--method", "OPTIONS")
    assert any(line.startswith("cache: not used: kept is what a GET brings") for line in with_options)


OF_FILES = """edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}, content: {names: [files.test], kind: content}}
cache: {memory: 4MiB, directory: /var/cache/edge}
backends: {store: {directory: /srv/files}, modern: {url: "http://127.0.0.1:2", host: pypi.test}}
splits: {both: {weights: {store: 100, modern: 0}}}
rules:
  - name: stored
    match: {host: content, path: "/sha256/{digest:[0-9a-f]{64}}/{file}", methods: [GET, HEAD]}
    forward: {backend: store}
    cache: {fresh: 365d, immutable: true, stale_if_error: 1d, verify: {sha256: "{digest}"}, accept: [html, json]}
    tags: ["file/{file}"]
  - name: pages
    match: {host: app, path: "/docs/{page}"}
    files: {directory: /srv/docs, path: "/{page}.html"}
    cache: {fresh: 1m, negative: 10s, compress: [br, gzip], key: [query, "header:X-Site"]}
    rewrite: {answer_headers: {Cache-Control: no-cache}}
  - {name: moving, match: {host: app, path: "/moving/{x}"}, forward: {split: both}, cache: {}}
  - {name: moved, match: {host: app, path: "/old/{x}"}, forward: {backend: modern}, rewrite: {path: "/new/{x}"}, cache: {}}
"""


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (
            f"https://files.test/sha256/{DIGEST}/a.whl?x=1",
            [
                "cache: in memory, a file of at most 512KiB; a larger one is given from where it lies",
                f"  key: GET https://files.test/sha256/{DIGEST}/a.whl",
                "  200: fresh 365d, then the file is looked at; clients are told public, max-age=31536000, immutable; "
                "1d more when the file cannot be read or is wrong",
                "  404: looked for each time",
                "  tags: file/a.whl",
                f"  given only if sha256 is {DIGEST}",
            ],
        ),
        (
            "https://pypi.test/docs/intro",
            [
                "cache: in memory, a file of at most 512KiB; a larger one is given from where it lies",
                "  key: GET https://pypi.test/intro.html, x-site: a",
                "  200: fresh 1m, then the file is looked at",
                "  404: for 10s",
                "  given as br or gzip to who takes it, if it is text",
            ],
        ),
        (
            "https://pypi.test/moving/a",
            [
                "cache: in memory, a file of at most 512KiB; a larger one is given from where it lies",
                "  key: GET https://pypi.test/moving/a, the arm store",
                "  200: the file is looked at for each request",
                "  404: looked for each time",
            ],
        ),
        (
            "https://pypi.test/old/a",
            [
                "cache: in memory, and on disk in /var/cache/edge",
                "  key: GET https://pypi.test/new/a, no query",
                "  200, 203, 204: as long as the answer says",
                "  redirects, 404, 405, 410, 414, 501: as long as the answer says",
                "  kept only if the answer says public, s-maxage, must-revalidate or Vary: Cookie, for the request has a "
                "Cookie",
            ],
        ),
    ],
)
def test_what_is_kept_of_files_is_told_in_other_words_than_of_a_service(
    capsys: pytest.CaptureFixture[str], rules: Path, url: str, told: list[str]
) -> None:
    rules.write_text(OF_FILES)
    lines = explained(capsys, rules, url, "-H", "X-Site: a", "-H", "Cookie: a=b")
    assert lines[next(n for n, line in enumerate(lines) if line.startswith("cache:")) :] == told


def test_a_file_is_read_and_nothing_else(capsys: pytest.CaptureFixture[str], rules: Path) -> None:
    rules.write_text(OF_FILES)
    lines = explained(capsys, rules, "https://pypi.test/docs/intro", "--method", "POST")
    assert lines[-1] == "cache: not used: a file can be read and nothing else"


def test_of_many_rules_those_for_the_path_are_told(capsys: pytest.CaptureFixture[str], rules: Path) -> None:
    many = "".join(f"  - {{name: r{n}, match: {{path: /r{n}}}, respond: {{status: 204}}}}\n" for n in range(30))
    near = "  - {name: near, match: {path: /here, methods: [POST]}, respond: {status: 204}}\n"
    last = "  - {name: last, match: {path: /here}, respond: {status: 204}}\n"
    rules.write_text(RULES[: RULES.index("rules:")] + "rules:\n" + many + near + last)
    assert explained(capsys, rules, "http://pypi.test/here")[3:6] == [
        "not: rules.yaml:36: near: method: it is for POST",
        "not: 30 rules for other hosts or paths (--all tells of them)",
        "rule: rules.yaml:37: last: respond 204",
    ]
    assert (
        len([each for each in explained(capsys, rules, "http://pypi.test/here", "--all") if each[:4] == "not:"]) == 31
    )


def test_programs_get_the_same(capsys: pytest.CaptureFixture[str], rules: Path) -> None:
    rules.write_text(SPLIT)
    told = json.loads("\n".join(explained(capsys, rules, "http://pypi.test/a", "--format", "json")))
    assert (told["request"], told["taker"]["name"], told["arms"]["name"]) == ("GET http://pypi.test/a", "all", "reads")
    assert [each["part"] for each in told["asks"]] == ["arm", "other arm", "other arm"]
    assert told["taker"]["captures"] == {"rest": "a"}


PINNED = """edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
arm_token: arm.token
backends: {legacy: {url: "http://127.0.0.1:1"}, modern: {url: "http://127.0.0.1:2"}}
cutovers:
  reads:
    from: legacy
    to: modern
    steps: [100]
    hold: 1m
    pin:
      - {user_agent: {prefix: "bandersnatch/"}, arm: from}
      - {client: [10.0.0.0/8], headers: {X-Beta: "1"}, arm: to}
splits: {even: {weights: {legacy: 50, modern: 50}}}
rules:
  - {name: even, match: {path: /even}, forward: {split: even}}
  - {name: all, match: {path: "/{rest*}"}, forward: {cutover: reads}, cache: {fresh: 1m}}
"""
PIN = ("-H", "User-Agent: bandersnatch/6")


@pytest.mark.parametrize(
    ("arguments", "override", "arm"),
    [
        (
            ("-H", "User-Agent: bandersnatch/6"),
            "pin: rules.yaml:13: header user-agent that begins with 'bandersnatch/': from, at any share",
            "legacy",
        ),
        (
            ("-H", "X-Beta: 1", "--client", "10.1.2.3"),
            "pin: rules.yaml:14: header x-beta '1' and client 10.0.0.0/8: to, at any share, while the cutover is started",
            "legacy",  # as it rests
        ),
        (
            ("-H", "User-Agent: bandersnatch/6", "--arm", "to"),
            "token: Edge-Arm with the token of the edge: to, at any share",
            "modern",
        ),
        (("--arm", "from"), "token: Edge-Arm with the token of the edge: from, at any share", "legacy"),
    ],
)
def test_what_puts_a_client_on_an_arm_instead_of_its_place_is_told(
    capsys: pytest.CaptureFixture[str], rules: Path, arguments: tuple[str, ...], override: str, arm: str
) -> None:
    rules.write_text(PINNED)
    lines = explained(capsys, rules, "http://pypi.test/", *arguments)
    at = next(number for number, line in enumerate(lines) if line.startswith("  place: "))
    assert lines[at].endswith(" %, which does not count")
    assert lines[at + 1 : at + 4] == [
        f"  {override}",
        f"  so on the arm {arm}",
        f"ask: {arm} at 127.0.0.1:{1 if arm == 'legacy' else 2}",
    ]
    assert any(line.endswith(f", the arm {arm}") for line in lines if line.startswith("  key: "))


def test_what_is_asked_with_the_token_is_kept_apart_where_arms_share(
    capsys: pytest.CaptureFixture[str], rules: Path
) -> None:
    rules.write_text(PINNED.replace("fresh: 1m", "fresh: 1m, share_arms: true"))
    for arguments, end in ((("--arm", "to"), ", the arm modern by Edge-Arm"), ((), ", no query"), (PIN, ", no query")):
        lines = explained(capsys, rules, "http://pypi.test/", *arguments)
        assert [line[-len(end) :] for line in lines if line.startswith("  key: ")] == [end]


def test_programs_are_told_of_an_override_by_name(capsys: pytest.CaptureFixture[str], rules: Path) -> None:
    rules.write_text(PINNED)
    arguments = ("-H", "User-Agent: bandersnatch/6", "--format", "json")
    told = json.loads("\n".join(explained(capsys, rules, "http://pypi.test/", *arguments)))
    assert (told["arms"]["arm"], told["arms"]["override"]["by"], told["arms"]["override"]["arm"]) == (
        "legacy",
        "pin",
        "from",
    )
    assert told["arms"]["override"]["place"][1] == 13


def test_a_split_heeds_no_word_on_an_arm_and_no_rule_sees_it(capsys: pytest.CaptureFixture[str], rules: Path) -> None:
    rules.write_text(PINNED)
    lines = explained(capsys, rules, "http://pypi.test/even", "--arm", "to", "-H", "Edge-Arm: to something")
    assert any(", so on the arm " in line for line in lines)
    assert not any("something" in line for line in lines)


def test_an_arm_cannot_be_said_where_the_rules_name_no_token(capsys: pytest.CaptureFixture[str], rules: Path) -> None:
    rules.write_text(PINNED.replace("arm_token: arm.token\n", ""))
    assert main(["explain", "--rules", str(rules), "http://pypi.test/", "--arm", "to"]) == 2
    assert "the rules name no `arm_token`" in capsys.readouterr().err
