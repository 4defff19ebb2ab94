"""An answer that goes on from another source than it began with: the same content, octet for octet, or none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from kept_answers import kept

from edgeproxy.caching.outcomes import Outcome
from edgeproxy.caching.stored import Stored
from edgeproxy.http.target import Scheme
from edgeproxy.proxy.cache.source import Source, Waiter
from edgeproxy.proxy.cache.streaming import Differs, Streaming
from edgeproxy.proxy.plan import Pass
from edgeproxy.proxy.planner import Planned, Planner
from edgeproxy.ruleset.limits import Limits
from edgeproxy.ruleset.load import parse_ruleset

RULES = """
edge: 1
listen: [{address: "127.0.0.1:8080"}]
hosts: {app: {names: [pypi.test]}}
backends: {origin: {url: "http://127.0.0.1:1"}}
rules: [{name: all, match: {host: app, path: "/{rest*}", methods: [GET]}, forward: {backend: origin}, cache: {}}]
"""
CONTENT = bytes(range(256)) * 2_000
WAITER = cast("Waiter", object())  # nothing is asked of it here


class Octets(Source):
    """What of a content has come."""

    def __init__(self, content: bytes, *lines: str, size: int | None = None, is_right: bool = True) -> None:
        self.stored: Stored | None = replace(kept(*lines), size=len(content) if size is None else size)
        self.waiters: list[Waiter] = [WAITER]
        self.content = content
        self.come = 0
        self.right = is_right

    @property
    def available(self) -> int:
        return self.come

    @property
    def is_right(self) -> bool:
        return self.right

    @property
    def is_whole(self) -> bool:
        return self.right and self.come == len(self.content)

    def read(self, offset: int, most: int) -> bytes:
        return self.content[offset : min(offset + most, self.come)]

    def on_taken(self) -> None:
        """It holds all."""


class Taker:
    """A client that takes what it is sent."""

    minor = 1

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def may_keep_alive(self) -> bool:
        return True

    def on_head_sent(self, status: int) -> None:
        """Nobody counts it."""

    def send(self, data: bytes) -> None:
        self.sent.append(data)

    @property
    def body(self) -> bytes:
        return b"".join(self.sent).partition(b"\r\n\r\n")[2]


@pytest.fixture(scope="module")
def plan() -> Pass:
    rules = parse_ruleset(RULES, "rules.yaml", base=Path())
    planned = Planner(rules, Scheme.HTTP, Limits()).plan(b"GET /a HTTP/1.1", "pypi.test")
    assert isinstance(planned, Planned)
    assert isinstance(planned.plan, Pass)
    return planned.plan


def streaming(plan: Pass, source: Octets, values: Mapping[str, str] | None = None) -> tuple[Streaming, Taker]:
    client = Taker()
    assert source.stored is not None
    return Streaming(WAITER, client, plan, values or {}, source.stored, Outcome.COLLAPSED, 0.0), client


@pytest.mark.parametrize("size", [None, -1])
@pytest.mark.parametrize("had", [0, 1, 200_000, len(CONTENT)])
def test_it_goes_on_where_it_was_once_all_that_came_has_come_again(plan: Pass, had: int, size: int | None) -> None:
    first, second = (Octets(CONTENT, 'ETag: "1"', size=size) for _ in range(2))
    stream, client = streaming(plan, first)
    first.come = had
    is_all = stream.go_on(first)
    if is_all:
        return
    stream.lose(first)
    before = len(client.sent)
    for second.come in (0, had // 2, max(0, had - 1)):
        assert not stream.go_on(second)
        assert (len(client.sent), stream.place) == (before, second.come)
    second.come = len(CONTENT)
    assert stream.go_on(second)
    assert first.waiters == []
    if size is None:
        assert client.body == CONTENT
    else:
        assert client.sent[-1] == b"0\r\n\r\n"


def test_of_a_range_nothing_is_sent_twice(plan: Pass) -> None:
    first, second = (Octets(CONTENT, 'ETag: "1"') for _ in range(2))
    stream, client = streaming(plan, first, {"range": "bytes=1000-400000"})
    first.come = 150_000
    assert not stream.go_on(first)
    stream.lose(first)
    second.come = len(CONTENT)
    assert stream.go_on(second)
    assert client.body == CONTENT[1_000:400_001]


@pytest.mark.parametrize(
    "other",
    [
        Octets(CONTENT[:-1] + b"!", 'ETag: "2"'),
        Octets(CONTENT, "Content-Encoding: gzip", 'ETag: "1"'),
        Octets(CONTENT[:-1], 'ETag: "1"'),
        Octets(CONTENT[:99_999] + b"!" + CONTENT[100_000:], 'ETag: "1"'),
        Octets(CONTENT[:50_000], 'ETag: "1"', size=len(CONTENT)),
    ],
    ids=["another tag", "another coding", "another size", "another octet", "less than came"],
)
def test_nothing_of_another_content_is_sent(plan: Pass, other: Octets) -> None:
    first = Octets(CONTENT, 'ETag: "1"')
    stream, client = streaming(plan, first)
    first.come = 100_000
    stream.go_on(first)
    before = len(client.sent)
    stream.lose(first)
    other.come = len(other.content)
    with pytest.raises(Differs):
        stream.go_on(other)
    assert len(client.sent) == before


def test_one_that_is_lost_while_it_is_compared_is_left_and_the_first_still_counts(plan: Pass) -> None:
    first, second, third = (Octets(CONTENT) for _ in range(3))
    stream, client = streaming(plan, first)
    first.come = 100_000
    stream.go_on(first)
    stream.lose(first)
    second.come = 60_000
    assert not stream.go_on(second)
    stream.lose(second)
    assert (first.waiters, second.waiters) == ([WAITER], [])
    third.come = len(CONTENT)
    assert stream.go_on(third)
    assert client.body == CONTENT


def test_what_is_verified_is_not_sent_to_its_end_before_all_of_it_is_right(plan: Pass) -> None:
    first, second = (Octets(CONTENT, is_right=False) for _ in range(2))
    stream, client = streaming(plan, first)
    first.come = 100_000
    stream.go_on(first)
    stream.lose(first)
    second.come = len(CONTENT)
    assert not stream.go_on(second)
    assert client.body == CONTENT[:-1]
    second.right = True
    assert stream.go_on(second)
    assert client.body == CONTENT


def test_a_client_that_leaves_meanwhile_leaves_both(plan: Pass) -> None:
    first = Octets(CONTENT)
    stream, _ = streaming(plan, first)
    stream.lose(first)
    stream.leave()
    assert first.waiters == []
