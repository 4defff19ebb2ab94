"""`edgeproxy check FILE...`: every problem of rule files, and the proof that nothing loops."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from edgeproxy.cli.arguments import add_backends
from edgeproxy.cli.findings import Checked, Format, written
from edgeproxy.cli.output import say
from edgeproxy.cli.probe import add_probe_arguments, probe
from edgeproxy.control.garbage import uncollected
from edgeproxy.ruleset.checker.check import check_ruleset
from edgeproxy.ruleset.checker.severity import Severity, severity_of
from edgeproxy.ruleset.compile import NO_OVERRIDES, Overrides
from edgeproxy.ruleset.load import RuleFileError, load_ruleset
from edgeproxy.ruleset.model import Ruleset
from edgeproxy.ruleset.problems import Code, Problem

NAME = "check"
HELP = "find every problem of rule files"

_NOTHING: Final = 0
_FINDINGS: Final = 1
_UNREADABLE: Final = 2


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="a rule file")
    parser.add_argument(
        "--after",
        type=Path,
        action="append",
        default=[],
        metavar="OLD",
        help="a rule file in use before, whose redirects clients may still hold; several: the oldest first",
    )
    parser.add_argument(
        "--format",
        type=Format,
        choices=tuple(Format),
        default=Format.TEXT,
        help="for people, for programs, or as annotations of a GitHub workflow (text)",
    )
    parser.add_argument("--strict", action="store_true", help="let notes count: exit status 1 for them, too")
    add_probe_arguments(parser)
    add_backends(parser, "with --probe: where a declared backend is now")


def execute(args: Namespace) -> int:
    after: list[Ruleset] = []
    checked: list[Checked] = []
    for path in args.after:
        try:
            after.append(load_ruleset(path))
        except RuleFileError as error:
            checked.append(_unread(path, error))
    if checked:  # nothing can be said of what comes after rules that are not known
        say(written(checked, args.format))
        return _UNREADABLE
    overrides = Overrides(backends=dict(args.backend))
    checked = [check_file(path, after, overrides) for path in args.files]
    if args.probe:
        try:
            checked = [probe(each, args) for each in checked]
        except OSError as error:
            print(f"edgeproxy: {error.filename}: {error.strerror}", file=sys.stderr)
            return _UNREADABLE
    say(written(checked, args.format))
    return max(exit_status(each.problems, strict=args.strict) for each in checked)


def exit_status(problems: Iterable[Problem], *, strict: bool = False) -> int:
    """0 nothing found, 1 findings, 2 unreadable."""
    codes = {problem.code for problem in problems}
    if codes & {Code.UNREADABLE_FILE, Code.YAML_SYNTAX}:
        return _UNREADABLE
    counts = any(strict or severity_of(code) is not Severity.NOTE for code in codes)
    return _FINDINGS if counts else _NOTHING


def check_file(path: Path, after: Sequence[Ruleset] = (), overrides: Overrides = NO_OVERRIDES) -> Checked:
    """Read a rule file and check it after these."""
    try:
        with uncollected():
            ruleset = load_ruleset(path, overrides=overrides)
    except RuleFileError as error:
        return _unread(path, error)
    report = check_ruleset(ruleset, after)
    sources = {file: text for each in (*after, ruleset) for file, text in each.sources.items()}
    return Checked(str(path), ruleset, report.findings, report.verdicts, sources)


def _unread(path: Path, error: RuleFileError) -> Checked:
    return Checked(str(path), None, error.problems, (), error.sources)
