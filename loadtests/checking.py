"""What reading and checking many rules costs: `python -m loadtests.checking --rules 1000 --kind realistic`.

The rules are made, not drawn: the same number gives the same rules. CPU seconds of this process are told, since wall
time is also others'.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from edgeproxy.cli.output import say
from edgeproxy.control.garbage import uncollected
from edgeproxy.ruleset.checker.check import check_ruleset
from edgeproxy.ruleset.load import parse_ruleset

_HEAD: Final = """\
edge: 1
listen: [{address: "127.0.0.1:8080"}]
hosts:
  app: {names: [pypi.test, www.pypi.test]}
  legacy: {names: [legacy.pypi.test]}
  content: {names: [files.pypihosted.test], kind: content}
backends:
  legacy: {url: "http://127.0.0.1:8081"}
  modern: {url: "http://127.0.0.1:8082"}
  store: {directory: ./files}
splits:
  reads: {weights: {legacy: 80, modern: 20}}
rules:
"""
_AREAS: Final = ("simple", "project", "pypi", "user", "api", "search", "packages", "help", "account", "stats")
# A rule of each kind for one number: what an edge of a grown site has.
_REALISTIC: Final = (
    'match: {{host: app, path: "/{area}/t{n}/{{project}}/", methods: [GET, HEAD]}}, forward: {{split: reads}}',
    'match: {{host: app, path: "/{area}/t{n}/{{project}}/{{version}}/json"}}, forward: {{backend: modern}}',
    'match: {{host: legacy, path: "/{area}/t{n}/{{rest*}}", methods: [GET, HEAD]}}, '
    'redirect: {{to: "https://pypi.test/{area}/t{n}/{{rest}}", status: 301, lifetime: 10m}}',
    "match: {{host: app, path: {{regex: '/{area}/r{n}/(?P<name>[a-z0-9]+(-[a-z0-9]+)*)/?'}}}}, "
    'redirect: {{to: "/{area}/t{n}/{{name}}/", status: 308}}',
    'match: {{host: app, path: "/{area}/t{n}/{{project}}/", methods: [POST]}}, forward: {{backend: legacy}}',
    'match: {{host: content, path: "/{area}/{{a:[0-9a-f]{{2}}}}/{{b:[0-9a-f]{{62}}}}/f{n}-{{file}}", '
    "methods: [GET, HEAD]}}, forward: {{backend: store}}",
    'match: {{host: app, path: "/{area}/old-{n}/{{file}}.html", scheme: http, methods: [GET, HEAD]}}, '
    'redirect: {{to: "https://pypi.test/{area}/t{n}/{{file}}/json", status: 302}}',
    'match: {{host: app, path: "/{area}/q{n}", query: {{page: {{present: true}}}}, methods: [GET, HEAD]}}, '
    "forward: {{backend: legacy}}",
    'match: {{host: app, path: "/{area}/q{n}", methods: [GET, HEAD]}}, forward: {{split: reads}}',
    'match: {{host: [app, legacy], path: "/moved/{area}/{n}.html", methods: [GET, HEAD]}}, '
    'redirect: {{to: "https://pypi.test/{area}/t{n}/index/", status: 301}}',
)
_PATTERNS: Final = 100
_CATCH_ALL: Final = (
    'match: {host: [app, legacy], path: "/{rest*}"}, forward: {split: reads}',
    'match: {host: content, path: "/{rest*}"}, respond: {status: 404}',
)


def realistic(rules: int) -> Iterator[str]:
    """Templates, regular expressions, redirects and splits, then what takes everything else."""
    for number in range(rules - len(_CATCH_ALL)):
        kind, n = _REALISTIC[number % len(_REALISTIC)], number // len(_REALISTIC)
        yield kind.format(area=_AREAS[n % len(_AREAS)], n=n)
    yield from _CATCH_ALL


def exact(rules: int) -> Iterator[str]:
    """So many redirects of one path each, 100 patterns, and what takes everything else."""
    for n in range(rules):
        area = _AREAS[n % len(_AREAS)]
        to = f"https://pypi.test/{area}/new/page-{n}/"
        match = f'{{host: app, path: "/{area}/old/page-{n}/", methods: [GET, HEAD]}}'
        yield f'match: {match}, redirect: {{to: "{to}", status: 301}}'
    for n in range(_PATTERNS):
        area = _AREAS[n % len(_AREAS)]
        yield f'match: {{host: app, path: "/{area}/p{n}/{{project}}/"}}, forward: {{backend: modern}}'
    yield from _CATCH_ALL


KINDS: Final[dict[str, Callable[[int], Iterator[str]]]] = {"realistic": realistic, "exact": exact}


def rule_file(kind: str, rules: int) -> str:
    lines = [f"  - {{name: r{number}, {rule}}}\n" for number, rule in enumerate(KINDS[kind](rules))]
    return _HEAD + "".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m loadtests.checking", description=__doc__)
    parser.add_argument("--rules", type=int, default=1000, metavar="N", help="how many rules (1000)")
    parser.add_argument("--kind", choices=tuple(KINDS), default="realistic", help="which ones (realistic)")
    parser.add_argument("--show", action="store_true", help="print the rule file instead")
    args = parser.parse_args()
    text = rule_file(args.kind, args.rules)
    if args.show:
        say(text)
        return
    with uncollected():  # as the command reads
        began = time.process_time()
        ruleset = parse_ruleset(text, "rules.yaml", base=Path.cwd())
        read = time.process_time()
    report = check_ruleset(ruleset)
    checked = time.process_time()
    say(f"{len(ruleset.rules):,} rules, {args.kind}: read in {read - began:.2f} s, checked in {checked - read:.2f} s")
    say(f"{len(report.findings)} findings{''.join(f'; {verdict}' for verdict in report.verdicts)}")


if __name__ == "__main__":
    main()
