"""The proxies that are compared. A further one is one more class and one more entry of PROXIES.

What each runs with stands in conf/, as its own experts would write it for this work (loadtests/README.md says
why); `@{name}` marks what is filled in.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import pwd
import string
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Final, Protocol

from loadtests.bench.processes import find_program, first_line_of

_CONF: Final = Path(__file__).with_name("conf")


@dataclass(frozen=True, slots=True)
class Site:
    """Where a proxy runs: a directory of its own, the store's files, the origin's port, the port to listen on."""

    directory: Path
    store: Path
    origin: int
    port: int


class Proxy(Protocol):
    @property
    def name(self) -> str: ...

    def is_installed(self) -> bool: ...

    def version(self) -> str: ...

    def prepare(self, site: Site) -> tuple[str, ...]:
        """Write what it reads into the site's directory; give the command that runs it in the foreground."""


class Filled(string.Template):
    delimiter = "@"  # nginx and HAProxy use '$' and '%' themselves


def fill(source: str, target: Path, values: Mapping[str, object]) -> None:
    target.write_text(Filled((_CONF / source).read_text()).substitute(values))


def values_of(site: Site) -> dict[str, object]:
    return {"directory": site.directory, "store": site.store, "origin": site.origin, "port": site.port}


def nginx_user() -> str:
    """The directive that lets nginx's workers read what this user wrote; only root may change users."""
    return f"user {pwd.getpwuid(0).pw_name};" if os.geteuid() == 0 else ""


def nginx_command(directory: Path) -> tuple[str, ...]:
    program = find_program("nginx") or "nginx"
    return (
        program,
        "-p",
        str(directory),
        "-e",
        str(directory / "error.log"),
        "-c",
        str(directory / "nginx.conf"),
    )


class Nginx:
    name = "nginx"

    def is_installed(self) -> bool:
        return find_program("nginx") is not None

    def version(self) -> str:
        return first_line_of(find_program("nginx") or "nginx", "-v").rpartition("/")[2]

    def prepare(self, site: Site) -> tuple[str, ...]:
        fill("nginx.conf", site.directory / "nginx.conf", values_of(site) | {"user": nginx_user()})
        return nginx_command(site.directory)


class HAProxy:
    name = "haproxy"

    def is_installed(self) -> bool:
        return find_program("haproxy") is not None

    def version(self) -> str:
        return first_line_of(find_program("haproxy") or "haproxy", "-v").split()[2]

    def prepare(self, site: Site) -> tuple[str, ...]:
        target = site.directory / "haproxy.cfg"
        fill("haproxy.cfg", target, values_of(site))
        return (find_program("haproxy") or "haproxy", "-db", "-f", str(target))


class Edge:
    name = "edge"

    def is_installed(self) -> bool:
        return importlib.util.find_spec("edgeproxy.__main__") is not None

    def version(self) -> str:
        return version_of("edgeproxy")

    def prepare(self, site: Site) -> tuple[str, ...]:
        target = site.directory / "rules.yaml"
        fill("edge.yaml", target, values_of(site))
        return (
            sys.executable,
            "-m",
            "edgeproxy",
            "run",
            str(target),
            "--workers",
            "1",
        )  # as the others: one core is compared


class Bare:
    name = "bare"

    def is_installed(self) -> bool:
        return True

    def version(self) -> str:
        return f"Python {platform.python_version()}, uvloop {version_of('uvloop')}"

    def prepare(self, site: Site) -> tuple[str, ...]:
        return (sys.executable, "-m", "loadtests.bench.bare", str(site.port), str(site.origin))


PROXIES: Final[tuple[Proxy, ...]] = (Edge(), HAProxy(), Nginx(), Bare())
