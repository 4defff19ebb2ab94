"""One worker's share of the load: waits for each of its arrivals, and hands it to a user that is free.

Laws of this module:
- an arrival is handed out when it is due, whatever became of those before it; one that finds nobody free waits, and how
  late it begins is a row of its own in Locust's table (LATE), with its percentiles;
- one that has waited for longer than the patience is not begun, and that is a failure;
- lateness is in no total: a row LATE is not a request.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol

import gevent
from gevent.event import Event
from gevent.queue import Empty, Queue

from loadtests.users.dealing import Deal, Deals

LATE: Final = "LATE"
CORRECTED: Final = "FROM DUE"  # what a request took since it was due, not since it was sent
_SOON: Final = 0.5  # seconds
_TURN: Final = 32  # arrivals that are looked at, after which others have their turn


class Work(Protocol):
    """`at`: due, in seconds since the beginning. `number`: by which it is dealt."""

    @property
    def at(self) -> float: ...
    @property
    def number(self) -> int: ...


@dataclass(slots=True)
class Progress:
    """Counts. `taken`: of this worker's; `begun` or `left` is what became of each, once it does not wait any more."""

    taken: int = 0
    begun: int = 0
    left: int = 0
    done: int = 0
    resent: int = 0
    is_over: bool = False  # the schedule has nothing more

    @property
    def is_idle(self) -> bool:
        return self.is_over and self.taken == self.left + self.done

    def words(self) -> dict[str, Any]:
        return asdict(self) | {"is_idle": self.is_idle}


class OpenLoop:
    """`stats`: Locust's. `patience` in seconds."""

    def __init__(self, stats: Any, schedule: Iterator[Work], name: str, patience: float) -> None:
        self.progress = Progress()
        self._stats = stats
        self._schedule = schedule
        self._name = name
        self._patience = patience
        self._deals = Deals()
        self._is_dealt = Event()
        self._began = 0.0
        self._seen = 0.0
        self._ready: Queue[Any] = Queue()
        self._running: Any = None

    def start(self) -> None:
        self._running = gevent.spawn(self._run)
        self._running.link_exception(_raise)

    def stop(self) -> None:
        if self._running is not None:
            self._running.kill()

    def deal(self, deal: Deal, elapsed: float) -> None:
        """What it is to take from now on. The beginning is where the first one says that it was."""
        if not self._is_dealt.is_set():
            self._began = time.monotonic() - elapsed
        if not self._deals.add(deal, self._seen):
            self._stats.log_error(LATE, self._name, "a deal came late: some arrivals were taken twice or by nobody")
        self._is_dealt.set()

    def elapsed(self) -> float:
        return time.monotonic() - self._began

    def take(self) -> Any:
        """For a user: the next one, begun now; None, if none came soon."""
        work = self.next()
        return work if work is not None and self.begin(work.at) else None

    def next(self) -> Any:
        """One that is not begun yet; None, if none came soon: the user may have to stop."""
        try:
            return self._ready.get(timeout=_SOON)
        except Empty:
            return None

    def begin(self, at: float) -> bool:
        """Note how late it is. False: too late."""
        late = self.elapsed() - at
        if late > self._patience:
            self.progress.left += 1
            self._stats.log_error(LATE, self._name, f"not begun: no user was free for {self._patience:g} s")
            return False
        self.progress.begun += 1
        self._stats.get(self._name, LATE).log(late * 1_000, 0)
        return True

    def corrected(self, at: float) -> None:
        self._stats.get(self._name, CORRECTED).log((self.elapsed() - at) * 1_000, 0)

    def _run(self) -> None:
        self._is_dealt.wait()
        for number, work in enumerate(self._schedule):
            wait = work.at - self.elapsed()
            if wait > 0 or not number % _TURN:
                gevent.sleep(max(wait, 0))
            self._seen = work.at
            if self._deals.is_mine(work.number, work.at):
                self.progress.taken += 1
                self._ready.put(work)
        self.progress.is_over = True


def _raise(greenlet: Any) -> None:
    """A schedule that cannot be read on is no end of it: Locust tells it, and its exit status is 2."""
    gevent.get_hub().handle_error(greenlet, *greenlet.exc_info)
