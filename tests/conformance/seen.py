"""What both kinds of cases do and assert at the client's side."""

from __future__ import annotations

import asyncio

from conformance.peers import read_answer
from conformance.table import Expected, Message
from harness import RawClient

PIECE = 64  # octets at once, where a case has so many that one at a time would take seconds
BEFORE, AFTER = "/before", "/after"


def assert_answered(answer: Message, expected: Expected) -> None:
    assert answer.status == expected.status, answer
    assert answer.line.startswith("HTTP/1.1 ")
    if expected.reason is not None:
        assert answer.line.split(" ", 2)[2] == expected.reason
    assert answer.is_whole == expected.is_whole, answer
    assert answer.trailers == expected.trailers
    if expected.body is not None:
        assert answer.body == expected.body
    if expected.fields is not None:
        fields = [text for text in answer.fields if not text.startswith(("Date: ", "Via: "))]
        assert sorted(fields) == sorted(expected.fields)
    names = {text.partition(":")[0].lower() for text in answer.fields}
    assert {name.lower() for name in expected.named} <= names, answer
    assert not {name.lower() for name in expected.lacks} & names, answer
    for text in expected.has:
        assert text in answer.fields, answer


async def expect_neighbour(client: RawClient, target: str) -> None:
    answer = await read_answer(client.reader, "GET")
    assert (answer.status, answer.body) == (200, f"GET {target}".encode())


async def is_closed(client: RawClient) -> bool:
    return await asyncio.wait_for(client.is_closed(), 10)  # far below the edge's own limit for idle connections


async def send_in_octets(client: RawClient, data: bytes) -> None:
    """One octet a write, and the edge's turn after each, so that it reads each on its own."""
    step = 1 if len(data) < 2000 else PIECE
    for start in range(0, len(data), step):
        try:
            await client.send(data[start : start + step])
        except ConnectionError:  # it was refused before its end
            return
        await asyncio.sleep(0)
