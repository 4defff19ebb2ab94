"""Rate limits of an edge without a supervisor: a table of its own, for as long as it runs."""

from __future__ import annotations

import os

from harness import request, running_edge

RULES = """
edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
rules:
  - {name: all, match: {host: app, path: "/{rest*}"}, respond: {status: 204}, limits: {rate: 3/h}}
"""


def tables() -> int:
    """Of this process."""
    links = [os.path.realpath(link.path) for link in os.scandir("/proc/self/fd")]
    return sum("edgeproxy rates" in link for link in links)


async def test_it_has_a_table_while_it_runs_and_lets_go_of_it() -> None:
    async with running_edge(RULES) as edge:
        assert tables()
        assert [(await edge.ask(request())).status for _ in range(4)] == [204, 204, 204, 429]
        await edge.edge.stop(grace=0)  # and once more below, as a worker does that is told to hurry
    assert not tables()


async def test_without_a_rate_there_is_none() -> None:
    async with running_edge(RULES.replace(", limits: {rate: 3/h}", "")) as edge:
        assert (await edge.ask(request())).status == 204
        assert not tables()
