"""Both bundled sites on real packages, rehearsed, with faults planted."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edgeproxy.cli.demo_processes import Processes
from edgeproxy.cli.main import main


@dataclass
class Site:
    """Both backends, and where the rules and their state are."""

    processes: Processes
    place: Path
    legacy: str
    modern: str

    @property
    def rules(self) -> Path:
        return self.place / "rules.yaml"

    @property
    def backends(self) -> list[str]:
        return self.at("legacy", "modern", "mirror")

    def at(self, *names: str) -> list[str]:
        places = {name: self.modern if name == "modern" else self.legacy for name in names}
        return [part for name, place in places.items() for part in ("--backend", f"{name}={place}")]

    def faults(self, url: str, verb: str, *words: str) -> None:
        token = ("--token-file", self.place / "token")
        subprocess.run([sys.executable, "-m", "backends.faults", verb, url, *token, *words], check=True)

    @contextmanager
    def planted(self, name: str, fault: str) -> Iterator[None]:
        url = getattr(self, name)
        self.faults(url, "plant", fault, "--for", "10m")
        try:
            yield
        finally:
            self.faults(url, "clear")

    def rehearse(self, *options: str, rules: Path | None = None, backends: Sequence[str] | None = None) -> int:
        own = self.backends if backends is None else backends
        return main(["rehearse", str(rules or self.rules), *own, "--rate", "500", *options])


@contextmanager
def both_sites(seeded: Path, place: Path) -> Iterator[Site]:
    (place / "token").write_text("a-token-of-the-tests\n")
    (place / "token").chmod(0o600)
    own = ("--store", seeded, "--listen", "127.0.0.1:0", "--admin-token-file", place / "token")
    with Processes() as processes:
        legacy = processes.start("legacy", "backends.legacy", *own)
        modern = processes.start("modern", "backends.modern", *own)
        yield Site(processes, place, legacy, modern)


def read(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def codes(told: dict[str, Any], severity: str = "error") -> list[str]:
    return [each["code"] for each in told["problems"] if each["severity"] == severity]
