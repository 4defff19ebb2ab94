"""`python -m loadtests.index`: searches on 100,000 projects, and the simple page of a project with 5,000 files.

Times are CPU time of this process, which does all of the work, so that a busy machine does not show in them: a search
waits for nothing but its own computing. The store is made anew in a temporary directory, unless one is given.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median, quantiles

from backends.generate import Plan, generate, making
from backends.modern import rendering, simple
from backends.store import Store
from backends.store.bulk import Bulk

PROJECTS = 100_000
FILES = 5_000
SEARCHES = 300


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
        _searches(store)
        _large_page(store)
    return 0


def _searches(store: Store) -> None:
    """Words as often as they are in what is searched, names, beginnings of names; and what the old site looked for."""
    dice = random.Random(3)
    projects = dice.sample(store.projects(), 2000)
    summaries = [release.summary.split() for name in projects[:500] for release in store.releases(name.normalized)]
    words = [word for summary in summaries for word in summary]
    kinds: list[tuple[str, Callable[[], object]]] = []
    find, complete, search = store.find, store.complete, store.search
    for number in range(SEARCHES):
        one, two = dice.choice(words), dice.choice(words)
        name = projects[number].name
        kinds.append(("one word", partial(find, one, 20)))
        kinds.append(("two words", partial(find, f"{one} {two}", 20)))
        kinds.append(("a name", partial(find, name, 20)))
        kinds.append(("as one types", partial(complete, name[:3], 10)))
        kinds.append(("pip search", partial(search, {"name": [name[:6]], "summary": [name[:6]]}, "or")))
    times: dict[str, list[float]] = {}
    for kind, work in kinds:
        times.setdefault(kind, []).append(_cpu(work) * 1000)
    times["all of them"] = [each for some in times.values() for each in some]
    for kind, found in times.items():
        _say(
            f"{kind:13} p50 {median(found):6.2f} ms, p95 {quantiles(found, n=20)[-1]:6.2f} ms, max {max(found):6.1f} ms"
        )


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
    return rendering.json_line(
        simple.detail_document(project, files, "http://files.pypihosted.test", "http://pypi.test")
    )


def _as_html(store: Store) -> bytes:
    page: dict[str, object] = {"project": store.project("large"), "files": store.files("large"), "provenances": {}}
    return rendering.html("simple_detail.html", **page, files_url="http://files.pypihosted.test", version="1.4")


def _cpu(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
