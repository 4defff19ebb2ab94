"""Rules that loop, that redirect without end, and that only look so: by what makes them do it, in words."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from edgeproxy.ruleset.checker.loops import LoopVerdict, find_loops
from edgeproxy.ruleset.load import parse_ruleset
from edgeproxy.ruleset.model import Ruleset

HEAD = """edge: 1
listen: [{address: "127.0.0.1:8080"}]
hosts:
  app:     {names: [pypi.test]}
  legacy:  {names: [legacy.pypi.test]}
  content: {names: [files.pypihosted.test], kind: content}
"""


def ruleset_of(text: str, name: str = "rules.yaml") -> Ruleset:
    """Lines that begin with `{` are rules; the others, backends, splits and cutovers, stand before them."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    rules = [f"  - {line}" for line in lines if line.startswith("{")]
    others = [line.replace("backends:", "backends: ") for line in lines if not line.startswith("{")]
    return parse_ruleset(HEAD + "\n".join([*others, "rules:", *rules]) + "\n", name, base=Path("/"))


def verdict_of(text: str, *after: str) -> LoopVerdict:
    old = [ruleset_of(each, f"old{number}.yaml") for number, each in enumerate(after, 1)]
    return find_loops(ruleset_of(text), old)


class Loop(NamedTuple):
    rules: str
    witness: str
    hops: int
    condition: str | None = None
    after: tuple[str, ...] = ()


LEGACY = 'url: "http://127.0.0.1:8081"'
MODERN = 'url: "http://127.0.0.1:8082"'

LOOPS = {
    "of length 1": Loop("{name: a, match: {host: app, path: /a}, redirect: {to: /a}}", "GET https://pypi.test/a", 1),
    "of length 2": Loop(
        """{name: a, match: {host: app, path: /a}, redirect: {to: /b}}
           {name: b, match: {host: app, path: /b}, redirect: {to: "https://pypi.test/a"}}""",
        "GET https://pypi.test/a",
        2,
    ),
    "of length 3": Loop(
        """{name: a, match: {host: app, path: "/a/{x}"}, redirect: {to: "/b/{x}"}}
           {name: b, match: {host: app, path: "/b/{x}"}, redirect: {to: "/c/{x}"}}
           {name: c, match: {host: app, path: "/c/{x}"}, redirect: {to: "/a/{x}"}}""",
        "GET https://pypi.test/a/a",
        3,
    ),
    "of a name already normalised": Loop(
        '{name: a, match: {host: app, path: "/simple/{p}/"}, redirect: {to: "/simple/{p|pep503}/", status: 301}}',
        "GET https://pypi.test/simple/a/",
        1,
    ),
    "of a name already in lower case": Loop(
        '{name: a, match: {host: app, path: "/p/{p}"}, redirect: {to: "/p/{p|lower}"}}', "GET https://pypi.test/p/a", 1
    ),
    "by `first`": Loop(
        """{name: a, match: {host: app, path: "/p/{p}"}, redirect: {to: "/p/{p|first}/{p}"}}
           {name: b, match: {host: app, path: "/p/{i}/{p}"}, redirect: {to: "/p/{p}"}}""",
        "GET https://pypi.test/p/a",
        2,
    ),
    "by `urlquote`": Loop(
        """{name: a, match: {host: app, path: "/p/{p}"}, redirect: {to: "/find?q={p|urlquote}"}}
           {name: b, match: {host: app, path: /find, query: {q: a}}, redirect: {to: "/p/a"}, query: drop}""",
        "GET https://pypi.test/p/a",
        2,
    ),
    "by `urlquote` of the path": Loop(
        '{name: a, match: {host: app, path: "/p/{p}"}, redirect: {to: "/p/{p|urlquote}"}}',
        "GET https://pypi.test/p/a",
        1,
    ),
    "between names that two rules spell otherwise": Loop(
        """{name: a, match: {host: app, path: "/simple/{p}", where: {p: {not_normalized: pep503}}},
             redirect: {to: "/simple/{p|pep503}"}}
           {name: b, match: {host: app, path: "/simple/a-b"}, redirect: {to: "/simple/a.b"}}""".replace(
            ",\n             redirect", ", redirect"
        ),
        "GET https://pypi.test/simple/a.b",
        2,
    ),
    "across hosts": Loop(
        """{name: a, match: {host: legacy, path: "/{r*}"}, redirect: {to: "https://pypi.test/{r}", status: 301}}
           {name: b, match: {host: app, path: "/packages/{r*}"}, redirect: {to: "https://legacy.pypi.test/packages/{r}"}}""",
        "GET https://legacy.pypi.test/packages/",
        2,
    ),
    "across schemes": Loop(
        """{name: a, match: {host: app, scheme: http, path: "/{r*}"}, redirect: {to: "https://pypi.test/{r}"}}
           {name: b, match: {host: app, scheme: https, path: "/plain/{r*}"}, redirect: {to: "http://pypi.test/plain/{r}"}}""",
        "GET http://pypi.test/plain/",
        2,
    ),
    "of plain HTTP to itself": Loop(
        '{name: a, match: {host: app, scheme: http, path: "/{r*}"}, redirect: {to: "http://pypi.test/{r}"}}',
        "GET http://pypi.test/",
        1,
    ),
    "of an upgrade that takes HTTPS too": Loop(
        '{name: a, match: {host: app, path: "/{r*}"}, redirect: {to: "https://pypi.test/{r}"}}',
        "GET https://pypi.test/",
        1,
    ),
    "through a port that the edge listens on": Loop(
        '{name: a, match: {host: app, path: /a}, redirect: {to: "http://pypi.test:8080/a"}}',
        "GET http://pypi.test/a",
        1,
    ),
    "through one arm": Loop(
        f"""backends: {{old: {{{LEGACY}, redirects: [{{path: "/p/{{x}}", to: "/q/{{x}}"}}]}}, new: {{{MODERN}}}}}
           cutovers: {{reads: {{from: old, to: new, steps: [50, 100], hold: 10m, sticky: [client]}}}}
           {{name: p, match: {{host: app, path: "/p/{{x}}"}}, forward: {{cutover: reads}}}}
           {{name: q, match: {{host: app, path: "/q/{{x}}"}}, redirect: {{to: "/p/{{x}}"}}}}""",
        "GET https://pypi.test/p/a",
        2,
        "when the arm of cutover reads is old",
    ),
    "of both arms, by a cookie that another host does not know": Loop(
        f"""backends: {{old: {{{LEGACY}, redirects: [{{path: "/p/{{x}}", to: "https://legacy.pypi.test/q/{{x}}"}}]}}, new: {{{MODERN}, redirects: [{{path: "/q/{{x}}", to: "https://pypi.test/p/{{x}}"}}]}}}}
           splits: {{reads: {{weights: {{old: 50, new: 50}}, sticky: [cookie:session, client]}}}}
           {{name: p, match: {{host: app, path: "/p/{{x}}"}}, forward: {{split: reads}}}}
           {{name: q, match: {{host: legacy, path: "/q/{{x}}"}}, forward: {{split: reads}}}}""",
        "GET https://pypi.test/p/a",
        2,
        "when the arm of split reads is old, and when the arm of split reads is new",
    ),
    "of both arms, by a 301 that the client keeps": Loop(
        f"""backends: {{old: {{{LEGACY}, redirects: [{{path: "/p/{{x}}", to: "/q/{{x}}", status: 301}}]}}, new: {{{MODERN}, redirects: [{{path: "/q/{{x}}", to: "/p/{{x}}"}}]}}}}
           cutovers: {{reads: {{from: old, to: new, steps: [50, 100], hold: 10m, sticky: [client]}}}}
           {{name: p, match: {{host: app, path: "/p/{{x}}"}}, forward: {{cutover: reads}}}}
           {{name: q, match: {{host: app, path: "/q/{{x}}"}}, forward: {{cutover: reads}}}}""",
        "GET https://pypi.test/q/a",
        2,
        "when the arm of cutover reads is new, and while a client holds the 301 of rules.yaml:7 (for ever)",
    ),
    "by the fallback": Loop(
        f"""backends: {{old: {{{LEGACY}, redirects: [{{path: "/p/{{x}}", to: "/q/{{x}}"}}]}}, new: {{{MODERN}}}}}
           {{name: p, match: {{host: app, path: "/p/{{x}}"}}, forward: {{backend: new}}, fallback: {{to: old, on: [connect, 5xx]}}}}
           {{name: q, match: {{host: app, path: "/q/{{x}}"}}, redirect: {{to: "/p/{{x}}"}}}}""",
        "GET https://pypi.test/p/a",
        2,
        "when new fails and the fallback old answers",
    ),
    "with a cold cache": Loop(
        f"""backends: {{old: {{{LEGACY}, redirects: [{{path: "/p/{{x}}", to: "https://pypi.test/p/{{x}}", status: 302}}]}}}}
           {{name: p, match: {{host: content, path: "/p/{{x}}"}}, forward: {{backend: old}}, cache: {{fresh: 1d}}}}
           {{name: q, match: {{host: app, path: "/p/{{x}}"}}, redirect: {{to: "https://files.pypihosted.test/p/{{x}}", status: 301}}}}""",
        "GET https://files.pypihosted.test/p/a",
        2,
        "when rule p has no copy in its cache (a hit would answer)",
    ),
    "while `during` is open": Loop(
        """{name: a, match: {host: app, path: /a}, during: {first: 10m, of_each: 1h, from: 2024-09-05T12:00Z}, redirect: {to: /b}}
           {name: b, match: {host: app, path: /b}, redirect: {to: /a}}""",
        "GET https://pypi.test/a",
        2,
        "while `during` of a is open, as at 2024-09-05T12:00Z",
    ),
    "for a user agent": Loop(
        """{name: a, match: {host: app, path: /a, user_agent: {prefix: "old/"}}, redirect: {to: /b}}
           {name: b, match: {host: app, path: /b}, redirect: {to: /a}}""",
        "GET https://pypi.test/a",
        2,
        "with the header user-agent: old/",
    ),
    "for some clients": Loop(
        """{name: a, match: {host: app, path: /a, client: [10.0.0.0/8]}, redirect: {to: /b}}
           {name: b, match: {host: app, path: /b}, redirect: {to: /a}}""",
        "GET https://pypi.test/a",
        2,
        "for clients in 10.0.0.0/8",
    ),
    "with a parameter that is kept": Loop(
        """{name: a, match: {host: app, path: /a, query: {v: "1"}}, redirect: {to: /b}}
           {name: b, match: {host: app, path: /b, query: {v: "1"}}, redirect: {to: /a}}""",
        "GET https://pypi.test/a?v=1",
        2,
    ),
    "with a parameter that is dropped": Loop(
        """{name: a, match: {host: app, path: /a, query: {v: {present: false}}}, redirect: {to: /b}}
           {name: b, match: {host: app, path: /b}, redirect: {to: /a}, query: drop}""",
        "GET https://pypi.test/a",
        2,
    ),
    "with a parameter that is added": Loop(
        """{name: a, match: {host: app, path: /a, query: {v: "1"}}, redirect: {to: /b}, query: drop}
           {name: b, match: {host: app, path: /b}, redirect: {to: "/a?v=1"}}""",
        "GET https://pypi.test/a?v=1",
        2,
    ),
    "by a Location that is responded": Loop(
        """{name: a, match: {host: app, path: /a}, respond: {status: 307, headers: {Location: "/b"}}}
           {name: b, match: {host: app, path: /b}, respond: {status: 302, headers: {location: "https://pypi.test/a"}}}""",
        "GET https://pypi.test/a",
        2,
    ),
    "by a rewritten path": Loop(
        f"""backends: {{old: {{{LEGACY}, redirects: [{{path: "/old/{{x}}", to: "/p/{{x}}"}}]}}}}
           {{name: p, match: {{host: app, path: "/p/{{x}}"}}, forward: {{backend: old}}, rewrite: {{path: "/old/{{x}}"}}}}""",
        "GET https://pypi.test/p/a",
        1,
    ),
    "of a spelling that is the author's own, which the next declared redirect takes": Loop(
        f"""backends: {{old: {{{LEGACY}, redirects: [{{path: "/{{x}}/{{y}}", to: "/{{x|respelled}}/{{y}}"}}, {{path: "/{{x}}/{{y}}", to: "/a/{{y}}"}}]}}}}
           {{name: p, match: {{host: app, path: "/a/{{y}}"}}, forward: {{backend: old}}}}""",
        "GET https://pypi.test/a/a",
        1,
    ),
    "of what a backend chooses, at a single path": Loop(
        f"""backends: {{old: {{{LEGACY}, redirects: [{{path: "/{{x}}", to: "/{{u:[ab]}}"}}]}}}}
           {{name: p, match: {{host: app, path: "/b"}}, forward: {{backend: old}}}}""",
        "GET https://pypi.test/b",
        1,
    ),
    "by a regular expression": Loop(
        """{name: a, match: {host: app, path: {regex: "/(?P<kind>simple|pypi)/(?P<rest>.*)"}}, redirect: {to: "/index/{kind}/{rest}"}}
           {name: b, match: {host: app, path: "/index/{r*}"}, redirect: {to: "/{r}"}}""",
        "GET https://pypi.test/pypi/",
        2,
    ),
    "of an absolute redirect of a backend": Loop(
        f"""backends: {{old: {{{LEGACY}, redirects: [{{path: "/{{r*}}", to: "https://pypi.test/{{r}}", status: 301}}]}}}}
           {{name: p, match: {{host: app, path: "/p/{{r*}}"}}, forward: {{backend: old}}}}""",
        "GET https://pypi.test/p/",
        1,
    ),
    "of a POST that 308 keeps": Loop(
        """{name: a, match: {host: app, path: /a, methods: [POST]}, redirect: {to: /b, status: 308}}
           {name: b, match: {host: app, path: /b, methods: [POST]}, redirect: {to: /a, status: 307}}""",
        "POST https://pypi.test/a",
        2,
    ),
    "of a POST that some clients repeat": Loop(
        "{name: a, match: {host: app, path: /a, methods: [POST]}, redirect: {to: /a, status: 301}}",
        "POST https://pypi.test/a",
        1,
        "for clients that repeat a POST after a 301 (RFC 9110 §15.4 lets them)",
    ),
    "of a redirect that is held from before": Loop(
        """{name: a, match: {host: app, path: "/n/{p}", where: {p: {not_normalized: lower}}}, redirect: {to: "/n/{p|lower}", status: 302}}""",
        "GET https://pypi.test/n/Q",
        2,
        "while a client or cache holds the 301 of old1.yaml:8 (for ever)",
        ('{name: a, match: {host: app, path: "/n/q"}, redirect: {to: "/n/Q", status: 301}}',),
    ),
    "of a redirect that is held for a while": Loop(
        "{name: b, match: {host: app, path: /b}, redirect: {to: /a}}",
        "GET https://pypi.test/b",
        2,
        "while a client or cache holds the 302 of old1.yaml:8 (for 7d)",
        ("{name: a, match: {host: app, path: /a}, redirect: {to: /b, lifetime: 7d}}",),
    ),
    "of a redirect that is held since before a log-out": Loop(
        """{name: a, match: {host: app, path: /, headers: {Cookie: {present: true}}}, redirect: {to: /home, status: 301}}
           {name: b, match: {host: app, path: /home, headers: {Cookie: {present: true}}}, respond: {status: 200}}
           {name: c, match: {host: app, path: /home}, redirect: {to: /}}""",
        "GET https://pypi.test/home",
        2,
        "while a client holds the 301 of rules.yaml:8 (for ever), and without the header cookie",
    ),
    "of a redirect that a client holds since it was elsewhere": Loop(
        """{name: a, match: {host: app, path: /a, client: [10.0.0.0/8]}, redirect: {to: /b, status: 301}}
           {name: b, match: {host: app, path: /b, client: [10.0.0.0/8]}, respond: {status: 200}}
           {name: c, match: {host: app, path: /b}, redirect: {to: /a}}""",
        "GET https://pypi.test/b",
        2,
        "while a client holds the 301 of rules.yaml:8 (for ever), and for clients such as 192.0.2.1",
    ),
    "of redirects that are held from two rulesets": Loop(
        "{name: c, match: {host: app, path: /c}, redirect: {to: /a}}",
        "GET https://pypi.test/c",
        3,
        "while a client or cache holds the 301 of old1.yaml:8 (for ever), and while a client or cache holds the 308 of old2.yaml:8 (for ever)",
        (
            "{name: a, match: {host: app, path: /a}, redirect: {to: /b, status: 301}}",
            "{name: b, match: {host: app, path: /b}, redirect: {to: /c, status: 308}}",
        ),
    ),
}

ENDLESS = {
    "a path that grows": '{name: a, match: {host: app, path: "/{r*}"}, redirect: {to: "/x/{r}"}}',
    "a path that grows by turns": """{name: a, match: {host: app, path: "/a/{r*}"}, redirect: {to: "/b/{r}"}}
        {name: b, match: {host: app, path: "/b/{r*}"}, redirect: {to: "/a/x/{r}"}}""",
    "a query that grows": '{name: a, match: {host: app, path: /a}, redirect: {to: "/a?x=1"}}',
    "a capture that is doubled": '{name: a, match: {host: app, path: "/p/{x}"}, redirect: {to: "/p/{x}{x}"}}',
}

PROVED_ONES = {
    "a spelling that would have to be the author's own and not": f"""backends: {{old: {{{LEGACY}, redirects: [{{path: "/p/{{x}}", to: "/p/{{x|respelled}}"}}, {{path: "/p/{{x}}", to: "/q/{{x}}"}}]}}}}
           {{name: p, match: {{host: app, path: "/p/{{x}}"}}, forward: {{backend: old}}}}""",
    "normalising what is not normalised": """{name: a, match: {host: app, path: "/simple/{p}/", where: {p: {not_normalized: pep503}}}, redirect: {to: "/simple/{p|pep503}/"}}""",
    "two spellings, each of its own side": """{name: a, match: {host: app, path: "/p/{p}", where: {p: {not_normalized: lower}}}, redirect: {to: "/p/{p|lower}"}}
        {name: b, match: {host: app, path: "/p/{p}", where: {p: {not_normalized: pep503}}}, redirect: {to: "/p/{p|pep503}"}}""",
    "hosts that send each other other paths": """{name: a, match: {host: legacy, path: "/old/{r*}"}, redirect: {to: "https://pypi.test/new/{r}"}}
        {name: b, match: {host: app, path: "/old/{r*}"}, redirect: {to: "https://legacy.pypi.test/new/{r}"}}""",
    "a host that sends everything to another": """{name: a, match: {host: legacy, path: "/{r*}"}, redirect: {to: "https://pypi.test/{r}", status: 301}}
        {name: b, match: {host: app, path: "/{r*}"}, respond: {status: 200}}""",
    "a POST that becomes a GET": """{name: a, match: {host: app, path: /a, methods: [POST]}, redirect: {to: /b, status: 303}}
        {name: b, match: {host: app, path: /b, methods: [GET]}, redirect: {to: /a, status: 302}}""",
    "arms that exclude each other": f"""backends: {{old: {{{LEGACY}, redirects: [{{path: "/p/{{x}}", to: "/q/{{x}}"}}]}}, new: {{{MODERN}, redirects: [{{path: "/q/{{x}}", to: "/p/{{x}}"}}]}}}}
        cutovers: {{reads: {{from: old, to: new, steps: [50, 100], hold: 10m, sticky: [client]}}}}
        {{name: p, match: {{host: app, path: "/p/{{x}}"}}, forward: {{cutover: reads}}}}
        {{name: q, match: {{host: app, path: "/q/{{x}}"}}, forward: {{cutover: reads}}}}""",
    "windows that are never open together": """{name: a, match: {host: app, path: /a}, during: {first: 10m, of_each: 1h}, redirect: {to: /b}}
        {name: b, match: {host: app, path: /b}, during: {first: 10m, of_each: 1h, after: 20m}, redirect: {to: /a}}""",
    "user agents that exclude each other": """{name: a, match: {host: app, path: /a, user_agent: {prefix: "old/"}}, redirect: {to: /b, status: 301}}
        {name: b, match: {host: app, path: /b, user_agent: {prefix: "new/"}}, redirect: {to: /a, status: 301}}""",
    "a fixed point that another rule takes": """{name: a, match: {host: app, path: "/p/a"}, respond: {status: 200}}
        {name: b, match: {host: app, path: "/p/{x:[ab]}"}, redirect: {to: "/p/a"}}""",
    "an upgrade with rules for everything": """{name: a, match: {host: app, scheme: http, path: "/{r*}"}, redirect: {to: "https://pypi.test/{r}", status: 301}}
        {name: b, match: {host: app, path: "/{r*}"}, respond: {status: 200}}""",
    "the old host, the app, the content host": f"""backends: {{store: {{{LEGACY}}}}}
        {{name: a, match: {{host: legacy, path: "/{{r*}}"}}, redirect: {{to: "https://pypi.test/{{r}}", status: 301}}}}
        {{name: b, match: {{host: app, path: "/packages/{{r*}}"}}, redirect: {{to: "https://files.pypihosted.test/packages/{{r}}", status: 301}}}}
        {{name: c, match: {{host: content, path: "/packages/{{r*}}"}}, forward: {{backend: store}}}}""",
    "a path that shrinks": '{name: a, match: {host: app, path: "/{x}/{r*}"}, redirect: {to: "/{r}"}}',
    "a path that shrinks across hosts": """{name: a, match: {host: legacy, path: "/{r*}"}, redirect: {to: "https://pypi.test/{r}"}}
        {name: b, match: {host: app, path: "/old/{r*}"}, redirect: {to: "https://legacy.pypi.test/{r}"}}""",
    "a parameter that ends it": """{name: a, match: {host: app, path: /a, query: {seen: {present: false}}}, redirect: {to: "/a?seen=1"}}
        {name: b, match: {host: app, path: /a}, respond: {status: 200}}""",
    "a backend that redirects only with a parameter": f"""backends: {{old: {{{LEGACY}, redirects: [{{path: /a, query: {{v: {{present: true}}}}, to: /b}}]}}}}
        {{name: a, match: {{host: app, path: /a}}, forward: {{backend: old}}, query: drop}}
        {{name: b, match: {{host: app, path: /b}}, redirect: {{to: "/a?v=1"}}}}""",
    "a backend that is asked another path": f"""backends: {{old: {{{LEGACY}, redirects: [{{path: "/p/{{x}}", to: "/q/{{x}}"}}]}}}}
        {{name: p, match: {{host: app, path: "/p/{{x}}"}}, forward: {{backend: old}}, rewrite: {{path: "/r/{{x}}"}}}}
        {{name: q, match: {{host: app, path: "/q/{{x}}"}}, redirect: {{to: "/p/{{x}}"}}}}""",
    "another server by another port": '{name: a, match: {host: app, path: /a}, redirect: {to: "http://pypi.test:9000/a"}}',
    "a host that is not the edge's": '{name: a, match: {host: app, path: "/{r*}"}, redirect: {to: "https://elsewhere.test/{r}"}}',
    "a rule that is off": '{name: a, match: {host: app, path: /a}, redirect: {to: /a}, off: "it looped"}',
}
