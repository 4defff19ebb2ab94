"""Every request of the table through a real edge: whole, octet by octet, and between two pipelined neighbours."""

from __future__ import annotations

import pytest
from conformance.marks import params
from conformance.peers import Origin, origin, read_answer
from conformance.rules import rules_for
from conformance.seen import AFTER, BEFORE, assert_answered, expect_neighbour, is_closed, send_in_octets
from conformance.table import Message, RequestCase, request_cases
from harness import RawClient, request, running_edge

CASES = request_cases()
# What the edge says on its own to every backend. Via and CDN-Loop have cases of their own.
OWN = (
    "host",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "via",
    "cdn-loop",
    "content-length",
)


def neighbour(target: str) -> Message:
    return Message(f"GET {target} HTTP/1.1")


def assert_passed(seen: Message, expected: Message) -> None:
    """The exact request: its line, its body, and its fields, but for those the edge writes itself."""
    named = {text.partition(":")[0].lower() for text in expected.fields}
    fields = [text for text in seen.fields if text.partition(":")[0].lower() not in set(OWN) - named]
    fields = [text for text in fields if text != "Transfer-Encoding: chunked" or text in expected.fields]
    assert (seen.line, sorted(fields), seen.body) == (expected.line, sorted(expected.fields), expected.body)
    assert seen.trailers == ()
    names = [text.partition(":")[0].lower() for text in seen.fields]
    assert all(names.count(name) == 1 for name in ("host", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"))
    for text in ("Host: origin.pypi.test", "X-Forwarded-For: 127.0.0.1", "X-Forwarded-Proto: http"):
        assert text in seen.fields


def methods_of(case: RequestCase) -> list[str]:
    """The method each answer is for; of what the edge refuses it does not matter."""
    methods = [message.line.split(" ")[0] for message in case.passed]
    first = case.send.lstrip(b"\r\n").split(b" ")[0].decode("latin-1")
    return methods if len(methods) == len(case.answers) else [first, *["GET"] * (len(case.answers) - 1)]


async def expect_answers(client: RawClient, case: RequestCase) -> None:
    for status in case.interim:
        assert (await read_answer(client.reader, "GET")).status == status
    for method, expected in zip(methods_of(case), case.answers, strict=True):
        method = "GET" if expected.status in (400, 405, 408, 414, 431, 501, 505) and case.closes else method
        assert_answered(await read_answer(client.reader, method), expected)


def expect_seen(peer: Origin, case: RequestCase, *around: str) -> None:
    before = [neighbour(target) for target in around if target == BEFORE]
    after = [neighbour(target) for target in around if target == AFTER]
    expected = [*before, *case.passed, *after]
    assert [message.line for message in peer.seen] == [message.line for message in expected]
    for seen, wanted in zip(peer.seen, expected, strict=True):
        assert_passed(seen, wanted)
    if not case.may_begin:
        assert len(peer.begun) == len(expected), peer.begun


@pytest.mark.parametrize("case", params(CASES, "whole"))
async def test_whole(case: RequestCase) -> None:
    async with origin() as peer, running_edge(rules_for(case.rules, peer.port)) as edge, edge.client() as client:
        await client.send(case.send)
        await expect_answers(client, case)
        if case.closes:
            assert await is_closed(client)
            expect_seen(peer, case)
        else:  # the edge and the client agree on where the case ended
            await client.send(request(AFTER))
            await expect_neighbour(client, AFTER)
            expect_seen(peer, case, AFTER)


@pytest.mark.parametrize("case", params(CASES, "octets"))
async def test_octet_by_octet(case: RequestCase) -> None:
    async with origin() as peer, running_edge(rules_for(case.rules, peer.port)) as edge, edge.client() as client:
        await send_in_octets(client, case.send)
        await expect_answers(client, case)
        if case.closes:
            assert await is_closed(client)
            expect_seen(peer, case)
        else:
            await send_in_octets(client, request(AFTER))
            await expect_neighbour(client, AFTER)
            expect_seen(peer, case, AFTER)


@pytest.mark.parametrize("case", params(CASES, "between"))
async def test_between_neighbours(case: RequestCase) -> None:
    async with origin() as peer, running_edge(rules_for(case.rules, peer.port)) as edge, edge.client() as client:
        await client.send(request(BEFORE) + case.send + request(AFTER))
        await expect_neighbour(client, BEFORE)
        await expect_answers(client, case)
        if case.closes:  # what stands behind is never read as a request
            assert await is_closed(client)
            expect_seen(peer, case, BEFORE)
        else:
            await expect_neighbour(client, AFTER)
            expect_seen(peer, case, BEFORE, AFTER)


def test_the_table_is_large_enough_and_every_case_is_named_once() -> None:
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))
    assert len(names) >= 150
