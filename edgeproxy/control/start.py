"""What a worker is started with: the texts and maps of the rules, not their files, which may have changed since."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edgeproxy.control.failures import CannotRun
from edgeproxy.control.garbage import uncollected
from edgeproxy.proxy.tls import Certificates, UnusableCertificate
from edgeproxy.proxy.token_file import UnusableToken, read_token
from edgeproxy.ruleset.checker.check import check_ruleset
from edgeproxy.ruleset.checker.severity import Severity
from edgeproxy.ruleset.load import Overrides, load_ruleset, parse_ruleset
from edgeproxy.ruleset.model import Files, Ruleset
from edgeproxy.ruleset.moves import Moves
from edgeproxy.ruleset.origins import DirectoryBackend
from edgeproxy.ruleset.problems import RuleFileError
from edgeproxy.telemetry.stderr import tell


@dataclass(frozen=True, slots=True)
class RuleText:
    """A rule file as it was read, with those that it includes: their texts by name, and the maps that they name.
    `unchecked`: and not checked.
    """

    texts: Mapping[str, str]
    maps: Mapping[Path, Moves]
    path: Path
    overrides: Overrides
    generation: int
    unchecked: bool = False

    def compile(self) -> Ruleset:
        """Raises RuleFileError."""
        name = str(self.path)
        with uncollected():
            return parse_ruleset(
                self.texts[name],
                name,
                base=self.path.absolute().parent,
                included=self.texts,
                maps=self.maps,
                overrides=self.overrides,
                generation=self.generation,
            )


def read_rules(
    path: Path, overrides: Overrides, generation: int, *, unchecked: bool = False
) -> tuple[RuleText, Ruleset]:
    """Read, compile and check; `unchecked`: leave out what `edgeproxy check` finds beyond reading. Raises
    RuleFileError, and CannotRun for what the rules name and is not there.
    """
    with uncollected():
        ruleset = load_ruleset(path, overrides=overrides, generation=generation)
        if not unchecked:
            _check(ruleset, path)
    rules = RuleText(ruleset.sources, ruleset.maps, path, overrides, generation, unchecked)
    _check_directories(ruleset)
    _check_certificates(ruleset)
    _check_tokens(ruleset)
    return rules, ruleset


def read_again(rules: RuleText) -> tuple[RuleText, Ruleset]:
    """The next generation, from the same file."""
    return read_rules(rules.path, rules.overrides, rules.generation + 1, unchecked=rules.unchecked)


def _check(ruleset: Ruleset, path: Path) -> None:
    """Errors refuse the rules, and warnings are told with them; alone they are only counted."""
    report = check_ruleset(ruleset)
    if report.of(Severity.ERROR):
        raise RuleFileError(report.of(Severity.ERROR, Severity.WARNING), ruleset.sources)
    warnings = len(report.of(Severity.WARNING))
    if warnings:
        tell(f"{path}: {warnings} warning{'s' if warnings > 1 else ''}: `edgeproxy check {path}` shows them")


def _check_directories(ruleset: Ruleset) -> None:
    backends = [(b.name, b.directory) for b in ruleset.backends if isinstance(b, DirectoryBackend)]
    files = [(rule.name, rule.action.directory) for rule in ruleset.rules if isinstance(rule.action, Files)]
    for name, directory in backends + files:
        if not directory.is_dir():
            raise CannotRun(f"{name}: {directory} is not a directory: create it, or name another in the rule file")


def _check_certificates(ruleset: Ruleset) -> None:
    for listener in ruleset.listen:
        if listener.certificates:
            try:
                certificates = Certificates(listener)
            except UnusableCertificate as error:
                raise CannotRun(f"{listener}: {error}") from None
            for warning in certificates.warnings(datetime.now(UTC)):
                tell(f"{listener}: {warning}")


def _check_tokens(ruleset: Ruleset) -> None:
    for key, file in (("purge_token", ruleset.cache.purge_token), ("arm_token", ruleset.arm_token)):
        if file is not None:
            try:
                read_token(file, key)
            except UnusableToken as error:
                raise CannotRun(str(error)) from None


@dataclass(frozen=True, slots=True)
class Start:
    """All that a worker needs to know. `sockets` are its descriptors, one or more for each listener; `rates`: that of
    the table in which workers count together, if a rule has a rate; `beat`: seconds between signs of life; `grace`:
    seconds for running exchanges when it drains without being told how long; `purges`: the log of purges of all;
    `shares`: of cutovers that are not at rest, as the `Move` with the number `move` said; `capture`: likewise, what the
    `Tap` with the number `tap` said; `lessons`: what is known of the noise of old sides, a text.
    """

    rules: RuleText
    sockets: tuple[tuple[int, ...], ...]
    access_log: Path | None
    grace: float
    beat: float
    rates: int | None = None
    purges: int | None = None
    shares: dict[str, int] = field(default_factory=dict)
    move: int = 0
    lessons: str = ""
    capture: dict[str, Any] | None = None
    tap: int = 0

    @property
    def fds(self) -> tuple[int, ...]:
        """What a worker inherits."""
        sockets = tuple(fd for fds in self.sockets for fd in fds)
        return (*sockets, *(fd for fd in (self.rates, self.purges) if fd is not None))

    def write(self) -> int:
        """A new descriptor from which it can be read. Pickled: both ends are the same program, one of them the other's
        child, and nobody else can write there.
        """
        fd = os.memfd_create("edgeproxy start")
        with os.fdopen(fd, "wb", closefd=False) as file:  # a map may be longer than one write takes
            pickle.dump(self, file, protocol=5)
        os.lseek(fd, 0, os.SEEK_SET)
        return fd


def read_start(fd: int) -> Start:
    with os.fdopen(fd, "rb") as file:
        start = pickle.load(file)
    assert isinstance(start, Start)
    return start
