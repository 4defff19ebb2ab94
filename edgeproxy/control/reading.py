"""Rule files as the supervisor reads them: compiled, checked, and with all there that they name.

Workers are started with what was read here (`start.py`), and import nothing of this: the checker would be a fifth of
the CPU that a start of one costs (0.15 of 0.8 s).
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from edgeproxy.control.failures import CannotRun
from edgeproxy.control.garbage import uncollected
from edgeproxy.control.start import RuleText
from edgeproxy.proxy.tls import Certificates, UnusableCertificate
from edgeproxy.proxy.token_file import UnusableToken, read_token
from edgeproxy.ruleset.checker.check import check_ruleset
from edgeproxy.ruleset.checker.severity import Severity
from edgeproxy.ruleset.load import Overrides, load_ruleset
from edgeproxy.ruleset.model import Files, Ruleset
from edgeproxy.ruleset.origins import DirectoryBackend
from edgeproxy.ruleset.problems import RuleFileError
from edgeproxy.telemetry.stderr import tell


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
