"""What a supervisor and a worker say, over a real socket pair."""

from __future__ import annotations

import asyncio
import socket

import pytest

from edgeproxy.control.channel import Channel
from edgeproxy.control.messages import (
    Beat,
    Count,
    Counted,
    Drain,
    Draining,
    Failed,
    Found,
    Hurry,
    Message,
    Ready,
    Tallied,
    decode,
    encode,
)

MESSAGES: list[Message] = [
    Ready(),
    Failed("cannot listen\non this"),
    Beat(),
    Draining(),
    Counted({"requests": 3, "statuses": {"200": 3}}),
    Drain(2.5),
    Hurry(),
    Count(),
    Tallied(4, 1, {"reads": {"old": {"exchanges": 1, "failures": 0, "latency": [[7, 1]]}}}),
    Found('{"groups": []}\n'),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_is_one_line_and_reads_back(message: Message) -> None:
    line = encode(message)
    assert line.count(b"\n") == 1
    assert decode(line) == message


async def test_messages_arrive_in_order_and_those_sent_too_early_when_the_channel_opens() -> None:
    ours, theirs = socket.socketpair()
    received: list[Message] = []
    ended = asyncio.Event()
    one = Channel(received.append, ended.set)
    other = Channel(received.append, lambda: None)
    other.send(MESSAGES[0])
    await one.open(ours)
    await other.open(theirs)
    for message in MESSAGES[1:]:
        other.send(message)
    await other.close()
    async with asyncio.timeout(10):
        await ended.wait()
    assert received == MESSAGES
    await one.close()
