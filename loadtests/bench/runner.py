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
from typing import Final

from loadtests.bench.cases import Case
from loadtests.bench.cpu import cpu_seconds
from loadtests.bench.figures import Failed, Measured, Result, order_of
from loadtests.bench.load import Driver, LoadFailed, answers_well, fault_of
from loadtests.bench.origin import prepare_nginx, prepare_own, write_store
from loadtests.bench.processes import CannotStart, free_port, running, wait_until_it_answers
from loadtests.bench.proxies import Nginx, Proxy, Site

_WARM_UP_SECONDS: Final = 1

Results = Mapping[str, Mapping[str, Sequence[Result]]]  # by case, by proxy, in the order of the rounds


@dataclass(frozen=True, slots=True)
class Plan:
    cases: tuple[Case, ...]
    proxies: tuple[Proxy, ...]
    rounds: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Stand:
    """What stays the same for a whole run."""

    directory: Path
    store: Path
    origin: int
    driver: Driver


def origin_name() -> str:
    nginx = Nginx()
    return f"nginx {nginx.version()}" if nginx.is_installed() else "loadtests.bench.origin (no nginx here)"


def run_all(plan: Plan, driver: Driver, told: Callable[[str], None]) -> Results:
    """Raises CannotStart when the origin does not come up."""
    results: dict[str, dict[str, list[Result]]] = {
        case.name: {proxy.name: [] for proxy in plan.proxies} for case in plan.cases
    }
    by_name = {proxy.name: proxy for proxy in plan.proxies}
    with _standing(plan, driver) as stand:
        for number in range(plan.rounds):
            for case in plan.cases:
                for name in order_of(tuple(by_name), number):
                    told(f"round {number + 1}/{plan.rounds}  {case.name}  {name}")
                    results[case.name][name].append(_measure(by_name[name], case, stand, plan.seconds))
    return results


@contextmanager
def _standing(plan: Plan, driver: Driver) -> Iterator[Stand]:
    directory = driver.directory
    store = directory / "store"
    store.mkdir()
    write_store(store, plan.cases)
    site = _site(directory, "origin", store, origin=0)
    command = prepare_nginx(site) if Nginx().is_installed() else prepare_own(site)
    log = site.directory / "log"
    with running(command, log) as process:
        for case in plan.cases:
            wait_until_it_answers(process, partial(answers_well, case, site.port), log)
        yield Stand(directory, store, site.port, driver)


def _site(directory: Path, name: str, store: Path, origin: int) -> Site:
    own = directory / name
    own.mkdir(exist_ok=True)
    return Site(own, store, origin, free_port())


def _measure(proxy: Proxy, case: Case, stand: Stand, seconds: int) -> Result:
    site = _site(stand.directory, proxy.name, stand.store, stand.origin)
    log = site.directory / "log"
    log.unlink(missing_ok=True)
    try:
        with running(proxy.prepare(site), log) as process:
            wait_until_it_answers(process, partial(answers_well, case, site.port), log)
            stand.driver.drive(case, site.port, _WARM_UP_SECONDS)
            before = cpu_seconds(process.pid)
            load = stand.driver.drive(case, site.port, seconds)
            used = cpu_seconds(process.pid) - before
            fault = fault_of(load, case)
            if fault is None and not answers_well(case, site.port):
                fault = "an answer after the load was not as expected"
            return Measured(used, load, fault)
    except (CannotStart, LoadFailed, OSError) as error:
        return Failed(str(error))
