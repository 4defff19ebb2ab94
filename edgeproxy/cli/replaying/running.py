"""A replay from the first request to the last answer: reads clocks, sends, watches, and gives what it came to."""

from __future__ import annotations

import asyncio
import gc
import resource
import signal
from argparse import Namespace
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from random import Random

import uvloop

from edgeproxy.cli.replaying import progress
from edgeproxy.cli.replaying.arguments import RECORDING, pace_of, settings_of
from edgeproxy.cli.replaying.comparing import Comparer, comparer
from edgeproxy.cli.replaying.purging import purge
from replay.comparing.kinds import Kinds
from replay.comparing.pairing import Part
from replay.comparing.recorded import AgainstRecording
from replay.planned import Planned
from replay.preparing import Prepared
from replay.report.facts import Comparison, Read, Report, Side, Warm
from replay.schedule.pacing import schedule
from replay.schedule.warmth import Warmth
from replay.sending.run import Run
from replay.sending.sender import Sender
from replay.sending.serial import EVERY, CannotTell, ask_serial
from replay.sending.target import Target


@dataclass(frozen=True, slots=True)
class Targets:
    """`against`: the one whose answers the others are compared with, by `kinds`. `is_kept`: whether an edge may keep
    the answer.
    """

    to: Target
    against: Target | None
    kinds: Kinds
    is_kept: Callable[[Planned], bool]


@dataclass(slots=True)
class _Ran:
    run: Run
    senders: list[Sender]
    comparison: Comparison | None
    is_whole: bool


def replay(args: Namespace, prepared: Prepared, by: str, targets: Targets) -> Report:
    """Raises CannotTell: what is to tell of writes says nothing; CannotCompare."""
    pace, told = pace_of(args)
    purged = purge(args, targets.to, prepared.shelf) if args.purge_first else ""
    planned = schedule(lambda: prepared.shelf, pace, loops=args.loop, longest=args.longest)
    warmth = None if args.hit_ratio is None else Warmth(args.hit_ratio, Random(args.seed), targets.is_kept)
    if warmth is not None:
        planned = warmth.held(planned, iter(prepared.shelf))
    report = sent(args, planned, read_of(args, prepared, by), told, targets)
    report.warmth = "; ".join(each for each in (purged, _told(warmth)) if each)
    if warmth is not None:
        report.warm = _warm(args, warmth, prepared.chosen)
    return report


def _warm(args: Namespace, warmth: Warmth, chosen: int) -> Warm:
    """All times of the schedule are known where it ends with the recording."""
    unfilled: int | None = 0
    if warmth.is_exhausted:
        is_known = args.loop and args.longest is None
        unfilled = chosen * args.loop - warmth.hits - warmth.misses if is_known else None
    return Warm(args.hit_ratio, warmth.hits, warmth.misses, unfilled, warmth.left_out)


def sent(args: Namespace, planned: Iterable[Planned], read: Read, pace: str, targets: Targets) -> Report:
    """Whatever the requests were made of. Raises as `replay` does."""
    _let_open(args.connections * 3 + 100)
    gc.collect()
    gc.freeze()  # PERF: what was read stays, and is not to be walked again while requests are due
    ran = uvloop.run(_run(args, planned, targets))
    sides = [Side(str(sender.target), sender.outcome) for sender in ran.senders]
    return Report(read, pace, sides, comparison=ran.comparison, is_whole=ran.is_whole, late_at_most=args.late_at_most)


def _told(warmth: Warmth | None) -> str:
    if warmth is None:
        return ""
    words = f"{warmth.hits:,} were asked before, {warmth.misses:,} were not"
    if warmth.left_out:
        words += f", {warmth.left_out:,} were left out, which no cache keeps, or which may be either"
    return words + ("; it ended when none was left that had not been asked" if warmth.is_exhausted else "")


def read_of(args: Namespace, prepared: Prepared, by: str) -> Read:
    shelf = prepared.shelf
    return Read(
        files=[str(path) for path in args.files],
        seen=prepared.seen,
        chosen=len(shelf),
        lanes=shelf.lanes,
        first=shelf.first if len(shelf) else None,
        last=shelf.last if len(shelf) else None,
        refused=prepared.refused,
        refused_shapes=prepared.refused_shapes,
        broken=prepared.broken,
        by=by,
    )


async def _run(args: Namespace, planned: Iterable[Planned], targets: Targets) -> _Ran:
    run = Run(planned, settings_of(args))
    if targets.against is not None:
        async with comparer(targets.kinds, args.spool, args.noise, args.seed) as compared:
            senders = _two(args, run, targets.to, targets.against, compared)
            is_whole = await _watched(args, run, senders[0], lambda: compared.told)
            return _Ran(run, senders, await compared.end(str(targets.against)), is_whole)
    recorded = AgainstRecording() if args.against == RECORDING else None
    sender = run.add(targets.to, listener=recorded, writes_header=args.writes_header)
    is_whole = await _watched(args, run, sender, lambda: "")
    return _Ran(run, [sender], None if recorded is None else recorded.comparison, is_whole)


def _two(args: Namespace, run: Run, to: Target, against: Target, compared: Comparer) -> list[Sender]:
    """And, where noise is to be known, the second one once more, for some: which, is to be known before all others."""
    pairing = compared.pairing
    if args.noise:
        run.add(
            against,
            listener=pairing.listener(Part.AGAIN),
            budget=compared.budget,
            writes_header=args.writes_header,
            only=compared.is_twice,
        )
    return [
        run.add(target, listener=pairing.listener(part), budget=compared.budget, writes_header=args.writes_header)
        for target, part in ((to, Part.NEW), (against, Part.OLD))
    ]


async def _watched(args: Namespace, run: Run, shown: Sender, more: progress.More) -> bool:
    """Whether it came to its end."""
    async with _watching(args, run, shown, more) as stopped:
        await run.go()
    return not stopped.is_set() and not run.writes


@asynccontextmanager
async def _watching(args: Namespace, run: Run, shown: Sender, more: progress.More) -> AsyncIterator[asyncio.Event]:
    """Gives what says that it was stopped."""
    stopped = _stopping(run)
    serial = None if args.writes_url is None else await _serial(args)
    tasks = [] if args.quiet else [asyncio.create_task(progress.show(run, shown.outcome, more))]
    if serial is not None:
        tasks.append(asyncio.create_task(_watch(args, run, serial)))
    try:
        yield stopped
        if serial is not None:
            await _look(args, run, serial)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        progress.end()
        for outcome in run.outcomes:
            outcome.writes = run.writes


def _stopping(run: Run) -> asyncio.Event:
    """Ctrl-C once ends it, with what there is; twice, at once."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()

    def stop() -> None:
        stopped.set()
        run.stop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    return stopped


# -- a page that tells of writes ------------------------------------------------------------------------------------


async def _serial(args: Namespace) -> str:
    target, path = args.writes_url
    return await ask_serial(target, path, target.authority)


async def _watch(args: Namespace, run: Run, before: str) -> None:
    while True:
        await asyncio.sleep(EVERY)
        with suppress(CannotTell):  # it is asked again, and after the run it has to answer
            await _look(args, run, before)


async def _look(args: Namespace, run: Run, before: str) -> None:
    now = await _serial(args)
    if now != before:
        target, path = args.writes_url
        run.fail(f"{target}{path} said {before!r} before, and says {now!r} now")


def _let_open(files: int) -> None:
    """So many files at once, as far as that is allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = files if hard == resource.RLIM_INFINITY else min(files, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
