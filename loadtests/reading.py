"""`python -m loadtests.reading --rules 10000`: what it costs to read, check and compile a rule file, in CPU seconds.

The rules are those of a move: most are exact redirects, the rest templates, of which some have regular expressions.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

from edgeproxy.control.garbage import uncollected
from edgeproxy.ruleset.load import parse_ruleset
from edgeproxy.ruleset.reader import read_nodes

_HEAD = """\
edge: 1
listen: [{address: "127.0.0.1:8080"}]
hosts:
  main: {names: [pypi.test]}
  old: {names: [legacy.pypi.test]}
  files: {names: [files.pypihosted.test], kind: content}
backends:
  legacy: {url: "http://127.0.0.1:8081"}
  modern: {url: "http://127.0.0.1:8082"}
splits:
  simple: {weights: {legacy: 90, modern: 10}, sticky: [client]}
rules:
"""


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure how long a large rule file takes to read.")
    parser.add_argument("--rules", type=int, default=10_000)
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the rule file, and measure nothing")
    options = parser.parse_args()
    text = rule_file(options.rules)
    if options.write is not None:
        options.write.write_text(text)
        return 0
    print(f"{options.rules} rules, {len(text)} characters", flush=True)
    works: dict[str, Callable[[], object]] = {
        "events of libyaml": lambda: sum(1 for _ in yaml.parse(text, Loader=yaml.CSafeLoader)),
        "nodes": lambda: read_nodes(text, "rules.yaml"),
        "ruleset": lambda: parse_ruleset(text, "rules.yaml", base=Path("/srv/edge")),
    }
    for name, work in works.items():
        with uncollected():
            alone = cpu_seconds(work)
        print(f"{name:<20} {alone:6.2f} s of CPU; {cpu_seconds(work):6.2f} s with garbage collections", flush=True)
    return 0


def cpu_seconds(work: Callable[[], object]) -> float:
    """The least of three runs."""
    least = float("inf")
    for _ in range(3):
        gc.collect()
        began = time.process_time()
        work()
        least = min(least, time.process_time() - began)
    return least


def rule_file(rules: int) -> str:
    """A rule file with so many rules."""
    return _HEAD + "".join(rule(number) for number in range(rules))


def rule(number: int) -> str:
    lines = "".join(f"    {line}\n" for line in _body(number))
    return f"  - name: rule-{number}\n{lines}"


def _body(number: int) -> Iterator[str]:
    match number % 10:
        case 0:
            yield f'match: {{host: main, path: "/project-{number}/{{name}}/", methods: [GET, HEAD]}}'
            yield "forward: {split: simple}"
        case 1:
            yield f'match: {{host: [main, old], path: "/area-{number}/{{rest*}}"}}'
            yield "forward: {backend: legacy}"
        case 2:
            path = f"/packages/{number}/{{digest:[0-9a-f]{{60}}}}/{{file*}}"
            yield f'match: {{host: files, path: "{path}", methods: [GET, HEAD]}}'
            yield "forward: {backend: modern}"
        case 3:
            yield f'match: {{host: old, path: "/pypi/{number}/{{name}}/{{version}}/json"}}'
            to = f"https://pypi.test/pypi/{number}/{{name|pep503}}/{{version}}/json"
            yield f'redirect: {{to: "{to}", status: 301, lifetime: 1h}}'
        case _:
            yield f'match: {{host: old, path: "/exact/page-{number}.html"}}'
            yield f'redirect: {{to: "https://pypi.test/exact/page-{number}/", status: 301, lifetime: 1d}}'


if __name__ == "__main__":
    sys.exit(main())
