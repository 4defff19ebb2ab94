"""One worker: an edge on its own uvloop, from its first address to its last exchange."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import uvloop

from edgeproxy.proxy.edge import Edge
from edgeproxy.ruleset.model import Address, DirectoryBackend, Files, Ruleset
from edgeproxy.telemetry.access_log import AccessLog


class CannotRun(Exception):
    """The edge cannot start; the message says what is missing and what to do."""


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """`grace`: seconds that running exchanges get when the worker is told to stop."""

    grace: float = 30.0
    access_log: Path | None = None


def run_worker(ruleset: Ruleset, options: WorkerOptions, on_ready: Callable[[tuple[Address, ...]], None]) -> None:
    """Serve until SIGTERM or SIGINT; a second signal breaks off what still runs. Raises CannotRun, CannotListen."""
    _check_directories(ruleset)
    _raise_descriptor_limit()
    uvloop.run(_serve(ruleset, options, on_ready))


async def _serve(ruleset: Ruleset, options: WorkerOptions, on_ready: Callable[[tuple[Address, ...]], None]) -> None:
    told_to_stop, told_to_hurry = asyncio.Event(), asyncio.Event()

    def on_signal() -> None:
        (told_to_hurry if told_to_stop.is_set() else told_to_stop).set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    with contextlib.ExitStack() as stack:
        log = None if options.access_log is None else stack.enter_context(options.access_log.open("a"))
        edge = Edge(ruleset, ruleset.limits, None if log is None else AccessLog(log))
        on_ready(await edge.start())
        await told_to_stop.wait()
        stopping = asyncio.create_task(edge.stop(options.grace))
        hurry = asyncio.create_task(told_to_hurry.wait())
        await asyncio.wait((stopping, hurry), return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        if not stopping.done():
            stopping.cancel()
            await asyncio.wait((stopping,))
            await edge.stop(0)


def _check_directories(ruleset: Ruleset) -> None:
    backends = [(b.name, b.directory) for b in ruleset.backends if isinstance(b, DirectoryBackend)]
    files = [(rule.name, rule.action.directory) for rule in ruleset.rules if isinstance(rule.action, Files)]
    for name, directory in backends + files:
        if not directory.is_dir():
            raise CannotRun(f"{name}: {directory} is not a directory: create it, or name another in the rule file")


def _raise_descriptor_limit() -> None:
    """Two descriptors an exchange, and a limit of connections that the usual soft limit of 1024 would undercut."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
