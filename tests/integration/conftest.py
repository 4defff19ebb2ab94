"""The whole system as a user starts it: both backends and the edge as processes, on real packages."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fetching import alone_in
from system import PACKAGES, ROOT, STAGES, TOKEN, System

from edgeproxy.cli.demo_packages import fetch_packages
from edgeproxy.cli.demo_processes import Processes


@pytest.fixture(scope="session")
def packages() -> Path:
    """Real wheels and source archives, fetched once for all runs in this checkout."""
    with alone_in(PACKAGES):
        fetch_packages(PACKAGES, print)
    return PACKAGES


@pytest.fixture(scope="session")
def seeded(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with those packages; copy it before writing to it."""
    store = tmp_path_factory.mktemp("seeded") / "store"
    subprocess.run([sys.executable, "-m", "backends.seed", "--store", store, packages], check=True)
    return store


@pytest.fixture(scope="module", params=STAGES)
def system(request: pytest.FixtureRequest, seeded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Both backends and the edge under one stage of rules/demo/, on a store of their own."""
    place = tmp_path_factory.mktemp(request.param)
    store = place / "store"
    shutil.copytree(seeded, store)
    with Processes() as processes:
        legacy = processes.start("legacy", "backends.legacy", "--store", store, "--listen", "127.0.0.1:0")
        modern = processes.start(
            "modern",
            *("backends.modern", "--store", store, "--listen", "127.0.0.1:0"),
            *("--files-url", "http://files.pypihosted.test", "--upload-token", TOKEN),
        )
        backends = [f"legacy={legacy}", f"modern={modern}", f"store={store / 'files'}"]
        if request.param == "3-modern":
            backends += [f"conveyor={processes.start('conveyor', 'backends.conveyor', '--endpoint', modern)}"]
        edge = processes.start(
            "edge",
            *("edgeproxy", "run", ROOT / "rules" / "demo" / f"{request.param}.yaml", "--listen", "127.0.0.1:0"),
            *(part for backend in backends for part in ("--backend", backend)),
            *("--access-log", place / "access.log"),
        )
        yield System(request.param, edge, place / "access.log")
