"""The demo's packages: real ones, fetched once by pip from wherever this machine's pip fetches."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

# What edgeproxy itself stands on, with all it needs; a name with a dot, one with capitals, one with several
# versions; and source archives with the build tools that installing them takes.
_FETCHES = (
    ("wheels", ("--only-binary", ":all:", "aiohttp", "jinja2", "pyyaml", "uvloop", "zope.interface", "six")),
    ("build tools", ("--only-binary", ":all:", "setuptools", "wheel", "flit-core")),
    ("older versions", ("--only-binary", ":all:", "--no-deps", "packaging==24.2", "idna==3.10", "attrs==25.1.0")),
    ("source archives", ("--no-binary", ":all:", "--no-deps", "six", "packaging")),
)
_COMPLETE = ".complete"


class CannotFetch(Exception):
    """Packages cannot be had; the message says why, and what to do."""


def fetch_packages(directory: Path, say: Callable[[str], None]) -> None:
    """Fill a directory with wheels and source archives, unless it was filled before. Raises CannotFetch."""
    if (directory / _COMPLETE).exists():
        return
    directory.mkdir(parents=True, exist_ok=True)
    for what, arguments in _FETCHES:
        say(f"fetching {what} (once)")
        # two lists cannot be in one call: pip takes one version of a name
        for line in _pip_download(directory, arguments):
            say(f"  {line}")
    (directory / _COMPLETE).touch()


def _pip_download(directory: Path, arguments: tuple[str, ...]) -> Iterator[str]:
    """Run `pip download`; yields the name of each file as it is saved."""
    command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-input", "--retries", "1"]
    process = subprocess.Popen(
        [*command, "--timeout", "10", "--dest", str(directory), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    last_error = ""
    with process:
        assert process.stdout is not None
        for line in process.stdout:
            text = line.strip()
            if text.startswith("Saved "):
                yield Path(text.removeprefix("Saved ")).name
            elif "ERROR" in text or "No module named pip" in text:
                last_error = last_error or text
    if process.returncode:
        raise CannotFetch(f"pip could not fetch the demo's packages ({last_error or 'no reason given'}): {_REMEDY}")


_REMEDY = "connect to a network that has a package index, or give --packages DIR with wheels and source archives"
