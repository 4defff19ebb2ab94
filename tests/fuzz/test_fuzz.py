"""A short run of the fuzzer with fixed seeds, and what longer runs found."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from fuzz.executions import execute
from fuzz.readers import aiohttp_requests, edge_requests, llhttp_requests
from fuzz.rule_files import RuleFiles
from fuzz.target import Disagreement, Target

EXECUTIONS = 3000


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with Target() as target:
        yield target


def test_no_octets_crash_the_edge_or_have_two_readings_behind_it(target: Target) -> None:
    for seed in range(EXECUTIONS):
        execute(target, Random(seed))
    tally = target.tally
    assert tally.executions == EXECUTIONS
    assert min(tally.passed, tally.given, tally.refused) > EXECUTIONS / 20, tally  # it went deep on all ways


FOUND = {
    # the header section was remembered, so that only the edge's own grammar read the request line
    "an octet beyond ASCII in a fragment": b"GET /a?b#\xad HTTP/1.1\r\nHost: pypi.test\r\n\r\n",
}


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_once_is_not_found_again(target: Target, name: str) -> None:
    for octets in (FOUND[name], b"GET / HTTP/1.1\r\nHost: pypi.test\r\n\r\n" + FOUND[name]):
        target.check_requests([octets])
        target.check_requests([octets[place : place + 1] for place in range(len(octets))])


def test_the_readers_would_notice_a_disagreement(target: Target) -> None:
    """What the edge refuses, and so never sends, others read: so the readers are not all the same."""
    old = b"POST / HTTP/1.0\r\nHost: pypi.test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
    escaped = b"GET /%2f HTTP/1.1\r\nHost: pypi.test\r\n\r\n"
    for octets in (old, escaped):
        with pytest.raises(Disagreement):
            target._check_stream(octets)
    plain = b"GET / HTTP/1.1\r\nHost: pypi.test\r\n\r\n"
    assert edge_requests(plain) == llhttp_requests(plain) == aiohttp_requests(plain, target._edge.loop)


RULE_FILES = 1000


def test_no_rule_file_gives_a_traceback_or_a_layout_that_says_something_else() -> None:
    target = RuleFiles()
    for seed in range(RULE_FILES):
        target.execute(Random(seed))
    tally = target.tally
    assert tally.executions == RULE_FILES
    assert min(tally.refused, tally.formatted) > RULE_FILES / 5, tally
    assert tally.rulesets > RULE_FILES / 50, tally
