"""What tests of replays are made of: both bundled sites that tell of their writes, and the command."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeproxy.cli.demo_processes import Processes

TOKEN = "a-token-of-the-tests"


@dataclass(frozen=True)
class Sites:
    legacy: str  # URLs
    modern: str
    place: Path

    def plant(self, *faults: str) -> None:
        """At the new one."""
        command = [sys.executable, "-m", "backends.faults", "plant", self.modern]
        subprocess.run([*command, "--token-file", str(self.place / "token"), *faults], check=True, capture_output=True)


@contextmanager
def telling_sites(seeded: Path, place: Path) -> Iterator[Sites]:
    """Over one store. The old one purges an edge that is not there."""
    store, token = place / "store", place / "token"
    shutil.copytree(seeded, store)
    token.write_text(f"{TOKEN}\n")
    token.chmod(0o600)
    common = ("--store", store, "--listen", "127.0.0.1:0", "--tell-writes")
    with Processes() as processes:
        legacy = processes.start(
            "legacy", "backends.legacy", *common, "--purge", "http://127.0.0.1:9", "--purge-token-file", token
        )
        modern = processes.start(
            "modern",
            *("backends.modern", *common, "--files-url", "http://files.pypihosted.test"),
            *("--admin-token-file", token, "--upload-token", TOKEN),
        )
        yield Sites(legacy, modern, place)


@dataclass(frozen=True)
class Replayed:
    status: int
    out: str
    err: str
    report: dict[str, Any]  # as JSON; empty where there is none

    @property
    def to(self) -> dict[str, Any]:
        side: dict[str, Any] = self.report["targets"][0]
        return side


def replay(place: Path, *arguments: object) -> Replayed:
    """`edgeproxy replay …`, with its report as JSON."""
    report = place / "report.json"
    report.unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "edgeproxy", "replay", *map(str, arguments), "--json", str(report)],
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(report.read_text()) if report.exists() else {}
    return Replayed(done.returncode, done.stdout, done.stderr, found)
