"""Poetry itself behind the edge: it locks and installs, and reads wheels from their end where it must."""

from __future__ import annotations

import random
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from indexed import Index, index_behind_the_edge
from packages import LAUNCH, sdist, stored, wheel

from backends.store import Store

pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.timeout(300)]

TOKEN = "a-token-of-the-tests"
PROJECT = """\
[project]
name = "works"
version = "1"
requires-python = ">=3.11,<4"
dependencies = ["Zope.Tool>=1.0", "large"]
[tool.poetry]
package-mode = false
[[tool.poetry.source]]
name = "edge"
url = "http://pypi.test/simple/"
priority = "primary"
"""
NEEDED = {"zope-tool": "1.0", "large": "1.0", "nail": "2.0"}


# so large that nobody reads all of it to learn what it needs
LARGE = wheel("large", "1.0", {"Requires-Dist": ["nail (>=1)"]}, data=random.Random(8).randbytes(1 << 20))


@pytest.fixture(scope="module", params=["with metadata", "without metadata"])
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Index, bool]]:
    """Whether it has the metadata of wheels beside them (PEP 658). Without it, it is an index as they were until 2023."""
    place = tmp_path_factory.mktemp("lockers")
    with Store(place / "store") as store:
        stored(store, wheel("Zope.Tool", "1.0", {"Requires-Dist": ["nail (<3)"]}), LAUNCH)
        stored(store, sdist("Zope.Tool", "1.0"), LAUNCH)
        stored(store, wheel("Zope.Tool", "1.1"), LAUNCH)
        store.yank("zope-tool", "1.1", "it breaks", LAUNCH)
        stored(store, LARGE, LAUNCH)
        for version in ("1.0", "2.0", "3.0"):
            stored(store, wheel("nail", version), LAUNCH)
    (place / "token").write_text(f"{TOKEN}\n")
    (place / "token").chmod(0o600)
    with index_behind_the_edge(place, "--admin-token-file", place / "token") as running:
        has_metadata = request.param == "with metadata"
        if not has_metadata:
            plant = (sys.executable, "-m", "backends.faults", "plant", running.modern, "--token-file", place / "token")
            subprocess.run([*plant, "simple without=core-metadata"], check=True, capture_output=True)
        yield running, has_metadata


def poetry(running: Index, project: Path, *arguments: str) -> None:
    settings = {
        "POETRY_VIRTUALENVS_IN_PROJECT": "true",
        "POETRY_KEYRING_ENABLED": "false",
        "POETRY_NO_INTERACTION": "1",
    }
    running.run(project, str(Path(sys.executable).parent / "poetry"), *arguments, **settings)


def test_poetry_locks_by_what_the_index_says_and_reads_no_wheel_whole(
    index: tuple[Index, bool], tmp_path: Path
) -> None:
    running, has_metadata = index
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    poetry(running, tmp_path, "lock")
    lock = tomllib.loads((tmp_path / "poetry.lock").read_text())["package"]
    assert {each["name"]: each["version"] for each in lock} == {"large": "1.0", "nail": "2.0", "zope-tool": "1.0"}
    expected = {file.filename: f"sha256:{file.sha256}" for file in running.files()}
    for each in lock:
        assert each["source"]["url"] == "http://pypi.test/simple"
        assert each["files"]
        assert all(file["hash"] == expected[file["file"]] for file in each["files"])
    if has_metadata:
        assert len(running.seen("metadata")) >= 3
        assert running.seen("suffix-ranges") == []
    else:
        assert running.seen("metadata") == []
        assert running.seen("suffix-ranges") == [("GET", 206)] * 3  # one of each wheel, and it has all that one needs
    assert running.seen("ranges") == running.seen("files") == []

    poetry(running, tmp_path, "install")
    assert {path.name for path in tmp_path.glob(".venv/lib/*/site-packages/*.dist-info")} >= {
        "large-1.0.dist-info",
        "nail-2.0.dist-info",
        "zope_tool-1.0.dist-info",
    }
    assert running.seen("files") == [("GET", 200)] * 3
