"""What shadows found, in its file: shared, bounded, whole whatever happens, and never somebody else's."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from edge_process import WAIT
from specimens import NOW, OTHER, PAIR, shadowed, specimen

from edgeproxy.control.control_socket import Refused
from edgeproxy.control.failures import CannotRun
from edgeproxy.control.findings_file import NAME, FindingsFile
from edgeproxy.control.state_file import opened
from edgeproxy.migration.comparing.answers import Answer
from edgeproxy.migration.comparing.comparer import LEARNING, Comparer
from edgeproxy.migration.comparing.differences import Changed, Kind, StatusChanged
from edgeproxy.migration.comparing.examples import Example
from edgeproxy.migration.comparing.examples_kept import MOST_EXAMPLES_OF_RULE
from edgeproxy.migration.comparing.findings import Findings, Unjudged, read_lessons
from edgeproxy.migration.comparing.grouping import (
    MOST_GROUPS_OF_RULE,
    MOST_MARKS,
    Groups,
    Key,
)
from edgeproxy.migration.comparing.grouping import (
    OTHER as OTHERS,
)

TERMS = {each.rule: each.terms for each in shadowed()}


def file_in(place: Path | None, terms: Callable[[], dict[str, str]] = lambda: TERMS) -> FindingsFile:
    return FindingsFile(place, terms)


def found(count: int = 1) -> Findings:
    """Of one who has learned, and found one difference so many times."""
    comparer = Comparer(shadowed(), {})
    for each in (*[PAIR] * LEARNING, *[specimen(OTHER)] * count):
        comparer.take(comparer.look(each))
    return comparer.news()


def summary(findings: Findings) -> tuple[int, int, int, int]:
    """Comparisons, those that differ, pairs of the old side, and what was not judged."""
    pairs = sum(round(lesson.noise.pairs) for lesson in findings.lessons.values())
    return findings.groups.compared, findings.groups.different, pairs, sum(findings.unjudged.values())


async def test_two_writers_add_to_one_file_and_a_reader_sees_all(tmp_path: Path) -> None:
    one, other = file_in(tmp_path), file_in(tmp_path)
    one.add(found(2))
    other.add(found(3))
    _, both = await one.all()
    assert summary(both) == (22, 2, 20, 19)
    _, both = await other.all()
    assert summary(both) == (45, 5, 39, 38)
    assert summary((await file_in(tmp_path).all())[1]) == (45, 5, 39, 38)
    ((_, group),) = both.groups
    (tally,) = group.tallies.values()
    assert (tally.count, tally.first, tally.last, len(tally.examples)) == (5, NOW, NOW, 3)
    assert tally.examples[0].new.content == '{"name": "seven"}'


async def test_it_lives_on_and_noise_is_given_to_the_next_workers(tmp_path: Path) -> None:
    one = file_in(tmp_path)
    one.add(found())
    one.close()
    later = file_in(tmp_path)
    lessons = read_lessons(json.loads(later.lessons))
    comparer = Comparer(shadowed(), lessons)
    comparer.take(comparer.look(specimen(OTHER)))
    (counted,) = comparer.news().periods.values()
    assert counted.counts.different == 1
    since, findings = await later.all()
    assert (since, summary(findings)) == ((await one.all())[0], (21, 1, 20, 19))


async def test_what_an_earlier_version_knew_of_noise_is_learned_anew(tmp_path: Path) -> None:
    file_in(tmp_path).close()
    (its,) = (each for each in shadowed() if each.rule == "page")
    seen = [{"kind": "changed", "pattern": "json:/name", "count": 20.0, "shadows": 0.0, "compared": 0.0}]
    words = json.dumps({"version": 2, "pairs": 20.0, "seen": seen})
    with opened(tmp_path / NAME) as db:
        db.execute("INSERT INTO noise VALUES (?, ?, ?)", ("page", its.terms, words))
    later = file_in(tmp_path)
    assert [lesson.noise.pairs for lesson in read_lessons(json.loads(later.lessons)).values()] == [0.0]
    later.add(found())
    assert summary((await later.all())[1]) == (21, 1, 20, 19)


async def test_noise_of_a_shadow_that_is_another_one_now_is_not_taken(tmp_path: Path) -> None:
    one = file_in(tmp_path, lambda: {"page": "others"})
    one.add(found())
    assert one.lessons == "{}"
    assert summary((await one.all())[1]) == (21, 1, 0, 19)


async def test_it_is_forgotten_but_for_noise(tmp_path: Path) -> None:
    for place in (tmp_path, None):
        one = file_in(place)
        one.add(found())
        before, _ = await one.all()
        one.add(found())
        assert await one.clear() > before
        since, findings = await one.all()
        assert since > before
        assert (findings.groups.compared, findings.unjudged) == (0, {})
        assert findings.lessons["page"].noise.pairs > LEARNING - 1


async def test_without_a_directory_it_is_kept_for_this_edges_life() -> None:
    one = file_in(None)
    one.add(found())
    one.add(found())
    assert summary((await one.all())[1]) == (42, 2, 39, 38)
    assert not one.is_kept


def many() -> Findings:
    """More groups, patterns and examples than are kept."""
    groups = Groups()
    example = Example.of(NOW, ("GET", "/", {}), (Answer(200), Answer(404)), (StatusChanged(200, 404),))
    for number in range(3 * MOST_GROUPS_OF_RULE):
        groups.add(Key("page", f"/{number}", "pip"), (StatusChanged(200, 404),), lambda: example, NOW)
    for number in range(400, 400 + 3 * MOST_MARKS):
        groups.add(Key("page", "/0", "pip"), (StatusChanged(200, number),), lambda: example, NOW)
    return Findings(groups)


async def test_it_has_a_bound_and_nothing_goes_uncounted(tmp_path: Path) -> None:
    one = file_in(tmp_path)
    for _ in range(2):
        one.add(many())
        await one.all()
    _, findings = await one.all()
    groups = dict(findings.groups)
    assert len(groups) == MOST_GROUPS_OF_RULE + 1
    assert groups[Key("page", OTHERS, OTHERS)].compared == 4 * MOST_GROUPS_OF_RULE
    assert findings.groups.compared == 6 * MOST_GROUPS_OF_RULE + 6 * MOST_MARKS
    first = groups[Key("page", "/0", "pip")]
    assert len(first.tallies) == MOST_MARKS + 1
    assert sum(tally.count for tally in first.tallies.values()) == 6 * MOST_MARKS + 2
    with closing(sqlite3.connect(tmp_path / NAME)) as db:
        assert db.execute("SELECT count(*) FROM examples").fetchone() == (MOST_EXAMPLES_OF_RULE,)


async def test_in_the_file_too_what_is_grave_takes_the_place_of_trifles(tmp_path: Path) -> None:
    one, page = file_in(tmp_path), Key("page", "/page/{name}/", "pip")
    example = Example.of(NOW, ("GET", "/", {}), (Answer(200), Answer(404)), (StatusChanged(200, 404),))
    trifles = [Changed(f"json:/{n}", f"json:/{n}", "a", "b") for n in range(2 * MOST_MARKS)]
    for differences in (trifles, trifles, [StatusChanged(200, 404)], trifles):
        groups = Groups()
        groups.add(page, differences, lambda: example, NOW)
        one.add(Findings(groups))
        await one.all()
    ((_, group),) = (await one.all())[1].groups
    tally = group.tallies[Kind.STATUS_CHANGED, "status/200/404"]
    assert (tally.count, len(tally.examples), len(group.tallies)) == (1, 1, MOST_MARKS + 1)
    assert (group.different, group.tallies[Kind.CHANGED, OTHERS].count) == (4, 4)
    with closing(sqlite3.connect(tmp_path / NAME)) as db:
        assert db.execute("SELECT count(*) FROM examples").fetchone() == (MOST_EXAMPLES_OF_RULE,)
        assert db.execute("SELECT count(*) FROM tallies").fetchone() == (MOST_MARKS + 1,)


async def test_only_what_is_new_is_written(tmp_path: Path) -> None:
    one = file_in(tmp_path)
    one.add(found(5))
    await one.all()
    with closing(sqlite3.connect(tmp_path / NAME)) as db:
        before = db.execute("SELECT rowid, words FROM examples").fetchall()
        one.add(found(1))
        await one.all()
        assert db.execute("SELECT rowid, words FROM examples").fetchall() == before


async def test_a_disk_that_takes_nothing_keeps_nobody_from_anything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = file_in(tmp_path)
    with closing(sqlite3.connect(tmp_path / NAME)) as db:
        db.execute("ALTER TABLE groups RENAME TO gone")
        one.add(found())
        await one._write()
        one.add(found())
        await one._write()
        with pytest.raises(Refused, match="cannot be read: no such table: groups"):
            await one.all()
        db.execute("ALTER TABLE gone RENAME TO groups")
    assert summary((await one.all())[1]) == (42, 2, 39, 38)
    assert capsys.readouterr().err.count("cannot be written to") == 1


@pytest.mark.parametrize("content", [b"something else" * 100, b"another database"])
def test_a_file_that_is_something_else_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / NAME
    if content == b"another database":
        with closing(sqlite3.connect(path)) as db:
            db.execute("CREATE TABLE cats (name TEXT)")
    else:
        path.write_bytes(content)
    before = path.read_bytes()
    with pytest.raises(CannotRun, match="is not to be used for what shadows find"):
        file_in(tmp_path)
    assert path.read_bytes() == before


WRITER = """
import asyncio, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from test_findings_file import file_in, found
async def main():
    one = file_in(Path(sys.argv[1]))
    while True:
        one.add(found())
        await one._write()
        print("written", flush=True)
asyncio.run(main())
"""


async def test_who_is_killed_while_it_writes_leaves_a_whole_file(tmp_path: Path) -> None:
    here = Path(__file__).parent
    written = 0
    for times in (3, 1, 5):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", WRITER, str(tmp_path), str(here)),
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": f"{here.parent}:{here.parents[1]}"},
        )
        assert process.stdout is not None
        async with asyncio.timeout(WAIT):
            for _ in range(times):
                assert await process.stdout.readline() == b"written\n"
                written += 1
        process.send_signal(signal.SIGKILL)
        rest = await process.stdout.read()
        written += rest.count(b"written")
        await process.wait()
        _, findings = await file_in(tmp_path).all()
        compared = findings.groups.compared
        assert compared % (LEARNING + 1) == 0  # what is written at once is there as a whole, or not at all
        assert compared // (LEARNING + 1) - written in (0, 1)  # it may be killed before it says so
        assert findings.unjudged["page", Unjudged.LEARNING] == compared // (LEARNING + 1) * (LEARNING - 1)
        written = compared // (LEARNING + 1)
