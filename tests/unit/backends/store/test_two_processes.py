"""Two processes write to one store at once while a third reads: nothing is lost, mixed up, or seen by half."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from packages import wheel

from backends.store import Store
from backends.store.checking import check

EACH = 25


def test_two_processes_fill_one_store_and_a_third_reads_it(tmp_path: Path) -> None:
    for writer in ("one", "two"):
        (tmp_path / writer).mkdir()
        for number in range(EACH):
            # A project of each writer's own, and one that both add to.
            for name, version in ((f"{writer}-{number}", "1.0"), ("both", f"{number}.{writer == 'two':d}")):
                package = wheel(name, version, {"Summary": f"by {writer}"})
                (tmp_path / writer / package.filename).write_bytes(package.content)
    command = (sys.executable, "-m", "backends.seed", "--store", str(tmp_path / "store"))
    writers = [
        subprocess.Popen([*command, str(tmp_path / writer)], stdout=subprocess.PIPE, text=True)
        for writer in ("one", "two")
    ]
    while not (tmp_path / "store" / "index.sqlite3").exists():
        pass
    with Store(tmp_path / "store") as store:
        while any(writer.poll() is None for writer in writers):
            with store.snapshot():
                serial, projects = store.last_serial(), store.projects()
                assert max((project.serial for project in projects), default=0) == serial
                for project in projects:
                    assert store.releases(project.normalized), "a project is there with its release, or not at all"
        for writer in writers:
            said, _ = writer.communicate()
            assert said.splitlines()[-1] == f"{2 * EACH} added, 0 there already, 0 skipped"
        assert list(check(store)) == []
        assert len(store.projects()) == 2 * EACH + 1
        assert len(store.files("both")) == 2 * EACH
        serials = [change.serial for change in store.changes_after(0)]
        assert serials == list(range(1, len(serials) + 1))
        assert store.find("by two", 1000).count == EACH + 1
