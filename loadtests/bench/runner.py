"""The run: one origin, then in every round every case on every proxy, each freshly started.

Laws:
- rounds are interleaved and their order rotates: what changes on the machine meanwhile meets every proxy;
- CPU time is read right before and right after the load, which follows a warm-up;
- a proxy that fails is a result with a reason; the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, assert_never

from loadtests.bench.cases import HOST, Case, CpuTime, IdleMemory
from loadtests.bench.certificate import Certificate, make_certificate
from loadtests.bench.cpu import cpu_seconds
from loadtests.bench.figures import Failed, Held, Measured, Result, Worked, order_of
from loadtests.bench.idle import hold
from loadtests.bench.load import Door, Driver, LoadFailed, answers_well, fault_of
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
    with _standing(plan, driver) as stand:
        for number in range(plan.rounds):
            for case in plan.cases:
                for name in order_of(tuple(results[case.name]), number):
                    told(f"round {number + 1}/{plan.rounds}  {case.name}  {name}")
                    results[case.name][name].append(_measure(by_name[name], case, stand, plan.seconds))
    return results


@contextmanager
def _standing(plan: Plan, driver: Driver) -> Iterator[Stand]:
    directory = driver.directory
    store = directory / "store"
    store.mkdir()
    write_store(store, plan.cases)
    certificate = make_certificate(directory, HOST) if any(case.tls for case in plan.cases) else None
    site = Site(_own_directory(directory, "origin"), store, 0, free_port())
    command = prepare_nginx(site) if Nginx().is_installed() else prepare_own(site)
    log = site.directory / "log"
    with running(command, log) as process:
        for case in plan.cases:
            wait_until_it_answers(process, partial(answers_well, case, Door(site.port)), log)
        yield Stand(directory, store, site.port, driver, certificate)


def _own_directory(directory: Path, name: str) -> Path:
    own = directory / name
    own.mkdir(exist_ok=True)
    return own


def _measure(proxy: Proxy, case: Case, stand: Stand, seconds: int) -> Result:
    door = Door(free_port(), stand.certificate if case.tls else None)
    own = _own_directory(stand.directory, proxy.name)
    site = Site(own, stand.store, stand.origin, door.port, door.certificate)
    log = site.directory / "log"
    log.unlink(missing_ok=True)
    try:
        with running(proxy.prepare(site, case), log) as process:
            wait_until_it_answers(process, partial(answers_well, case, door), log)
            return _measure_running(process.pid, case, door, stand.driver, seconds)
    except (CannotStart, LoadFailed, OSError) as error:
        return Failed(str(error))


def _measure_running(root: int, case: Case, door: Door, driver: Driver, seconds: int) -> Measured:
    match case.measurement:
        case CpuTime() as way:
            driver.drive(case, way, door, _WARM_UP_SECONDS)
            before = cpu_seconds(root)
            load = driver.drive(case, way, door, seconds)
            used = cpu_seconds(root) - before
            fault = fault_of(load, case)
            if fault is None and not answers_well(case, door):
                fault = "an answer after the load was not as expected"
            return Worked(used, load, fault)
        case IdleMemory(connections=connections):
            return Held(hold(case, door.port, connections, partial(memory_of, root)))
        case _:
            assert_never(case.measurement)
