"""Hand-made specimens, as shadows bring them in, and the rules that they are of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edgeproxy.migration.comparing.shadowed import Shadowed, shadowed_of
from edgeproxy.migration.specimen import Part, Silence, Specimen
from edgeproxy.ruleset.load import parse_ruleset
from edgeproxy.ruleset.model import Ruleset

NOW = 1_523_890_800.0
RULES = """
edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
backends: {legacy: {url: "http://127.0.0.1:1"}, modern: {url: "http://127.0.0.1:2"}}
cutovers:
  reads: {from: legacy, to: modern, steps: [50, 100], hold: 1m, gates: {differences: {at_most: 1%}}}
rules:
  - name: page
    match: {host: app, path: "/page/{name}/", methods: [GET, HEAD]}
    forward: {cutover: reads}
    shadow: {to: modern, percent: 100, compare: json}
  - name: rest
    match: {host: app, path: "/{rest*}", methods: [GET, HEAD]}
    forward: {backend: legacy}
    shadow: {to: modern, percent: 100, compare: exact}
"""


def ruleset(text: str = RULES) -> Ruleset:
    return parse_ruleset(text, "rules.yaml", base=Path.cwd())


def shadowed(text: str = RULES) -> tuple[Shadowed, ...]:
    return shadowed_of(ruleset(text))


def part(content: bytes | str = b'{"name": "six"}', status: int = 200, *lines: str) -> Part:
    said = ("Content-Type: application/json", *lines)
    octets = content.encode() if isinstance(content, str) else content
    return Part(status, "".join(f"{line}\r\n" for line in said).encode(), octets)


SAME = part()
OTHER = part('{"name": "seven"}')


def specimen(
    new: Part | Silence = SAME, again: Part | Silence | None = None, old: Part = SAME, asked: str = "/page/six/"
) -> Specimen:
    lines = b"Host: pypi.test\r\nUser-Agent: pip/10.0.0 CPython/3.6.5\r\nEdge-Shadow: 1\r\n"
    return Specimen("page", 1, 3, NOW, "GET", "pypi.test", asked, lines, old, new, again)


def of_rest(each: Specimen) -> Specimen:
    return replace(each, rule="rest", asked="/about/us?token=secret-of-a-user")


PAIR = specimen(again=SAME)
