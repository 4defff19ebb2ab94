"""A fault of a backend, as a real pip behind a caching edge meets it, and that it leaves nothing behind.

The edge keeps true pages, and gives them while the backend has its fault: so they are purged before one is planted.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from system import ROOT, System

from edgeproxy.cli.demo_processes import Processes

pytestmark = pytest.mark.clients

Tell = Callable[..., str]


@pytest.fixture(scope="module")
def place(seeded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("faults")
    shutil.copytree(seeded, place / "store")
    (place / "token").write_text("a-token-of-the-tests\n")
    (place / "token").chmod(0o600)
    return place


@pytest.fixture(scope="module")
def running(place: Path) -> Iterator[tuple[System, Tell]]:
    """The last stage of the move, and how to tell the new site its faults."""
    store = ("--store", place / "store", "--listen", "127.0.0.1:0")
    with Processes() as processes:
        legacy = processes.start("legacy", "backends.legacy", *store)
        modern = processes.start("modern", "backends.modern", *store, "--admin-token-file", place / "token")
        backends = (f"legacy={legacy}", f"modern={modern}", f"store={place / 'store' / 'files'}")
        edge = processes.start(
            "edge",
            *("edgeproxy", "run", ROOT / "rules" / "demo" / "3-modern.yaml", "--listen", "127.0.0.1:0"),
            *("--control", place / "control"),
            *(part for backend in backends for part in ("--backend", backend)),
        )

        def tell(verb: str, *arguments: str) -> str:
            command = [sys.executable, "-m", "backends.faults", verb, modern, "--token-file", place / "token"]
            return subprocess.run([*command, *arguments], check=True, capture_output=True, text=True).stdout

        yield System("3-modern", edge, place / "access.log"), tell


def pip(system: System, tmp_path: Path) -> tuple[int, str]:
    command = (sys.executable, "-m", "pip", "install", "--target", str(tmp_path / "t"), "jinja2")
    done = subprocess.run(
        [*command, "--index-url", "http://pypi.test/simple/"],
        env=system.environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        timeout=280,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("simple/jinja2 missing", "No matching distribution found for jinja2"),
        ("simple/markupsafe missing", "No matching distribution found for MarkupSafe"),
        ("simple/jinja2 wrong-hash", "THESE PACKAGES DO NOT MATCH THE HASHES"),
    ],
)
def test_pip_fails_under_a_fault_and_installs_when_it_is_cleared(
    running: tuple[System, Tell], tmp_path: Path, fault: str, said: str
) -> None:
    system, tell = running
    purge = ("edgeproxy", "purge", "--control", str(system.log.parent / "control"), "--hard", "--all")
    subprocess.run([sys.executable, "-m", *purge], check=True, capture_output=True)
    number = tell("plant", fault, "--for", "10m").partition(":")[0]
    status, output = pip(system, tmp_path)
    assert status != 0
    assert said in output
    assert "0 hits" not in tell("list")
    tell("clear", "--number", number)
    status, output = pip(system, tmp_path)
    assert status == 0, output
    assert (tmp_path / "t" / "jinja2").is_dir()
