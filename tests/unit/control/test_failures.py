"""What nobody handled is one line; what the network does is none."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator

import pytest

from edgeproxy.control.failures import watch_failures


@pytest.fixture(autouse=True)
def hook_is_put_back() -> Iterator[None]:
    before = sys.unraisablehook
    yield
    sys.unraisablehook = before


async def test_an_error_in_a_callback_is_counted_and_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    counted: list[None] = []
    loop = asyncio.get_running_loop()
    watch_failures(loop, lambda: counted.append(None))

    def fail() -> None:
        raise ZeroDivisionError("a fault")

    loop.call_soon(fail)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(counted) == 1
    assert lines[0].startswith("edgeproxy: unexpected: ")
    assert "ZeroDivisionError: a fault at " in lines[0]
    assert lines[0].endswith("in fail")


async def test_what_happens_to_connections_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    counted: list[None] = []
    loop = asyncio.get_running_loop()
    watch_failures(loop, lambda: counted.append(None))
    for error in (ConnectionResetError(), TimeoutError("SSL shutdown timed out"), BrokenPipeError()):
        loop.call_exception_handler({"message": "Fatal error on transport", "exception": error})
    assert (counted, capsys.readouterr().err) == ([], "")
