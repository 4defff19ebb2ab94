"""The whole system as a user starts it: both backends and the edge as processes, on real packages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgeproxy.cli.demo_packages import fetch_packages
from edgeproxy.cli.demo_processes import Processes

ROOT = Path(__file__).parents[2]
STAGES = ("1-legacy-only", "2-split-simple", "3-modern")
TOKEN = "a-token-of-the-tests"
TRUSTED = ("pypi.test", "legacy.pypi.test", "files.pypihosted.test")


@pytest.fixture(scope="session")
def packages() -> Path:
    """Real wheels and source archives, fetched once for all runs in this checkout."""
    directory = ROOT / "var" / "test-packages"
    fetch_packages(directory, print)
    return directory


@pytest.fixture(scope="session")
def seeded(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with those packages; copy it before writing to it."""
    store = tmp_path_factory.mktemp("seeded") / "store"
    subprocess.run([sys.executable, "-m", "backends.seed", "--store", store, packages], check=True)
    return store


@dataclass(frozen=True)
class System:
    """The edge's address, and a look into its access log."""

    stage: str
    proxy: str
    log: Path

    def exchanges(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def environment(self, tmp_path: Path) -> dict[str, str]:
        """What a client program gets: the edge as its only way out, and none of this machine's settings."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT") if name in os.environ}
        return kept | {
            "HOME": str(tmp_path),
            "HTTP_PROXY": self.proxy,
            "http_proxy": self.proxy,
            "NO_PROXY": "",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_INPUT": "1",
            "PIP_CACHE_DIR": str(tmp_path / "pip-cache"),
            "PIP_PROXY": self.proxy,
            "PIP_TRUSTED_HOST": " ".join(TRUSTED),
            "UV_NO_CONFIG": "1",
            "UV_CACHE_DIR": str(tmp_path / "uv-cache"),
            "UV_PYTHON_DOWNLOADS": "never",
        }


@pytest.fixture(scope="module", params=STAGES)
def system(request: pytest.FixtureRequest, seeded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Both backends and the edge under one stage of rules/pypi/, on a store of their own."""
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
        backends = (f"legacy={legacy}", f"modern={modern}", f"store={store / 'files'}")
        edge = processes.start(
            "edge",
            *("edgeproxy", "run", ROOT / "rules" / "pypi" / f"{request.param}.yaml", "--listen", "127.0.0.1:0"),
            *(part for backend in backends for part in ("--backend", backend)),
            *("--access-log", place / "access.log"),
        )
        yield System(request.param, edge, place / "access.log")
