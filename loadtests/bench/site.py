"""What a proxy is given and what it must offer to be measured; its files come out of the templates in conf/."""

from __future__ import annotations

import os
import pwd
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from loadtests.bench.cases import Case
from loadtests.bench.certificate import Certificate

_CONF: Final = Path(__file__).with_name("conf")


@dataclass(frozen=True, slots=True)
class Site:
    """Where a proxy runs: a directory of its own, the store's files, the origin's port, the port to listen on.
    With a certificate it speaks TLS to its clients."""

    directory: Path
    store: Path
    origin: int
    port: int
    certificate: Certificate | None = None


class Proxy(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def source(self) -> str:
        """How to get it."""
        ...

    @property
    def speaks_tls(self) -> bool:
        """To its clients. Without it, it is left out of the cases with TLS."""
        ...

    @property
    def serves_files(self) -> bool:
        """From a directory. Without it, files are passed through from the origin."""
        ...

    @property
    def caches(self) -> bool:
        """Answers of an origin, in a form that is ready for use. Without it, it is left out where hits are measured."""
        ...

    def is_installed(self) -> bool: ...

    def version(self) -> str: ...

    def prepare(self, site: Site, case: Case) -> tuple[str, ...]:
        """Write what it reads into the site's directory; give the command that runs it in the foreground."""


class Filled(string.Template):
    delimiter = "@"  # the proxies' own languages use '$' and '%'


def fill(source: str, target: Path, values: Mapping[str, object]) -> None:
    target.write_text(Filled((_CONF / source).read_text()).substitute(values))


def values_of(site: Site) -> dict[str, object]:
    return {"directory": site.directory, "store": site.store, "origin": site.origin, "port": site.port}


def nginx_user() -> str:
    """The directive that lets nginx's workers read what this user wrote; only root may change users."""
    return f"user {pwd.getpwuid(0).pw_name};" if os.geteuid() == 0 else ""
