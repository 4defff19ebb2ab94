"""A program in an environment of its own, which is made once for all runs in this checkout: its pins and the edge's differ."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256
from pathlib import Path

from fetching import alone_in
from system import ROOT


def programs_of(name: str) -> Path:
    """Where they are. It is installed by uv, from wherever this machine's uv installs, as `tests/NAME_pins.txt` says."""
    pins = ROOT / "tests" / f"{name}_pins.txt"
    environments = ROOT / "var" / f"test-{name}"
    place = environments / sha256(pins.read_bytes() + sys.version.encode()).hexdigest()[:16]
    with alone_in(environments):
        if not (place / ".complete").exists():
            uv = str(Path(sys.executable).parent / "uv")
            python = str(place / "bin" / "python")
            subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, place], check=True)
            subprocess.run([uv, "pip", "install", "--quiet", "--python", python, "-r", pins], check=True)
            (place / ".complete").touch()
    return place / "bin"
