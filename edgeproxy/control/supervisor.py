"""The supervisor: owns the listening sockets, keeps one worker for each core, and changes them without a gap.

Laws of this module:
- a worker is replaced as soon as it is known to be gone, hung or leaving; one that dies young, ever more slowly;
- a change (reload, upgrade) starts everything new first and ends the old only when all of the new is ready, or not
  at all: then the old goes on as if nothing had been asked;
- nothing here touches a request: while the supervisor is busy or gone, workers serve.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, assert_never

from edgeproxy.control.aside import aside, leave_aside
from edgeproxy.control.child import Child, all_ready
from edgeproxy.control.control_socket import ControlSocket
from edgeproxy.control.failures import CannotRun
from edgeproxy.control.messages import Numbers
from edgeproxy.control.orders import Order, Orders
from edgeproxy.control.pid_file import PidFile
from edgeproxy.control.reading import read_again
from edgeproxy.control.report import Ending, Endings, print_report
from edgeproxy.control.restarts import Attention, Restarts
from edgeproxy.control.services import Services
from edgeproxy.control.sockets import Offer, Sockets
from edgeproxy.control.start import RuleText, Start
from edgeproxy.control.upgrade import start_next
from edgeproxy.proxy.listening import CannotListen
from edgeproxy.ruleset.listeners import Listener
from edgeproxy.ruleset.model import Ruleset
from edgeproxy.ruleset.problems import RuleFileError
from edgeproxy.telemetry.stderr import tell

_READY_WITHIN: Final = 60.0  # seconds from a worker's start
_TELL_WITHIN: Final = 1.0  # seconds in which workers say how many exchanges run
_END_WITHIN: Final = 5.0  # seconds that a worker gets beyond its grace, or after it was told to hurry


@dataclass(frozen=True, slots=True)
class Options:
    """`grace`: seconds that running exchanges get; `hang_after`: seconds of silence after which a worker hangs."""

    workers: int
    grace: float = 30.0
    hang_after: float = 10.0
    access_log: Path | None = None
    pid_file: Path | None = None
    control: Path | None = None
    state: Path | None = None  # directory
    nodes: str | None = None  # URL of the store of cutovers that several nodes share


def supervise(
    rules: RuleText,
    ruleset: Ruleset,
    options: Options,
    offer: Offer | None,
    on_ready: Callable[[tuple[Listener, ...]], None],
) -> None:
    """Serve until SIGTERM or SIGINT; a second one breaks off what still runs. Raises CannotRun, CannotListen."""
    asyncio.run(Supervisor(rules, ruleset, options, offer, on_ready).run())
    leave_aside()


class Supervisor:
    def __init__(
        self,
        rules: RuleText,
        ruleset: Ruleset,
        options: Options,
        offer: Offer | None,
        on_ready: Callable[[tuple[Listener, ...]], None],
    ) -> None:
        # For the process's life
        self._options = options
        self._offer = offer
        self._say_ready = on_ready
        # An upgrade is started by the edge before
        pid_file, predecessor = options.pid_file, None if offer is None else os.getppid()
        self._pid_file = None if pid_file is None else PidFile(pid_file, predecessor)
        self._sockets = Sockets(options.workers, offer)
        self._services = Services(
            *(options.state, options.nodes, options.workers, offer),
            rules=lambda: self._ruleset,
            children=lambda: self._children,
            numbers=self._numbers,
        )
        self._control = None if options.control is None else ControlSocket(options.control, self._services.commands)
        self._restarts = [Restarts() for _ in range(options.workers)]
        self._attention = Attention(options.hang_after, time.monotonic())
        self._orders = Orders()
        self._tasks: set[asyncio.Task[None]] = set()
        self._told_to_stop = asyncio.Event()
        self._told_to_hurry = asyncio.Event()
        self._is_stopping = False
        self._is_succeeded = False  # by the edge of an upgrade
        self._endings = Endings()
        self._broken_off = 0  # exchanges, since it was told to stop
        # For one ruleset
        self._rules = rules
        self._ruleset = ruleset
        self._serving: list[Child | None] = [None] * options.workers
        # For one worker
        self._children: set[Child] = set()  # those that drain, too
        self._no_children = asyncio.Event()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_stop_signal)
        self._orders.listen()
        try:
            await self._begin()
            await self._told_to_stop.wait()
        finally:
            await self._stop()

    # -- from the start to the end ------------------------------------------------------------------------------

    async def _begin(self) -> None:
        if self._pid_file is not None:
            self._pid_file.check()
        if self._control is not None:
            self._control.bind(is_successor=self._offer is not None)
        self._sockets.open(self._ruleset.listen)
        await self._services.open()
        started = asyncio.ensure_future(self._start_workers(self._rules, self._ruleset))
        stop = asyncio.ensure_future(self._told_to_stop.wait())
        await asyncio.wait((started, stop), return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not started.done():
            started.cancel()
            return
        self._serve_with(await started)
        if self._pid_file is not None:
            self._pid_file.write()
        if self._control is not None:
            self._control.serve()
        addresses = self._sockets.addresses(self._ruleset.listen)
        self._say_ready(
            tuple(replace(each, address=at) for each, at in zip(self._ruleset.listen, addresses, strict=True))
        )
        if self._offer is not None:
            self._offer.accept()
            self._sockets.take()
            self._keep_only(self._ruleset)  # the edge before may have had other rules
        self._keep(self._orders.follow(self._follow))
        self._keep(self._watch())
        for work in self._services.work():
            self._keep(work)

    async def _stop(self) -> None:
        self._is_stopping = True
        for task in list(self._tasks):
            task.cancel()
        # Who connects from now on is to be refused at once. Workers accept what is queued, and let go of theirs.
        self._sockets.close()
        if self._control is not None:
            self._control.close()
        for child in self._children:
            child.drain(self._options.grace, is_final=not self._is_succeeded)
        if self._children:
            telling = asyncio.ensure_future(self._tell_what_runs(list(self._children)))
            await self._until_all_have_ended()
            telling.cancel()
            if self._broken_off:
                why = (
                    "by a second signal"
                    if self._told_to_hurry.is_set()
                    else f"after {self._options.grace:g} s (--grace)"
                )
                tell(f"stopping: {_exchanges(self._broken_off)} broken off {why}")
        await self._services.close(is_succeeded=self._is_succeeded)
        if self._pid_file is not None:
            self._pid_file.remove()

    async def _until_all_have_ended(self) -> None:
        hurry = asyncio.ensure_future(self._told_to_hurry.wait())
        ended = asyncio.ensure_future(self._no_children.wait())
        limit = self._options.grace + _END_WITHIN
        await asyncio.wait((hurry, ended), timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        for child in self._children:
            child.hurry()
        await asyncio.wait((ended,), timeout=_END_WITHIN)
        for child in self._children:
            child.kill()
        await ended

    async def _tell_what_runs(self, children: list[Child]) -> None:
        """As soon as all have said it. One that hangs keeps nobody from hearing of the others."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_TELL_WITHIN):
                await asyncio.gather(*(child.draining.wait() for child in children))
        running = sum(child.running for child in children)
        if running:
            tell(f"stopping: {_exchanges(running)} running, at most {self._options.grace:g} s")

    def _on_stop_signal(self) -> None:
        (self._told_to_hurry if self._told_to_stop.is_set() else self._told_to_stop).set()

    # -- workers ------------------------------------------------------------------------------------------------

    async def _start_workers(self, rules: RuleText, ruleset: Ruleset) -> list[Child]:
        """One for each slot, all ready. Raises CannotRun, OSError when one is not; then the others go again."""
        children: list[Child] = []
        try:
            for number in range(self._options.workers):
                child = await self._start_worker(rules, ruleset, number)
                children.append(child)
            await all_ready(children, _READY_WITHIN)
        except BaseException:  # a stop, too: whoever was started would serve these rules for ever
            for child in children:
                child.drain(self._options.grace)
                if not child.ready.done():
                    child.kill()
            raise
        return children

    async def _start_worker(self, rules: RuleText, ruleset: Ruleset, number: int) -> Child:
        options = self._options
        start = Start(
            rules=rules,
            sockets=self._sockets.of_worker(ruleset.listen, number),
            access_log=options.access_log,
            grace=options.grace,
            beat=min(1.0, options.hang_after / 5),
        )
        child = self._services.new_child(number, start, ruleset, self._on_leaving, self._on_ended)
        self._children.add(child)
        self._no_children.clear()
        try:
            await asyncio.shield(child.open())  # whatever stops this task, the worker can be told to end
        except OSError:
            child.kill()  # nothing can be said to it
            raise
        return child

    def _serve_with(self, children: list[Child]) -> None:
        """Let these take over from those that serve."""
        before = list(self._serving)
        for child in children:
            self._put(child)
        for old in before:
            if old is not None:
                old.drain(self._options.grace)

    def _put(self, child: Child) -> None:
        self._serving[child.number] = child
        if child.has_ended or child.is_leaving:  # since it was started, when it was nobody's loss
            self._replace(child, Ending.DIED)

    def _on_leaving(self, child: Child) -> None:
        if self._serving[child.number] is child:
            tell(f"worker {child.pid} was told to end: another one takes its place")
            self._replace(child, Ending.LEFT)

    def _on_ended(self, child: Child) -> None:
        self._children.discard(child)
        self._endings.close(child)
        if self._is_stopping:
            self._broken_off += child.broken_off
        if not self._children:
            self._no_children.set()
        if self._serving[child.number] is child and not self._is_stopping:
            if not child.is_hung:
                tell(f"worker {child.pid} {child.how_it_ended()}: it is replaced")
            self._replace(child, Ending.HUNG if child.is_hung else Ending.DIED)

    def _replace(self, child: Child, ending: Ending) -> None:
        self._serving[child.number] = None
        self._endings.replaced[ending] += 1
        if not self._is_stopping:
            pause = self._restarts[child.number].pause_after(time.monotonic() - child.began)
            self._keep(self._start_successor(child.number, pause))

    async def _start_successor(self, number: int, pause: float) -> None:
        await asyncio.sleep(pause)
        while self._serving[number] is None:  # a reload may have been faster
            try:
                child = await self._start_worker(self._rules, self._ruleset, number)
            except OSError as error:  # no process, no memory, no descriptor left
                tell(f"a worker cannot be started: {error.strerror}")
                await asyncio.sleep(self._restarts[number].pause_after(0.0))
                continue
            if self._serving[number] is None:
                self._put(child)
            else:
                child.drain(0)
            return

    async def _watch(self) -> None:
        """Notice workers that hang, those that drain included, and those that never get ready."""
        limit = self._options.hang_after
        while True:
            await asyncio.sleep(min(1.0, limit / 5))
            now = time.monotonic()
            self._attention.look(now)
            for child in self._children:
                silent = self._attention.is_hung(child.heard) if child.is_ready else now - child.began > _READY_WITHIN
                if silent and not child.is_hung:
                    tell(f"worker {child.pid} has been silent for {now - child.heard:.1f} s: it is killed and replaced")
                    child.kill_hung()

    # -- orders -------------------------------------------------------------------------------------------------

    async def _follow(self, order: Order) -> None:
        match order:
            case Order.RELOAD:
                await self._reload()
            case Order.UPGRADE:
                await self._upgrade()
            case Order.REPORT:
                await self._report()
            case _:
                assert_never(order)

    async def _reload(self) -> None:
        """Read, check, compile, start new workers, and let them take over; or keep all as it is and say why."""
        before = self._ruleset
        try:
            # Many rules take seconds to check: meanwhile signals and workers are heard all the same.
            rules, ruleset = await aside(lambda: read_again(self._rules))
            self._sockets.open(ruleset.listen)
            children = await self._start_workers(rules, ruleset)
        except (RuleFileError, CannotRun, CannotListen, OSError) as error:
            self._keep_only(before)
            tell(f"{error}\nthe rules are not reloaded: generation {before.generation} stays in use")
            return
        self._rules, self._ruleset = rules, ruleset
        old = [child for child in self._serving if child is not None]
        self._serve_with(children)
        self._keep_only(ruleset)
        await self._services.reload()
        with suppress(TimeoutError):
            async with asyncio.timeout(_END_WITHIN):
                await asyncio.gather(*(child.draining.wait() for child in old))
        tell(f"generation {ruleset.generation} of {rules.path} is in use")

    async def _upgrade(self) -> None:
        """Start the program anew, give it the sockets, and leave when it is ready."""
        failure = await start_next(self._make_offer)
        if failure is None:
            self._sockets.give()
            self._is_succeeded = True
            tell("another edge has taken over: this one drains and ends")
            self._told_to_stop.set()
        else:
            self._services.take_back()
            tell(f"the edge is not upgraded: {failure}: this one goes on")

    def _make_offer(self, ready: int) -> Offer:
        return self._services.offered(self._sockets.offer(ready))

    def _keep_only(self, ruleset: Ruleset) -> None:
        """What these rules need: the rest was for others."""
        self._sockets.keep_only(ruleset.listen)
        self._services.keep_only(ruleset)

    async def _numbers(self) -> Numbers:
        """What all workers have counted, those that have ended included; of one that hangs, what it last said."""
        asked = [asyncio.ensure_future(child.count()) for child in self._children]
        if asked:
            await asyncio.wait(asked, timeout=_TELL_WITHIN)
        return self._endings.numbers(self._children)

    async def _report(self) -> None:
        await asyncio.gather(*(child.count() for child in self._children))
        serving = [child for child in self._serving if child is not None]
        print_report(self._endings.report(self._ruleset.generation, serving, self._children))

    def _keep(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _exchanges(number: int) -> str:
    return "1 exchange is" if number == 1 else f"{number} exchanges are"
