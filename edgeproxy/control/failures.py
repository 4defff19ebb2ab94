"""What can go wrong beside the exchanges, and how it is told: one line, never a traceback that a client can cause."""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Callable
from typing import Any

from edgeproxy.telemetry.stderr import tell


class CannotRun(Exception):
    """The edge cannot start; the message says what is missing and what to do."""


def watch_failures(loop: asyncio.AbstractEventLoop, on_unexpected: Callable[[], None]) -> None:
    """Count and tell what nobody handled. Resets, timeouts and the like are the network's, and are let be."""

    def report(what: str, error: BaseException | None) -> None:
        if not isinstance(error, OSError):
            on_unexpected()
            tell(f"unexpected: {what}{_where(error)}")

    def on_loop_failure(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        report(str(context.get("message", "")), context.get("exception"))

    def on_unraisable(unraisable: Any) -> None:
        # `ssl` decodes the server name of a client's hello where it cannot raise: that client's fault
        if not isinstance(unraisable.exc_value, UnicodeError):
            report(unraisable.err_msg or "in a callback", unraisable.exc_value)

    loop.set_exception_handler(on_loop_failure)
    sys.unraisablehook = on_unraisable


def _where(error: BaseException | None) -> str:
    if error is None:
        return ""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename}:{frames[-1].lineno} in {frames[-1].name}" if frames else ""
    return f": {type(error).__name__}: {error}{place}"
