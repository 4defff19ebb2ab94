"""The run: one origin, then in every round every case on every proxy, each freshly started.

Laws:
- rounds are interleaved and their order rotates: what changes on the machine meanwhile meets every proxy;
- CPU time is read right before and right after the load, which follows a warm-up and the rest that each proxy needs
  after it: what is written behind (to a disk, to a log) for the warm-up is not the load's;
- where the cache is measured, all was asked for before, and the origin tells what of the load reached it;
- a proxy that fails is a result with a reason; the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, assert_never

from loadtests.bench.cases import HOST, Case, CpuTime, IdleMemory
from loadtests.bench.certificate import Certificate, make_certificate
from loadtests.bench.counting import command_of_counting, count_at
from loadtests.bench.cpu import cpu_seconds, settle
from loadtests.bench.figures import Failed, Held, Measured, Result, Worked, order_of
from loadtests.bench.idle import hold
from loadtests.bench.load import Door, Driver, Load, LoadFailed, answers_well, fault_of, fault_of_cache, fills
from loadtests.bench.memory import memory_of
from loadtests.bench.origin import prepare_nginx, prepare_own, write_store
from loadtests.bench.processes import CannotStart, free_port, running, wait_until_it_answers
from loadtests.bench.proxies import Nginx, exclusion_of
from loadtests.bench.site import Proxy, Site

_WARM_UP_SECONDS: Final = 1

Results = Mapping[str, Mapping[str, Sequence[Result]]]  # by case, by proxy, in the order of the rounds


@dataclass(frozen=True, slots=True)
class Plan:
    cases: tuple[Case, ...]
    proxies: tuple[Proxy, ...]
    rounds: int
    seconds: int

    def takers(self, case: Case) -> tuple[Proxy, ...]:
        return tuple(proxy for proxy in self.proxies if exclusion_of(proxy, case) is None)


@dataclass(frozen=True, slots=True)
class Stand:
    """What stays the same for a whole run."""

    directory: Path
    store: Path
    origin: int
    counting: int  # the origin of cached cases
    driver: Driver
    certificate: Certificate | None  # made when a case wants one


def origin_name() -> str:
    nginx = Nginx()
    return f"nginx {nginx.version()}" if nginx.is_installed() else "loadtests.bench.origin (no nginx here)"


def run_all(plan: Plan, driver: Driver, told: Callable[[str], None]) -> Results:
    """Raises CannotStart when the origin does not come up."""
    results: dict[str, dict[str, list[Result]]] = {
        case.name: {proxy.name: [] for proxy in plan.takers(case)} for case in plan.cases
    }
    by_name = {proxy.name: proxy for proxy in plan.proxies}
    with standing(plan, driver) as stand:
        for number in range(plan.rounds):
            for case in plan.cases:
                for name in order_of(tuple(results[case.name]), number):
                    told(f"round {number + 1}/{plan.rounds}  {case.name}  {name}")
                    results[case.name][name].append(_measure(by_name[name], case, stand, plan.seconds))
    return results


@contextmanager
def standing(plan: Plan, driver: Driver) -> Iterator[Stand]:
    directory = driver.directory
    store = directory / "store"
    store.mkdir()
    write_store(store, plan.cases)
    certificate = make_certificate(directory, HOST) if any(case.tls for case in plan.cases) else None
    site = Site(own_directory(directory, "origin"), store, 0, free_port())
    command = prepare_nginx(site) if Nginx().is_installed() else prepare_own(site)
    passed = tuple(case for case in plan.cases if not case.cached)
    cached = tuple(case for case in plan.cases if case.cached)
    counting = free_port()
    with ExitStack() as origins:
        if passed:
            origins.enter_context(_origin(command, site.directory / "log", passed, site.port))
        if cached:
            log = site.directory / "counting.log"
            origins.enter_context(_origin(command_of_counting(counting), log, cached, counting))
        yield Stand(directory, store, site.port, counting, driver, certificate)


@contextmanager
def _origin(command: Sequence[str], log: Path, cases: Sequence[Case], port: int) -> Iterator[None]:
    with running(command, log) as process:
        for case in cases:
            wait_until_it_answers(process, partial(answers_well, replace(case, validated=False), Door(port)), log)
        yield


def own_directory(directory: Path, name: str) -> Path:
    own = directory / name
    own.mkdir(exist_ok=True)
    return own


def _measure(proxy: Proxy, case: Case, stand: Stand, seconds: int) -> Result:
    door = Door(free_port(), stand.certificate if case.tls else None)
    own = own_directory(stand.directory, proxy.name)
    origin = stand.counting if case.cached else stand.origin
    site = Site(own, stand.store, origin, door.port, door.certificate)
    log = site.directory / "log"
    log.unlink(missing_ok=True)
    ready = fills if case.cached else answers_well
    try:
        with running(proxy.prepare(site, case), log) as process:
            wait_until_it_answers(process, partial(ready, case, door), log)
            return _measure_running(process.pid, case, door, stand, seconds)
    except (CannotStart, LoadFailed, OSError) as error:
        return Failed(str(error))


def _measure_running(root: int, case: Case, door: Door, stand: Stand, seconds: int) -> Measured:
    match case.measurement:
        case CpuTime() as way:
            stand.driver.drive(case, way, door, _WARM_UP_SECONDS)
            settle(root)
            asked = count_at(stand.counting) if case.cached else 0
            before = cpu_seconds(root)
            load = stand.driver.drive(case, way, door, seconds)
            used = cpu_seconds(root) - before
            return Worked(used, load, _fault_of(load, asked, case, door, stand))
        case IdleMemory(connections=connections):
            return Held(hold(case, door.port, connections, partial(memory_of, root)))
        case _:
            assert_never(case.measurement)


def _fault_of(load: Load, asked: int, case: Case, door: Door, stand: Stand) -> str | None:
    """`asked` is what the counting origin had counted before the load."""
    fault = fault_of(load, case)
    if fault is None and case.cached:
        fault = fault_of_cache(load, count_at(stand.counting) - asked)
    if fault is None and not answers_well(case, door):
        fault = "an answer after the load was not as expected"
    return fault
