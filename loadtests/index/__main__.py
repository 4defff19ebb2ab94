"""`python -m loadtests.index`: searches on 100,000 projects, and the simple page of a project with 5,000 files.

CPU time of this process, which does all of the work, and beside it what passed: a search waits for nothing but its own
computing, so the difference is what others did on the machine. The store is made anew in a temporary directory, unless
one is given. Exit status 1 where a kind of search has a 95th percentile of more than 50 ms; of those that are made anew
each time (`searching`) it is told only.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import quantiles

from backends.generate import Plan, generate, making
from backends.modern import simple
from backends.steps import at_once
from backends.store import Store
from backends.store.bulk import Bulk
from loadtests.index.searching import ANEW, BOUND, measure

PROJECTS = 100_000
FILES = 5_000
URLS = ("http://files.pypihosted.test", "http://pypi.test")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m loadtests.index")
    parser.add_argument("--projects", type=int, default=PROJECTS)
    parser.add_argument("--store", type=Path, help="kept, and used again when it is filled")
    given = parser.parse_args(arguments)
    with ExitStack() as stack:
        place = given.store or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        store = stack.enter_context(Store(place))
        if not store.count_projects():
            used = _cpu(lambda: generate(store, Plan(given.projects, most_releases=1, files=False), _say))
            _say(f"made {given.projects} projects in {used:.0f} s of CPU time")
            _add_large(store)
        is_kept = _searches(store)
        _large_page(store)
    return 0 if is_kept else 1


def _searches(store: Store) -> bool:
    """Whether each kind of search was fast enough, by CPU time: what passed tells of others too."""
    is_kept = True
    for kind, timed in measure(store):
        is_kept &= kind.endswith(ANEW) or quantiles(timed.cpu, n=20)[-1] <= BOUND
        _say(timed.line(kind))
    return is_kept


def _add_large(store: Store) -> None:
    with Bulk(store, with_files=False) as bulk:
        for number in range(FILES // 2):
            metadata = {"name": "large", "version": f"{number // 100}.{number % 100}", "requires_python": ">=3.8"}
            text = making.core_metadata(metadata)
            for made in (making.wheel(metadata, text, b""), making.sdist(metadata, text, b"")):
                bulk.add(made.new, made.content, datetime(2018, 4, 16, tzinfo=UTC))
        bulk.end_project("large")


def _large_page(store: Store) -> None:
    for form, render in (("JSON", _as_json), ("HTML", _as_html)):
        body = render(store)
        used = min(_cpu(partial(render, store)) for _ in range(5)) * 1000
        tracemalloc.start()
        render(store)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        _say(f"simple page of {FILES} files in {form}: {len(body) >> 10} KiB, {used:.0f} ms, peak {peak >> 20} MiB")


def _as_json(store: Store) -> bytes:
    project, files = store.project("large"), store.files("large")
    assert project is not None
    return at_once(simple.detail_json(project, files, *URLS))


def _as_html(store: Store) -> bytes:
    project, files = store.project("large"), store.files("large")
    assert project is not None
    return at_once(simple.detail_html(project, files, *URLS))


def _cpu(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
