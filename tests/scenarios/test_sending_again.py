"""A replay whose target goes away and comes back: every request is counted once, and none is sent twice. Real sockets."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from site_under_test import ok

from replay.planned import Planned
from replay.sending.outcome import Failure
from replay.sending.run import Settings, Target, send

QUICK = Settings(timeout=0.5, connect=0.5, patience=5, idle=5)


@pytest.mark.parametrize("lane", ["", "one"])
async def test_a_target_that_goes_away_and_comes_back_costs_what_was_due_meanwhile_and_no_more(lane: str) -> None:
    """Nothing is asked twice of it, and what comes back is asked again, also over a lane whose connection was lost."""
    seen, writers = list[int](), list[asyncio.StreamWriter]()
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        while head := await read_head(reader):
            number = int(head.split(b" ")[1][1:])
            seen.append(number)
            if number == 100:  # it is asked, and goes without an answer
                gone.set()
                break
            writer.write(ok(b"hello"))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    planned = [Planned(number / 200, lane, "GET", f"http://pypi.test/{number}") for number in range(400)]
    sending = asyncio.ensure_future(send(planned, Target.of(f"http://127.0.0.1:{port}"), QUICK))
    await gone.wait()
    server.close()
    for writer in writers:
        writer.transport.abort()
    await asyncio.sleep(0.3)  # requests that are refused tell nobody
    server = await asyncio.start_server(serve, "127.0.0.1", port)
    outcome = await sending
    server.close()
    assert outcome.intended == outcome.answered + outcome.failed == 400
    assert outcome.statuses == Counter({200: outcome.answered})
    assert set(outcome.failures) <= {Failure.CONNECT, Failure.CLOSED}
    assert outcome.failures[Failure.CONNECT] > 0
    assert not outcome.not_sent
    answered = [number for number in seen if number != 100]
    assert len(answered) == len(set(answered)), "nothing was sent twice"
    assert set(range(300, 400)) <= set(seen), "it was asked again when it was back"


async def read_head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""
