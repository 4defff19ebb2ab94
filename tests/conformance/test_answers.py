"""Every answer of the table through a real edge: whole, octet by octet, and between two pipelined neighbours."""

from __future__ import annotations

import pytest
from conformance.marks import params
from conformance.peers import Origin, origin, read_answer
from conformance.rules import rules_for
from conformance.seen import AFTER, BEFORE, assert_answered, expect_neighbour, is_closed
from conformance.table import AnswerCase, answer_cases
from harness import RawClient, request, running_edge

CASES = answer_cases()


async def expect_answer(client: RawClient, case: AnswerCase) -> None:
    method = case.ask.split(b" ")[0].decode()
    for interim in case.interim:
        assert_answered(await read_answer(client.reader, method), interim)
    answer = await read_answer(client.reader, method)
    assert_answered(answer, case.answer)
    if case.answer.status != 502:
        assert [text for text in answer.fields if text.startswith("Via: ") and text.endswith(" edgeproxy")]
    assert sum(text.startswith("Date: ") for text in answer.fields) == 1


async def run(case: AnswerCase, *, in_octets: bool, before: bool) -> Origin:
    """Ask for the case, and for good answers around it; how many connections that took is the origin's to say."""
    async with (
        origin(case.backend, is_case=True, ends=case.ends, in_octets=in_octets) as peer,
        running_edge(rules_for(case.rules, peer.port)) as edge,
        edge.client() as client,
    ):
        await client.send((request(BEFORE) if before else b"") + case.ask + (b"" if in_octets else request(AFTER)))
        if before:
            await expect_neighbour(client, BEFORE)
        await expect_answer(client, case)
        if in_octets and not case.closes:  # octets behind an answer are found out only when they are there
            await peer.given.wait()
            await client.send(request(AFTER))
        if case.closes:
            assert await is_closed(client)
        else:
            await expect_neighbour(client, AFTER)
        return peer


def assert_kept(peer: Origin, case: AnswerCase) -> None:
    """Where the requests went: a connection whose answer was odd must not be asked again."""
    if case.closes:
        assert [message.line.split(" ")[1] for message in peer.seen][-1] == "/case"
    elif case.keeps is not None:
        assert (peer.connection_of[AFTER] == peer.connection_of["/case"]) == case.keeps


@pytest.mark.parametrize("case", params(CASES, "whole"))
async def test_whole(case: AnswerCase) -> None:
    assert_kept(await run(case, in_octets=False, before=False), case)


@pytest.mark.parametrize("case", params(CASES, "octets"))
async def test_octet_by_octet(case: AnswerCase) -> None:
    assert_kept(await run(case, in_octets=True, before=False), case)


@pytest.mark.parametrize("case", params(CASES, "between"))
async def test_between_neighbours(case: AnswerCase) -> None:
    assert_kept(await run(case, in_octets=False, before=True), case)


def test_every_case_is_named_once() -> None:
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))
    assert len(names) >= 100
