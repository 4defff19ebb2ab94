"""Which rules send clients to the old side by themselves, at which shares."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from specimens import ruleset

from edgeproxy.migration.old_side import Sent, sent_to_old_side

RULES = """
edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
backends:
  legacy: {url: "http://127.0.0.1:1"}
  modern: {url: "http://127.0.0.1:2"}
  mirror: {url: "http://127.0.0.1:3"}
cutovers:
  reads: {from: legacy, to: modern, steps: [50, 100], hold: 1m, pin: [{user_agent: {prefix: "bandersnatch/"}, arm: from}]}
  pages: {from: legacy, to: modern, steps: [50, 100], hold: 1m}
splits:
  files: {weights: {mirror: 25, modern: 75}}
rules:
  - {name: simple, match: {host: app, path: "/simple/{project}/"}, forward: {cutover: reads}}
  - {name: page, match: {host: app, path: "/page/{project}/", methods: [GET, HEAD]}, forward: {cutover: pages}, fallback: {to: mirror, on: [connect]}}
  - {name: file, match: {host: app, path: "/file/{name}"}, forward: {split: files}}
  - {name: new, match: {host: app, path: "/new/"}, forward: {backend: modern}}
  - {name: call, match: {host: app, path: "/pypi"}, forward: {backend: legacy}}
  - {name: dead, match: {host: app, path: "/dead/"}, forward: {backend: legacy}, off: "it was"}
"""
BY_THEMSELVES = (
    Sent("file", "mirror", "25 % of clients, by the split files"),
    Sent("call", "legacy", "every client"),
)


@pytest.mark.parametrize(
    ("shares", "by_cutovers"),
    [
        (
            {},
            (
                Sent("simple", "legacy", "100 % of clients, by the cutover reads"),
                Sent("page", "legacy", "100 % of clients, by the cutover pages"),
            ),
        ),
        (
            {"reads": 99_999, "pages": 100_000},
            (Sent("simple", "legacy", "0.001 % of clients, by the cutover reads"),),
        ),
        (
            {"reads": 100_000, "pages": 100_000},
            (Sent("simple", "legacy", "the clients that are pinned there, by the cutover reads"),),
        ),
    ],
    ids=["at rest", "nearly through", "through"],
)
def test_who_is_sent_there_without_a_fallback(shares: Mapping[str, int], by_cutovers: tuple[Sent, ...]) -> None:
    assert sent_to_old_side(ruleset(RULES), shares) == by_cutovers + BY_THEMSELVES


def test_without_a_cutover_or_a_fallback_there_is_no_old_side() -> None:
    alone = (
        RULES[: RULES.index("cutovers:")]
        + "rules:\n"
        + RULES[RULES.index("  - {name: new") : RULES.index("  - {name: dead")]
    )
    assert sent_to_old_side(ruleset(alone), {}) == ()
