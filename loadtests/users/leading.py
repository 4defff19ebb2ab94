"""The master's part: deals arrivals out to workers, again whenever one comes or goes; purges when the profile says so;
knows when all is done, and tells what became of it.

On one machine without workers Locust's local runner is master and worker in one: it is told, and tells, the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

import gevent

from edgeproxy.control.control_client import CannotAsk, ask
from loadtests.users.dealing import LEAD, dealt, words_of
from loadtests.users.ending import Ending
from loadtests.users.open_loop import LATE, Work
from loadtests.users.profiles import Purge
from loadtests.users.purging import command_of, moments

DEAL: Final = "edgeproxy-deal"  # a message
LOCAL: Final = "local"
PURGE: Final = "PURGE"
_LOOK_EVERY: Final = 0.2  # seconds
_GRACE: Final = 60.0  # seconds for what is under way when the last arrival has come


@dataclass(frozen=True, slots=True)
class Storm:
    """What is purged, of the index at that URL, at the edge that listens at `control`."""

    purges: Sequence[Purge]
    index: str
    control: Path


class Leader:
    """`runner`: Locust's, of a master or a local one. `local`: what a local one's users tell. `names`: of projects,
    which workers are told with each deal. `schedule`: anew at each call. `seconds`: after which nothing more arrives;
    None: as long as there is any.
    """

    def __init__(
        self,
        runner: Any,
        local: Callable[[], Any],
        schedule: Callable[[], Iterator[Work]],
        names: Sequence[str],
        seconds: float | None,
        storm: Storm | None = None,
    ) -> None:
        self._runner = runner
        self._local = local
        self._schedule = schedule
        self._names = names
        self._seconds = seconds
        self._storm = storm
        self._running: list[Any] = []
        # Of one run
        self._began: float | None = None
        self._dealt: frozenset[str] = frozenset()
        self._heard: dict[str, Mapping[str, Any]] = {}  # of each worker, what it told last
        self._lost: set[str] = set()
        self._back: set[str] = set()  # of those

    # -- for Locust ---------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """All users are there."""
        if not self._running:
            self._running.append(gevent.spawn(self._watch))

    def reset(self) -> None:
        """Another run is to come."""
        self.stop()
        self._began, self._dealt = None, frozenset()
        self._heard.clear()
        self._lost.clear()
        self._back.clear()

    def hear(self, worker: str, progress: Mapping[str, Any]) -> None:
        self._heard[worker] = progress

    def stop(self) -> None:
        for each in self._running:
            each.kill(block=False)
        self._running.clear()

    @property
    def is_over(self) -> bool:
        if self._began is None:
            return False
        if self._seconds is not None and self.elapsed() > self._seconds + _GRACE:
            return True
        told = self._told()
        return bool(self._dealt) and all(told.get(each, {}).get("is_idle") for each in self._dealt)

    def elapsed(self) -> float:
        return 0.0 if self._began is None else time.monotonic() - self._began

    def close(self) -> Iterator[str]:
        """The run is over: what became of its arrivals. What nobody took, or two, is an error of it."""
        ending = Ending(self._due(), self._told(), self._gone(), frozenset(self._back))
        self.stop()
        yield ending.summary()
        for error in ending.errors():
            self._runner.stats.log_error(LATE, "arrivals", error)
            yield error
        yield from ending.notes()

    def _gone(self) -> frozenset[str]:
        """Those that are missing when all of them are, too: of the last one nobody deals anew."""
        missing = getattr(getattr(self._runner, "clients", None), "missing", ())
        return frozenset((self._lost - self._back) | ({each.id for each in missing} & self._dealt))

    def _due(self) -> int:
        until = self.elapsed()
        return sum(1 for _ in takewhile(lambda work: work.at <= until, self._schedule()))

    # -- steps ------------------------------------------------------------------------------------------------------

    def _told(self) -> Mapping[str, Mapping[str, Any]]:
        local = self._local()
        return self._heard if local is None else {LOCAL: local}

    def _watch(self) -> None:
        while not self._all_run():
            gevent.sleep(_LOOK_EVERY)
        self._began = time.monotonic() + LEAD
        self._deal(0.0)
        if self._storm is not None:
            self._running += [gevent.spawn(self._purge, each, self._storm) for each in self._storm.purges]
        while True:
            gevent.sleep(_LOOK_EVERY)
            self._give_users()
            there = self._there()
            if there and there != self._dealt:
                self._lost |= self._dealt - there
                self._back |= self._lost & there
                self._deal(self.elapsed() + LEAD)

    def _all_run(self) -> bool:
        """No worker is still about to begin its users."""
        return bool(self._there()) and not getattr(getattr(self._runner, "clients", None), "spawning", ())

    def _give_users(self) -> None:
        """To a worker that came while Locust gave some to another: it has forgotten this one."""
        runner = self._runner
        waiting = getattr(getattr(runner, "clients", None), "ready", ())
        if waiting and runner.state == "running":
            runner.start(runner.target_user_count, runner.spawn_rate)

    def _there(self) -> frozenset[str]:
        """Workers that run users; those that are given some more are among them."""
        clients = getattr(self._runner, "clients", None)
        if clients is None:
            return frozenset((LOCAL,))
        running = {each.id for each in clients.running}
        return frozenset(running | ({each.id for each in clients.spawning} & self._dealt))

    def _deal(self, begins: float) -> None:
        there = self._there()
        for worker, deal in dealt(sorted(there), begins).items():
            message = {**words_of(deal, self.elapsed()), "names": list(self._names)}
            if worker == LOCAL:
                self._runner.send_message(DEAL, message)
            else:
                self._runner.send_message(DEAL, message, worker)
        self._dealt = there

    def _purge(self, purge: Purge, storm: Storm) -> None:
        for number, at in enumerate(moments(purge)):
            gevent.sleep(max(at - self.elapsed(), 0))
            began = time.monotonic()
            try:
                list(ask(storm.control, [command_of(purge, storm.index, self._names, number)]))
            except CannotAsk as error:
                self._runner.stats.log_error(PURGE, purge.what.value, str(error))
            else:
                entry = self._runner.stats.get(purge.what.value, PURGE)
                entry.log((time.monotonic() - began) * 1_000, 0)
