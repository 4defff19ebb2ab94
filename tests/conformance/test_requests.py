"""Every request of the table through a real edge: whole, octet by octet, and between two pipelined neighbours."""

from __future__ import annotations

import asyncio

import pytest
from conformance.peers import Origin, origin, read_answer
from conformance.rules import rules_for
from conformance.marks import params
from conformance.table import Expected, Message, RequestCase, request_cases
from harness import RawClient, request, running_edge

CASES = request_cases()
PIECE = 64  # octets at once, where a case has so many that one at a time would take seconds
BEFORE, AFTER = "/before", "/after"
# What the edge says on its own to every backend. Via and CDN-Loop have cases of their own.
OWN = ("host", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "via", "cdn-loop", "content-length")


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


def assert_answered(answer: Message, expected: Expected) -> None:
    assert answer.status == expected.status, answer
    assert answer.is_whole == expected.is_whole, answer
    assert answer.trailers == expected.trailers
    if expected.body is not None:
        assert answer.body == expected.body
    if expected.fields is not None:
        fields = [text for text in answer.fields if not text.startswith(("Date: ", "Via: "))]
        assert sorted(fields) == sorted(expected.fields)
    names = {text.partition(":")[0].lower() for text in answer.fields}
    assert not {name.lower() for name in expected.lacks} & names, answer
    for text in expected.has:
        assert text in answer.fields, answer


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


async def expect_neighbour(client: RawClient, target: str) -> None:
    answer = await read_answer(client.reader, "GET")
    assert (answer.status, answer.body) == (200, f"GET {target}".encode())


def expect_seen(peer: Origin, case: RequestCase, *around: str) -> None:
    before = [neighbour(target) for target in around if target == BEFORE]
    after = [neighbour(target) for target in around if target == AFTER]
    expected = [*before, *case.passed, *after]
    assert [message.line for message in peer.seen] == [message.line for message in expected]
    for seen, wanted in zip(peer.seen, expected, strict=True):
        assert_passed(seen, wanted)
    if not case.may_begin:
        assert len(peer.begun) == len(expected), peer.begun


async def is_closed(client: RawClient) -> bool:
    return await asyncio.wait_for(client.is_closed(), 2)  # far below the edge's own limit for idle connections


async def send_in_octets(client: RawClient, data: bytes) -> None:
    """One octet a write, and the edge's turn after each, so that it reads each on its own."""
    step = 1 if len(data) < 2000 else PIECE
    for start in range(0, len(data), step):
        try:
            await client.send(data[start : start + step])
        except ConnectionError:  # it was refused before its end
            return
        await asyncio.sleep(0)


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
