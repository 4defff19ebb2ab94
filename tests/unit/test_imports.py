"""Imports run one way, and the pure packages stay pure (design §11). Read from the source, not from what happens to load."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PURE = ("ruleset", "http", "caching", "migration", "capture")
IMPURE = {"asyncio", "uvloop", "socket", "selectors", "time", "random", "secrets", "uuid", "logging", "aiohttp"}

# What each package of edgeproxy may import of edgeproxy, besides itself.
MAY_IMPORT = {
    "ruleset": {"http"},
    "http": set(),
    "caching": {"http", "ruleset"},
    "migration": {"http", "ruleset"},
    "capture": {"http", "ruleset", "migration"},
    "telemetry": set(),
    "state": {"migration"},
    "proxy": {*PURE, "telemetry", "state"},
    "control": {*PURE, "telemetry", "state", "proxy"},
    "cli": {*PURE, "telemetry", "state", "proxy", "control"},
}


def modules(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*.py")) if "__pycache__" not in path.parts]


def imported(path: Path) -> Iterator[str]:
    """The modules a file names in its imports, those for type checking included."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide their direction"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize(
    "package",
    sorted(path.name for path in (ROOT / "edgeproxy").iterdir() if path.is_dir() and path.name != "__pycache__"),
)
def test_a_package_imports_only_what_is_below_it(package: str) -> None:
    allowed = MAY_IMPORT[package] | {package}
    for path in modules(ROOT / "edgeproxy" / package):
        for name in imported(path):
            parts = name.split(".")
            if parts[0] == "edgeproxy" and len(parts) > 1:
                assert parts[1] in allowed, f"{path.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize("package", PURE)
def test_the_pure_packages_import_no_clock_no_chance_no_socket(package: str) -> None:
    for path in modules(ROOT / "edgeproxy" / package):
        for name in imported(path):
            assert name.split(".")[0] not in IMPURE, f"{path.relative_to(ROOT)} imports {name}"


def test_one_module_knows_redis() -> None:
    """It is an extra: an edge with its state in a file runs without it."""
    for path in modules(ROOT / "edgeproxy"):
        if any(name.split(".")[0] in ("redis", "hiredis") for name in imported(path)):
            assert path == ROOT / "edgeproxy" / "state" / "redis.py"


def test_one_module_knows_mitmproxy() -> None:
    for path in [*modules(ROOT / "replay"), *modules(ROOT / "edgeproxy")]:
        if any(name.split(".")[0] == "mitmproxy" for name in imported(path)):
            assert path == ROOT / "replay" / "addon" / "edgeproxy_addon.py"


def test_what_that_module_imports_needs_zstandard_and_nothing_else() -> None:
    """So it runs in mitmproxy's environment, whose pins are not the edge's."""
    addon = ROOT / "replay" / "addon" / "edgeproxy_addon.py"
    names = sorted(name for name in imported(addon) if name.split(".")[0] in ("edgeproxy", "replay"))
    asked = "; ".join(f"import {name}" for name in names if (ROOT / f"{name.replace('.', '/')}.py").exists())
    program = f"import sys; {asked}; print(*{{n.split('.')[0] for n, m in sys.modules.items() if is_other(m)}})"
    other = "def is_other(m): return 'site-packages' in (getattr(m, '__file__', None) or '')"
    done = subprocess.run(
        [sys.executable, "-c", f"{other}\n{program}"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert "replay.addon.recorder" in asked
    assert set(done.stdout.split()) <= {"zstandard", "_distutils_hack"}


def test_backends_know_nothing_of_the_edge() -> None:
    for path in modules(ROOT / "backends"):
        for name in imported(path):
            assert name.split(".")[0] not in ("edgeproxy", "replay", "loadtests"), f"{path} imports {name}"


def test_no_site_knows_another_one_and_the_store_knows_none() -> None:
    sites = {"legacy", "modern", "conveyor"}
    for folder in ("store", "upload", "faults", *sites):
        for path in modules(ROOT / "backends" / folder):
            for name in imported(path):
                known = name.removeprefix("backends.").split(".")[0] if name.startswith("backends.") else ""
                assert known not in sites - {folder}, f"{path} imports {name}"


def test_only_the_command_line_knows_of_backends_and_replay() -> None:
    for path in modules(ROOT / "edgeproxy"):
        if "cli" not in path.relative_to(ROOT).parts:
            for name in imported(path):
                assert name.split(".")[0] not in ("backends", "replay", "loadtests"), f"{path} imports {name}"


def test_replay_uses_only_the_pure_packages() -> None:
    for path in modules(ROOT / "replay"):
        for name in imported(path):
            parts = name.split(".")
            if parts[0] == "edgeproxy" and len(parts) > 1:
                assert parts[1] in PURE, f"{path} imports {name}"


def test_a_worker_starts_without_the_checker() -> None:
    """It would be a fifth of what a start costs; the supervisor has checked the rules."""
    program = "import sys, edgeproxy.control.worker; print(*(name for name in sys.modules if 'checker' in name))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == []
